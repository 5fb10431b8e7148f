/** Why a bench cannot go on: one sentence for whoever started it, no stack. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}

const WHY: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    "This machine has no more free ports for the load: use fewer --connections, or wait a minute until closed ones are given back.",
  EMFILE: "The bench has no more file descriptors: raise `ulimit -n`, or use fewer --connections.",
  ENFILE: "This machine has no more file descriptors: close other programs, or use fewer --connections.",
  ENOMEM: "This machine has no more memory for the load: use fewer --connections.",
  ENOBUFS: "This machine has no more memory for sockets: use fewer --connections.",
};

/** The error as a sentence, where it, or what caused it, is one of those that a machine too small for the load gives. */
export function explain(error: unknown): unknown {
  for (let one = error; one instanceof Error; one = one.cause) {
    const why = "code" in one ? WHY[String(one.code)] : undefined;
    if (why !== undefined) return new BenchError(why, { cause: error });
  }
  return error;
}
