import { openFilesMax } from "../../edge/index.ts";
import type { Role } from "./role.ts";

/** Viewers may take nine tenths. Below so many the last tenth is too little for REST, the database and whatever else opens something. */
const FILES_ENOUGH = 10_000;

/** For a process that has REST beside WebSockets. Nobody is turned away before the files are gone, so whoever starts it is told. */
export function tellOfFewFiles({ log }: Pick<Role, "log">): void {
  const files = openFilesMax();
  if (files >= FILES_ENOUGH) return;
  log.warn(
    `this process may have ${files} files and sockets open, too few for many viewers and REST together: allow it ${FILES_ENOUGH} or more (ulimit -n)`,
  );
}
