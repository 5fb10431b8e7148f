/** Whether an error of Node or of PostgreSQL is the one of that code, such as `ENOENT` or `22023`. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
