/** The gateways' webhooks. */
export {};
