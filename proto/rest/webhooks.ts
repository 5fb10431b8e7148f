/** Webhooks for integrators. */
export {};
