import { Command } from "commander";
import { ExplainedError } from "../parts/explained-error.ts";

const ROLES = {
  engine: "owns showtimes: decides holds and writes the journal",
  edge: "serves WebSockets",
  services: "serves REST and the page",
  cluster: "all roles as processes of their own on this machine",
} as const;

/** The roles that run apart meet over NATS; this version has the bus inside one process, and says so rather than start half a system. */
export const roleCommands = (): Command[] =>
  Object.entries(ROLES).map(([role, about]) =>
    new Command(role).description(`${about} (not apart in this version: use \`usher all\`)`).action(() => {
      throw new ExplainedError(
        `This version runs every role in one process: start \`usher all\` instead of \`usher ${role}\`.`,
      );
    }),
  );
