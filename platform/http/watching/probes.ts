/** Whether a route is for those who watch the process: they ask all the time, also while it is not ready. */
export const isProbe = (route: string): boolean => route.startsWith("/health/") || route === "/metrics";
