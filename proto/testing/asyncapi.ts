/** The WebSocket protocol as an AsyncAPI 3 document, made from the schemas that the edge checks by. */
import type { TSchema } from "typebox";
import { portablePattern } from "../portable-pattern.ts";
import { CLIENT_SCHEMAS, SERVER_SCHEMAS } from "../ws/messages.ts";
import { SUBPROTOCOLS } from "../ws/subprotocol.ts";

type Name = keyof typeof CLIENT_SCHEMAS | keyof typeof SERVER_SCHEMAS;

interface Operation {
  readonly does: "receive" | "send";
  readonly summary: string;
  readonly messages: readonly Name[];
  readonly answers?: readonly Name[];
}

/** Seen from the server, as AsyncAPI wants it: it receives what clients send. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  greet: { does: "send", summary: "Sent at once on every connection.", messages: ["Welcome"] },
  auth: { does: "receive", summary: "Sign in.", messages: ["Auth"], answers: ["Authed", "Refused"] },
  watch: {
    does: "receive",
    summary: "Watch a hall. Deltas go on coming after the first answer.",
    messages: ["Watch"],
    answers: ["Snapshot", "Delta", "Refused"],
  },
  unwatch: { does: "receive", summary: "Watch no longer.", messages: ["Unwatch"] },
  hold: {
    does: "receive",
    summary: "Hold seats: named ones, or the best there are.",
    messages: ["HoldSeats", "HoldBest"],
    answers: ["Held", "Refused"],
  },
  extend: { does: "receive", summary: "Ask for more time.", messages: ["Extend"], answers: ["Extended", "Refused"] },
  release: { does: "receive", summary: "Give seats back.", messages: ["Release"], answers: ["Released", "Refused"] },
  show: { does: "send", summary: "What a watched hall looks like, as it changes.", messages: ["Snapshot", "Delta"] },
  notify: {
    does: "send",
    summary: "What becomes of a hold, to its holder.",
    messages: ["Expired", "Booked", "Booking"],
  },
  warn: { does: "send", summary: "The sign-in or the server is about to end.", messages: ["Reauth", "Goaway"] },
};

const CHANNEL = "#/channels/v1";
const inChannel = (name: Name) => ({ $ref: `${CHANNEL}/messages/${name}` });

export function renderAsyncApi(): string {
  const schemas: Record<string, TSchema> = { ...CLIENT_SCHEMAS, ...SERVER_SCHEMAS };
  const names = Object.keys(schemas);
  const document = {
    asyncapi: "3.0.0",
    info: {
      title: "Usher",
      version: "1",
      description:
        "Seats, live. The payloads are the JSON form; proto/README.md has the msgpack form, byte by byte, and the rules " +
        "of numbering, resuming and retrying.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    servers: { local: { host: "127.0.0.1:8081", protocol: "ws", description: "`usher all` as it starts by default." } },
    channels: {
      v1: {
        address: "/v1",
        description: "One connection. Anybody may watch; holding wants a sign-in.",
        messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
        bindings: {
          ws: {
            method: "GET",
            headers: {
              type: "object",
              properties: { "Sec-WebSocket-Protocol": { type: "string", enum: Object.values(SUBPROTOCOLS) } },
            },
            bindingVersion: "0.1.0",
          },
        },
      },
    },
    operations: Object.fromEntries(
      Object.entries(OPERATIONS).map(([name, { does, summary, messages, answers }]) => [
        name,
        {
          action: does,
          channel: { $ref: CHANNEL },
          summary,
          messages: messages.map(inChannel),
          ...(answers && { reply: { channel: { $ref: CHANNEL }, messages: answers.map(inChannel) } }),
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(Object.entries(schemas).map(([name, payload]) => [name, { name, payload }])),
    },
  };
  return `${JSON.stringify(document, asRead, 2)}\n`;
}

/** Patterns are made to be read without our flag. That each seat is named once is a check of our own, quicker than JSON Schema's keyword; readers are told by the keyword. */
const asRead = (key: string, value: unknown): unknown => {
  if (key === "pattern" && typeof value === "string") return portablePattern(value);
  return isRefinedArray(value) ? { ...value, uniqueItems: true } : value;
};

const isRefinedArray = (value: unknown): value is object =>
  typeof value === "object" && value !== null && "type" in value && value.type === "array" && "~refine" in value;
