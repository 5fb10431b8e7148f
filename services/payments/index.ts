/** What moves the money: gateways, what was asked of them, and what they said. */
export {
  createMockGatewayServer,
  MOCK_GATEWAY_SCHEMA,
  type MockGatewayServer,
  mockGatewayMigrations,
} from "./mock-gateway/index.ts";
export { paymentsMigrations } from "./migrations.ts";
export { createPaymentsService, type PaymentsOptions, type PaymentsService } from "./service.ts";
export { PAYMENTS_SCHEMA } from "./tables.ts";
