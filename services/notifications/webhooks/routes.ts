import { Type } from "typebox";
import type { Clock } from "../../../platform/clock/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import * as schema from "../../../proto/rest/index.ts";
import { requireRole, type Routes } from "../../../platform/http/index.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Endpoints } from "./endpoints.ts";

interface Parts {
  readonly endpoints: Endpoints;
  readonly deliveries: Deliveries;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** There is something to send. */
  nudge(): void;
}

const tags = ["webhooks"];
const onRequest = requireRole("admin");

export const webhookRoutes =
  (parts: Parts): Routes =>
  async (app, options) => {
    // What holds a secret may be kept by no cache on the way.
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    await registryRoutes(parts)(app, options);
    await singleRoutes(parts)(app, options);
    await deliveryRoutes(parts)(app, options);
  };

const registryRoutes =
  ({ endpoints }: Parts): Routes =>
  async (app) => {
    app.post(
      "/webhooks",
      {
        onRequest,
        config: { problems: ["LIMIT_REACHED"] },
        schema: {
          operationId: "registerWebhook",
          tags,
          summary: "Have events sent to an address",
          description:
            "Each event is posted as a CloudEvent (1.0, JSON) with the headers of Standard Webhooks. An answer of 2xx within ten " +
            "seconds settles it; redirects are not followed. After anything else it is tried again: after 5 s, 15 s, 45 s, " +
            "2 min, 7 min, 20 min, 1 h, 3 h, 9 h, then every 12 h, each give or take a fifth, for three days. Events may " +
            "come more than once, with the same `webhook-id`, and in any order. A webhook that answers 410, or fails for " +
            "three days on end, is disabled.",
          body: schema.RegisterWebhookBody,
          response: { 201: schema.WebhookRegistered },
        },
      },
      async ({ body }, reply) => reply.code(201).send(await endpoints.register(body)),
    );

    app.get(
      "/webhooks",
      {
        onRequest,
        schema: {
          operationId: "listWebhooks",
          tags,
          summary: "Webhooks, newest first",
          querystring: schema.PageQuery,
          response: { 200: schema.WebhookPage },
        },
      },
      ({ query }) => endpoints.list(query),
    );
  };

const singleRoutes =
  ({ endpoints, nudge }: Parts): Routes =>
  async (app) => {
    const config = { problems: ["NOT_FOUND"] as const };
    const params = schema.IdParams;

    app.get(
      "/webhooks/:id",
      {
        onRequest,
        config,
        schema: { operationId: "getWebhook", tags, summary: "One webhook", params, response: { 200: schema.Webhook } },
      },
      ({ params: { id } }) => endpoints.find(id),
    );

    app.put(
      "/webhooks/:id",
      {
        onRequest,
        config,
        schema: {
          operationId: "changeWebhook",
          tags,
          summary: "Change a webhook, pause it, or enable it again",
          description:
            "What was pending when it was paused or disabled is sent once it is enabled again; of what happens meanwhile it " +
            "is told nothing.",
          params,
          body: schema.ChangeWebhookBody,
          response: { 200: schema.Webhook },
        },
      },
      async ({ body, params: { id } }) => {
        const webhook = await endpoints.change(id, body);
        nudge();
        return webhook;
      },
    );

    app.delete(
      "/webhooks/:id",
      {
        onRequest,
        config,
        schema: {
          operationId: "deleteWebhook",
          tags,
          summary: "Delete a webhook, its log and what is pending for it",
          params,
          response: { 204: Type.Null({ description: "Deleted." }) },
        },
      },
      async ({ params: { id } }, reply) => {
        await endpoints.remove(id);
        return reply.code(204).send(null);
      },
    );

    app.post(
      "/webhooks/:id/secret",
      {
        onRequest,
        config,
        schema: {
          operationId: "rotateWebhookSecret",
          tags,
          summary: "Replace a webhook's secret",
          description: "For a day deliveries are signed with both, so that the receiver can change over in peace.",
          params,
          response: { 200: schema.WebhookSecret },
        },
      },
      ({ params: { id } }) => endpoints.rotateSecret(id),
    );
  };

const deliveryRoutes =
  ({ endpoints, deliveries, clock, random, nudge }: Parts): Routes =>
  async (app) => {
    app.post(
      "/webhooks/:id/test",
      {
        onRequest,
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
        schema: {
          operationId: "testWebhook",
          tags,
          summary: "Send a test event",
          description: "One attempt, with an event of type `webhook.test`; its delivery says how it went.",
          params: schema.IdParams,
          response: { 202: schema.WebhookDelivery },
        },
      },
      async ({ params: { id } }, reply) => {
        const delivery = await deliveries.addTest(id, {
          specversion: "1.0",
          id: newId("evt", random),
          source: "/usher/notifications",
          type: "webhook.test",
          subject: id,
          time: new Date(clock.now()).toISOString(),
          datacontenttype: "application/json",
          data: { webhookId: id },
        });
        nudge();
        return reply.code(202).send(delivery);
      },
    );

    app.get(
      "/webhooks/:id/deliveries",
      {
        onRequest,
        config: { problems: ["NOT_FOUND"] },
        schema: {
          operationId: "listWebhookDeliveries",
          tags,
          summary: "What was sent to a webhook, newest first; kept for 30 days",
          params: schema.IdParams,
          querystring: schema.WebhookDeliveryQuery,
          response: { 200: schema.WebhookDeliveryPage },
        },
      },
      async ({ params: { id }, query }) => {
        await endpoints.find(id);
        return deliveries.list(id, query);
      },
    );

    app.post(
      "/webhooks/:id/deliveries/:delivery/retry",
      {
        onRequest,
        config: { problems: ["NOT_FOUND", "CONFLICT"] },
        schema: {
          operationId: "retryWebhookDelivery",
          tags,
          summary: "Attempt a delivery now",
          description: "One that was done or given up is attempted once more.",
          params: schema.WebhookDeliveryParams,
          response: { 202: schema.WebhookDelivery },
        },
      },
      async ({ params: { id, delivery } }, reply) => {
        const retried = await deliveries.retry(id, delivery);
        nudge();
        return reply.code(202).send(retried);
      },
    );
  };
