/** What somebody who is signed in may be. */
export const ROLES = ["customer", "guest", "kiosk", "boxoffice", "gate", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Those who may hold seats and buy them, over WebSocket, REST and GraphQL alike. */
export const MAY_BUY = ["customer", "guest", "kiosk", "boxoffice", "admin"] as const satisfies readonly Role[];
const BUYERS: ReadonlySet<Role> = new Set<Role>(MAY_BUY);
export const mayBuy = (role: Role): boolean => BUYERS.has(role);
