import type { Config } from "../../../platform/config/index.ts";

/** Where the mock gateway listens: with MOCK_PAYMENTS=false it only refunds earlier payments, so on loopback alone. */
export const gatewayHost = ({ host, mockPayments }: Config): string => (mockPayments ? host : "127.0.0.1");
