import type { Migration } from "kysely";
import { EVENTS_SCHEMA, eventsMigrations } from "../../platform/events/index.ts";
import { BOOKINGS_SCHEMA, bookingsMigrations } from "../../services/bookings/index.ts";
import { CATALOG_SCHEMA, catalogMigrations } from "../../services/catalog/index.ts";
import { HTTP_SCHEMA, httpMigrations } from "../../platform/http/index.ts";
import { IDENTITY_SCHEMA, identityMigrations } from "../../services/identity/index.ts";
import { NOTIFICATIONS_SCHEMA, notificationsMigrations } from "../../services/notifications/index.ts";
import {
  MOCK_GATEWAY_SCHEMA,
  mockGatewayMigrations,
  PAYMENTS_SCHEMA,
  paymentsMigrations,
} from "../../services/payments/index.ts";
import { TICKETS_SCHEMA, ticketsMigrations } from "../../services/tickets/index.ts";

/** The domains of the services, in the order in which they start. */
export const DOMAINS = ["identity", "catalog", "payments", "bookings", "tickets", "notifications"] as const;
export type Domain = (typeof DOMAINS)[number];

type Schemas = Readonly<Record<string, Readonly<Record<string, Migration>>>>;

/** The schemas that each domain keeps its data in, and nobody else. */
export const SCHEMAS_OF: Readonly<Record<Domain, Schemas>> = {
  identity: { [IDENTITY_SCHEMA]: identityMigrations },
  catalog: { [CATALOG_SCHEMA]: catalogMigrations },
  payments: { [PAYMENTS_SCHEMA]: paymentsMigrations, [MOCK_GATEWAY_SCHEMA]: mockGatewayMigrations },
  bookings: { [BOOKINGS_SCHEMA]: bookingsMigrations },
  tickets: { [TICKETS_SCHEMA]: ticketsMigrations },
  notifications: { [NOTIFICATIONS_SCHEMA]: notificationsMigrations },
};

/** What the domains share: stored answers of the HTTP server, and dead letters. */
export const SHARED_SCHEMAS: Schemas = { [HTTP_SCHEMA]: httpMigrations, [EVENTS_SCHEMA]: eventsMigrations };
