/** A gateway to try payments with. It shares with the shop its secret and the wire, and nothing else. */
export { createMockGateway, type MockGateway, type MockGatewayOptions } from "./gateway.ts";
export { MOCK_GATEWAY_SCHEMA, mockGatewayMigrations } from "./tables.ts";
