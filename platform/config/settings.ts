import {
  addresses,
  asciiSecret,
  baseUrl,
  directory,
  email,
  host,
  logLevel,
  origin,
  origins,
  port,
  seconds,
  secret,
  url,
  urls,
  webhookSecret,
  whole,
  yesOrNo,
  type Kind,
} from "./kinds.ts";

export interface Setting {
  /** The environment variable. */
  readonly name: string;
  readonly kind: Kind<unknown>;
  /** As it would be written; a setting without one may stay unset. */
  readonly default?: string;
  readonly about: string;
}

/** Where USHER_ADMIN_EMAIL names no other. */
export const FIRST_ADMIN_EMAIL = "admin@usher.local";

/** Every setting there is, by its field in `Config`. `loadConfig` and `.env.example` both come from here. */
export const SETTINGS = {
  host: { name: "HOST", kind: host, default: "127.0.0.1", about: "Address that the ports listen on." },
  httpPort: { name: "HTTP_PORT", kind: port, default: "8080", about: "REST and the web page." },
  wsPort: { name: "WS_PORT", kind: port, default: "8081", about: "WebSocket." },
  httpsPort: {
    name: "HTTPS_PORT",
    kind: port,
    default: "8443",
    about: "REST, the page and WebSocket with TLS, at the entry of `npm run cluster`.",
  },
  allowedOrigins: {
    name: "ALLOWED_ORIGINS",
    kind: origins,
    default: "",
    about: "Origins whose pages may connect, besides the page that Usher serves itself.",
  },

  trustedProxies: {
    name: "TRUSTED_PROXIES",
    kind: addresses,
    default: "",
    about:
      "Proxies in front of us, or networks of them, that are believed when they say whose connection it is (X-Forwarded-For).",
  },

  dataDir: {
    name: "DATA_DIR",
    kind: directory,
    default: "./.usher",
    about: "Where keys, mails and the embedded PostgreSQL live. Relative to the current directory.",
  },
  databaseUrl: {
    name: "DATABASE_URL",
    kind: url("postgres", "postgresql"),
    about: "PostgreSQL, such as postgres://user:password@host:5432/usher. Unset: an embedded one under DATA_DIR.",
  },
  allowUnsafePostgres: {
    name: "ALLOW_UNSAFE_POSTGRES",
    kind: yesOrNo,
    default: "false",
    about: "true: run on a server with fsync, full_page_writes or synchronous_commit off. It will lose sales.",
  },
  natsUrl: {
    name: "NATS_URL",
    kind: urls("nats", "tls"),
    about: "NATS, such as nats://host:4222. Unset: a bus inside the process.",
  },
  redisUrl: {
    name: "REDIS_URL",
    kind: url("redis", "rediss"),
    about: "Redis, such as redis://host:6379. Unset: counters in memory.",
  },
  shards: {
    name: "SHARDS",
    kind: whole("shards", 1, 4096),
    default: "64",
    about: "Virtual shards that showtimes are spread over. The same in every process.",
  },

  adminEmail: {
    name: "USHER_ADMIN_EMAIL",
    kind: email,
    about: `The first admin, made on the first start. Unset: ${FIRST_ADMIN_EMAIL}.`,
  },
  adminPassword: {
    name: "USHER_ADMIN_PASSWORD",
    kind: secret(8),
    about: "The first admin's password; that of an admin who is there stays. Unset: generated and printed once.",
  },
  accessTokenTtlMs: {
    name: "ACCESS_TOKEN_TTL_SECONDS",
    kind: seconds(1, 86_400),
    default: "900",
    about: "How long an access token is good.",
  },
  guestTokenTtlMs: {
    name: "GUEST_TOKEN_TTL_SECONDS",
    kind: seconds(1, 604_800),
    default: "43200",
    about: "How long a guest may hold and buy; a guest's token is not refreshed.",
  },
  refreshTokenTtlMs: {
    name: "REFRESH_TOKEN_TTL_SECONDS",
    kind: seconds(1, 31_536_000),
    default: "2592000",
    about: "How long somebody may be away and still be signed in.",
  },

  holdTtlMs: {
    name: "HOLD_TTL_SECONDS",
    kind: seconds(1, 86_400),
    default: "300",
    about: "How long seats are held, from the hold and from each extension.",
  },
  holdMaxMs: {
    name: "HOLD_MAX_SECONDS",
    kind: seconds(1, 86_400),
    default: "900",
    about: "How long seats are held at most, extensions included. Not below HOLD_TTL_SECONDS.",
  },
  paymentTtlMs: {
    name: "PAYMENT_TTL_SECONDS",
    kind: seconds(1, 86_400),
    default: "300",
    about: "How long a buyer has to pay once a booking is begun.",
  },
  maxSeatsPerHolder: {
    name: "MAX_SEATS_PER_HOLDER",
    kind: whole("seats", 1, 1000),
    default: "8",
    about: "Seats of one showtime that one holder may have.",
  },

  commandsPerSecond: {
    name: "COMMANDS_PER_SECOND",
    kind: whole("commands a second", 1, 1_000_000),
    default: "500",
    about: "WebSocket messages taken from one connection, and from one user; twice as many in a burst.",
  },
  addressCommandsPerSecond: {
    name: "ADDRESS_COMMANDS_PER_SECOND",
    kind: whole("commands a second", 1, 10_000_000),
    default: "10000",
    about: "WebSocket messages taken from one IP address (of IPv6: from one /64 network); twice as many in a burst.",
  },
  connectionsPerAddress: {
    name: "CONNECTIONS_PER_ADDRESS",
    kind: whole("connections", 1, 1_000_000),
    default: "20000",
    about: "WebSocket connections open at once from one IP address (of IPv6: from one /64 network).",
  },
  requestsPerSecond: {
    name: "REQUESTS_PER_SECOND",
    kind: whole("requests a second", 1, 1_000_000),
    default: "2000",
    about: "REST requests taken from one IP address (of IPv6: from one /64 network).",
  },

  latePaymentGraceMs: {
    name: "LATE_PAYMENT_GRACE_SECONDS",
    kind: seconds(0, 86_400),
    default: "600",
    about:
      "How long after the end of a booking's time its payment may still get the same seats, if they are free, or others.",
  },
  publicUrl: {
    name: "PUBLIC_URL",
    kind: baseUrl,
    about:
      "How buyers reach the REST port, for links in mails; its host's name is also in those to the mock gateway's pages. Unset: http://HOST:HTTP_PORT.",
  },
  publicWsUrl: {
    name: "PUBLIC_WS_URL",
    kind: url("ws", "wss"),
    about:
      "How browsers reach the WebSocket, such as wss://tickets.example.com/v1. Unset: the address of the page itself behind a trusted proxy, else WS_PORT of its host.",
  },
  mockPayments: {
    name: "MOCK_PAYMENTS",
    kind: yesOrNo,
    default: "true",
    about:
      "false: nobody can pay through the mock gateway any more, and no demo catalogue is loaded. Where tickets cost money it has to be.",
  },
  mockGatewayPort: {
    name: "MOCK_GATEWAY_PORT",
    kind: port,
    default: "0",
    about: "The mock payment gateway's own port. 0: any free one.",
  },
  mockGatewayUrl: {
    name: "MOCK_GATEWAY_URL",
    kind: baseUrl,
    about:
      "A mock gateway that runs elsewhere (usher gateway). Unset: `usher all`, and each `usher services` with payments, runs one. Set for `usher gateway` itself: where buyers reach its pages.",
  },
  mockGatewaySecret: {
    name: "MOCK_GATEWAY_SECRET",
    kind: webhookSecret(16),
    about:
      "What the mock gateway signs its webhooks with, and asks of its callers. Unset: made on the first start, under DATA_DIR.",
  },
  stripeApiUrl: {
    name: "STRIPE_API_URL",
    kind: origin,
    default: "https://api.stripe.com",
    about: "Where Stripe's API is.",
  },
  mailFrom: { name: "MAIL_FROM", kind: email, default: "tickets@usher.example", about: "Who mails come from." },
  webhookPrivateAddresses: {
    name: "WEBHOOK_PRIVATE_ADDRESSES",
    kind: yesOrNo,
    about:
      "Whether webhooks of integrators may go to private and loopback addresses. Unset: they may while HOST is a loopback address.",
  },

  smtpUrl: {
    name: "SMTP_URL",
    kind: url("smtp", "smtps"),
    about: "Mail server, such as smtp://user:password@host:587. Unset: mails are files under DATA_DIR/mail.",
  },
  stripeSecretKey: {
    name: "STRIPE_SECRET_KEY",
    kind: asciiSecret(8),
    about: "Stripe's API key. Unset: no card payments by Stripe.",
  },
  stripeWebhookSecret: {
    name: "STRIPE_WEBHOOK_SECRET",
    kind: asciiSecret(8),
    about: "What Stripe signs its webhooks with.",
  },
  logLevel: {
    name: "LOG_LEVEL",
    kind: logLevel,
    default: "info",
    about: "Logs go to standard error, one JSON object per line; on a terminal as lines to be read.",
  },
} as const satisfies Record<string, Setting>;

type Table = typeof SETTINGS;
type Value<Field extends keyof Table> = Table[Field]["kind"] extends Kind<infer T> ? T : never;
type WithDefault = { [Field in keyof Table]: Table[Field] extends { default: string } ? Field : never }[keyof Table];
type Settled = { readonly [Field in WithDefault]: Value<Field> };
type Optional = { readonly [Field in Exclude<keyof Table, WithDefault>]?: Value<Field> };

/** The settings as the program reads them. All times in milliseconds. */
export interface Config extends Settled, Optional {}
