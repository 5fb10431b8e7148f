import { requireRole, type Routes } from "../../../platform/http/index.ts";
import { Reconciliation } from "../../../proto/rest/index.ts";

export const reconciliationRoutes =
  (reconcile: () => Promise<Reconciliation>): Routes =>
  async (app) => {
    app.get(
      "/payments/reconciliation",
      {
        onRequest: requireRole("admin"),
        schema: {
          operationId: "reconcilePayments",
          tags: ["payments"],
          summary: "Compares our books with the gateways', now",
          response: { 200: Reconciliation },
        },
      },
      async (_request, reply) => {
        void reply.header("cache-control", "no-store");
        return reconcile();
      },
    );
  };
