/** A gateway to try payments with. Its books are its own: it shares with the shop the secret, the HTTP client and the key of webhooks. */
export { mockGatewayMigrations } from "./migrations.ts";
export { createMockGatewayServer, type MockGatewayServer } from "./server.ts";
export { MOCK_GATEWAY_SCHEMA } from "./tables.ts";
