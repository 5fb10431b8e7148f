/** Tells whoever started this process where it listens; from then on it ends when asked to (and, when profiled, writes its profile first). */
export function announce(port: number): void {
  process.once("SIGTERM", () => process.exit(0));
  console.log(JSON.stringify({ port }));
}
