import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseUnusable } from "../errors.ts";

/** Whom a program of PostgreSQL runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A program with all that `child_process` needs to run it as its account. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv };
}

const OWN_ACCOUNT = "usher-postgres";

/**
 * PostgreSQL refuses to run as root. So root runs it as the owner of the data, or as `postgres`, or as a system user
 * made for it; anybody else as oneself (undefined).
 * @throws DatabaseUnusable when root can have no such user
 */
export function accountFor(cluster: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster);
    if (uid !== 0) return { uid, gid };
  }
  const known = lookUp("postgres") ?? lookUp(OWN_ACCOUNT);
  if (known !== undefined) return known;
  spawnSync("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_ACCOUNT]);
  const made = lookUp(OWN_ACCOUNT);
  if (made !== undefined) return made;
  throw new DatabaseUnusable(
    'PostgreSQL refuses to run as root and no user could be made for it: create a user "postgres", ' +
      "run Usher as another user, or set DATABASE_URL.",
  );
}

/**
 * PostgreSQL refuses a data directory that is not its own account's, as a copy that was made without its owner.
 * @throws DatabaseUnusable that names both, and how to give it back
 */
export function requireOwner(cluster: string, account: Account | undefined): void {
  const owner = statSync(cluster).uid;
  const runner = account?.uid ?? process.getuid?.() ?? owner;
  if (owner === runner) return;
  const to = nameOf(runner);
  throw new DatabaseUnusable(
    `${cluster} belongs to ${nameOf(owner)}, and PostgreSQL runs as ${to} here: copy it with its owners (cp -a, tar -p), ` +
      `or give it back, as root: chown -R ${to} ${account === undefined ? dirname(cluster) : cluster}`,
  );
}

const nameOf = (uid: number): string =>
  (spawnSync("id", ["-un", String(uid)], { encoding: "utf8" }).stdout ?? "").trim() || String(uid);

function lookUp(name: string): Account | undefined {
  const ask = (flag: string) => Number.parseInt(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout ?? "", 10);
  const account = { uid: ask("-u"), gid: ask("-g") };
  return Number.isInteger(account.uid) && Number.isInteger(account.gid) && account.uid !== 0 ? account : undefined;
}

/**
 * How to run `program` as `account`, which has to reach every one of `paths`. Where a directory above them is closed
 * to that account (a checkout under /root, a private temporary directory), the program keeps the one capability to
 * pass: `access(2)` honours it only with the secure bit `no_setuid_fixup` (man 7 capabilities).
 * @throws DatabaseUnusable when the account cannot be let through
 */
export function launch(
  account: Account | undefined,
  paths: readonly string[],
  program: string,
  args: readonly string[],
): Launch {
  // No PG* variable of the user's shell may steer our server, nor a directory that the account cannot enter.
  const options = { cwd: "/", env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" } };
  if (account === undefined) return { file: program, args, options };
  if (canReach({ file: "/bin/sh", args: [], options: { ...options, ...account } }, paths)) {
    return { file: program, args, options: { ...options, ...account } };
  }
  const letThrough = [
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--",
  ];
  if (canReach({ file: "setpriv", args: [...letThrough, "/bin/sh"], options }, paths)) {
    return { file: "setpriv", args: [...letThrough, program, ...args], options };
  }
  throw new DatabaseUnusable(
    `PostgreSQL runs as user ${account.uid} here, which cannot reach ${paths.join(" and ")}: ` +
      "make the directories above readable for others, or run Usher as another user.",
  );
}

function canReach(shell: Launch, paths: readonly string[]): boolean {
  const script = 'for path; do test -r "$path" && test -x "$path" || exit 1; done';
  return spawnSync(shell.file, [...shell.args, "-c", script, "sh", ...paths], shell.options).status === 0;
}
