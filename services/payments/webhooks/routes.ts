import type { FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import type { Clock } from "../../../platform/clock/index.ts";
import { CountedLine, type Logger } from "../../../platform/log/index.ts";
import * as schema from "../../../proto/rest/index.ts";
import { Problem, type Routes } from "../../../platform/http/index.ts";
import { WEBHOOK_LENGTH_MAX, WEBHOOKS_PER_SECOND_MAX, WEBHOOKS_REFUSED_TOLD_EVERY_MS } from "../limits.ts";
import type { SeenPayment } from "../tables.ts";
import type { WebhookInbox } from "./webhook-inbox.ts";
import type { WebhookVerifier } from "./webhook-verifier.ts";

interface Options {
  readonly inbox: WebhookInbox;
  readonly verifiers: Readonly<Record<"mock" | "stripe", WebhookVerifier>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Has a payment looked at, soon. */
  look(payment: SeenPayment): void;
}

/** Bodies are signed as they were sent, so they come here as bytes, of whatever type they say they are. */
export const webhookRoutes =
  ({ inbox, verifiers, clock, log, look }: Options): Routes =>
  async (app) => {
    app.addHook("onRequest", async (request) => {
      request.headers["content-type"] = "application/octet-stream"; // Also where it says nothing that can be read.
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

    const refusals = new CountedLine(clock, WEBHOOKS_REFUSED_TOLD_EVERY_MS);

    const webhook = (method: "mock" | "stripe", description: { headers: TSchema; body: TSchema }): void => {
      app.post(
        `/payments/webhooks/${method}`,
        {
          bodyLimit: WEBHOOK_LENGTH_MAX[method],
          // The signature decides, and it is made of bytes: the schemas are there to be read.
          validatorCompiler: () => () => true,
          schema: {
            operationId: `${method}Webhook`,
            tags: ["payments"],
            summary: `The ${method} gateway says that a payment has changed`,
            description: "Only a hint: the payment is then read from the gateway. May come again, and in any order.",
            ...description,
            response: { 204: Type.Null() },
          },
          config: { problems: ["BAD_SIGNATURE"], rateLimit: { max: WEBHOOKS_PER_SECOND_MAX } },
        },
        async (request: FastifyRequest, reply) => {
          const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
          const notice = verifiers[method](request.headers, body, clock.now());
          if (notice === undefined) {
            refusals.add((count) =>
              log.info(
                { gateway: method, address: request.ip, count },
                "refused webhooks: not signed by the gateway, or not just now",
              ),
            );
            throw new Problem("BAD_SIGNATURE", "The webhook is not signed by the gateway, or not just now.");
          }
          const payment = await inbox.take(method, notice);
          if (payment !== undefined) look(payment);
          return reply.code(204).send(null);
        },
      );
    };
    webhook("mock", { headers: schema.MockWebhookHeaders, body: schema.MockWebhook });
    webhook("stripe", { headers: schema.StripeWebhookHeaders, body: schema.StripeWebhook });
  };
