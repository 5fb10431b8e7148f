import { ExplainedError } from "../explained/index.ts";

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "is taken: stop what listens there, or choose another port",
  EACCES: "may not be used by this user: choose one above 1023",
  EADDRNOTAVAIL: "cannot be had, since HOST is no address of this machine: correct HOST",
  ENOTFOUND: "cannot be had, since HOST does not resolve: correct HOST",
  EAI_AGAIN: "cannot be had, since no name server says just now where HOST is: correct HOST, or try again",
  EINVAL:
    "cannot be had, since HOST is an address of one link alone: correct HOST, or name the link, as in fe80::1%eth0",
  EAFNOSUPPORT: "cannot be had, since this machine has no addresses of the kind of HOST: correct HOST",
};

interface Place {
  /** Whose port it is. */
  readonly setting: string;
  readonly host: string;
  readonly port: number;
}

/** Why nobody can listen there, for whoever has set it so; undefined where the error says nothing of that. */
export function explainListenError(error: unknown, { setting, host, port }: Place): ExplainedError | undefined {
  const why = WHY[error instanceof Error && "code" in error ? String(error.code) : ""];
  return why === undefined ? undefined : new ExplainedError(`Port ${port} on ${host} (${setting}) ${why}.`);
}
