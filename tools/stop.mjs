/** Ends a command: the message is one sentence for whoever typed it. */
export class Stop extends Error {
  name = "Stop";
}

/** Runs a command's `main`; a `Stop` is shown as its sentence, all else with its stack. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Stop ? error.message : error);
    process.exit(1);
  }
}
