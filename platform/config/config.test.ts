import { readdirSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, loadConfig, type Environment } from "./config.ts";
import { renderEnvExample } from "./testing/env-example.ts";
import { SETTINGS } from "./settings.ts";

describe("settings", () => {
  it("have the documented defaults, times in milliseconds", () => {
    expect(loadConfig({})).toEqual({
      host: "127.0.0.1",
      httpPort: 8080,
      wsPort: 8081,
      httpsPort: 8443,
      allowedOrigins: [],
      trustedProxies: [],
      dataDir: resolve(".usher"),
      allowUnsafePostgres: false,
      shards: 64,
      accessTokenTtlMs: 15 * 60_000,
      guestTokenTtlMs: 12 * 3_600_000,
      refreshTokenTtlMs: 30 * 86_400_000,
      holdTtlMs: 300_000,
      holdMaxMs: 900_000,
      paymentTtlMs: 300_000,
      maxSeatsPerHolder: 8,
      commandsPerSecond: 500,
      addressCommandsPerSecond: 10_000,
      connectionsPerAddress: 20_000,
      requestsPerSecond: 2000,
      latePaymentGraceMs: 600_000,
      mockPayments: true,
      mockGatewayPort: 0,
      stripeApiUrl: "https://api.stripe.com",
      mailFrom: "tickets@usher.example",
      logLevel: "info",
    });
  });

  it("are read from the environment", () => {
    const config = loadConfig({
      HTTP_PORT: "0",
      DATA_DIR: "some/where",
      HOLD_TTL_SECONDS: "2",
      ALLOWED_ORIGINS: "https://Tickets.example.com, http://localhost:3000/,",
      DATABASE_URL: "postgres://user:p%40ss@db:5432/usher",
      NATS_URL: "nats://one:4222,tls://two:4222",
      USHER_ADMIN_EMAIL: "admin@example.com",
      ALLOW_UNSAFE_POSTGRES: "true",
      PATH: "/usr/bin",
    });
    expect(config).toMatchObject({
      httpPort: 0,
      holdTtlMs: 2000,
      allowedOrigins: ["https://tickets.example.com", "http://localhost:3000"],
      databaseUrl: "postgres://user:p%40ss@db:5432/usher",
      natsUrl: "nats://one:4222,tls://two:4222",
      adminEmail: "admin@example.com",
      allowUnsafePostgres: true,
    });
    expect(isAbsolute(config.dataDir)).toBe(true);
    expect(config).not.toHaveProperty("redisUrl");
  });

  it("take an address that paths are put behind with a slash at its end and without", () => {
    const url = "https://tickets.example.com/usher";
    const set = { PUBLIC_URL: `${url}/`, MOCK_GATEWAY_URL: url };
    expect(loadConfig(set)).toMatchObject({ publicUrl: url, mockGatewayUrl: url });
    expect(loadConfig({ STRIPE_API_URL: "https://stripe.example/" }).stripeApiUrl).toBe("https://stripe.example");
  });

  it("take addresses and networks of proxies", () => {
    const { trustedProxies } = loadConfig({ TRUSTED_PROXIES: "10.0.0.7, 10.1.0.0/16,fd00::/8,::1" });
    expect(trustedProxies).toEqual(["10.0.0.7", "10.1.0.0/16", "fd00::/8", "::1"]);
  });

  it.each(["s0123456789abcdef", "sixteen-letters:~", `whsec_${"+/0A".repeat(10)}`, `whsec_${"0".repeat(14)}==`])(
    "take %s as the mock gateway's secret",
    (text) => {
      expect(loadConfig({ MOCK_GATEWAY_SECRET: text })).toMatchObject({ mockGatewaySecret: text });
    },
  );

  it.each<[Environment, object]>([
    [{ HOLD_MAX_SECONDS: "5" }, { holdMaxMs: 5_000, holdTtlMs: 5_000 }],
    [{ HOLD_TTL_SECONDS: "1200" }, { holdMaxMs: 1_200_000, holdTtlMs: 1_200_000 }],
    [{ REFRESH_TOKEN_TTL_SECONDS: "60" }, { refreshTokenTtlMs: 60_000, accessTokenTtlMs: 60_000 }],
  ])("of two of which one is not below the other, the one that is not set follows: %o", (env, expected) => {
    expect(loadConfig(env)).toMatchObject(expected);
  });

  it("count as unset when empty", () => {
    const empty = Object.fromEntries(Object.values(SETTINGS).map(({ name }) => [name, ""]));
    expect(loadConfig({ ...empty, USHER_TYPO: "" })).toEqual(loadConfig({}));
  });

  it.each<[Environment, string]>([
    [
      { HTTP_PORT: "80a" },
      'HTTP_PORT must be a port from 0 to 65535 (0 = any free one), but is "80a": correct it or unset it for 8080.',
    ],
    [{ WS_PORT: "65536" }, "WS_PORT must be a port"],
    [{ WS_PORT: "-1" }, "WS_PORT must be a port"],
    [{ HOST: "two words" }, "HOST must be a host name or an IP address"],
    [{ HOLD_TTL_SECONDS: "0" }, "HOLD_TTL_SECONDS must be a whole number of seconds from 1 to 86400"],
    [{ HOLD_TTL_SECONDS: "1.5" }, "HOLD_TTL_SECONDS must be a whole number of seconds"],
    [{ HOLD_TTL_SECONDS: "1e9" }, "HOLD_TTL_SECONDS must be a whole number of seconds"],
    [
      { HOLD_MAX_SECONDS: "299", HOLD_TTL_SECONDS: "300" },
      "HOLD_MAX_SECONDS (299) is less than HOLD_TTL_SECONDS (300): raise the one or lower the other.",
    ],
    [
      { REFRESH_TOKEN_TTL_SECONDS: "60", ACCESS_TOKEN_TTL_SECONDS: "900" },
      "REFRESH_TOKEN_TTL_SECONDS (60) is less than ACCESS_TOKEN_TTL_SECONDS (900)",
    ],
    [{ SHARDS: "9".repeat(20) }, "SHARDS must be a whole number of shards from 1 to 4096"],
    [{ LOG_LEVEL: "loud" }, 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, but is "loud"'],
    [{ ALLOW_UNSAFE_POSTGRES: "yes" }, "ALLOW_UNSAFE_POSTGRES must be true or false"],
    [{ ALLOWED_ORIGINS: "https://a.example/path" }, "ALLOWED_ORIGINS must be web origins"],
    [{ ALLOWED_ORIGINS: "a.example" }, "ALLOWED_ORIGINS must be web origins"],
    [{ TRUSTED_PROXIES: "proxy.example" }, "TRUSTED_PROXIES must be IP addresses such as 10.0.0.7 or networks such as"],
    [{ TRUSTED_PROXIES: "10.0.0.7,10.0.0.0/33" }, "TRUSTED_PROXIES must be IP addresses"],
    [{ TRUSTED_PROXIES: "fd00::/8/8" }, "TRUSTED_PROXIES must be IP addresses"],
    [{ TRUSTED_PROXIES: "0.0.0.0/0" }, "TRUSTED_PROXIES must be IP addresses"],
    [{ TRUSTED_PROXIES: "10.0.0.0/000" }, "TRUSTED_PROXIES must be IP addresses"],
    [
      { STRIPE_API_URL: "https://egress.example/stripe" },
      "STRIPE_API_URL must be the address of a web server without a path, such as https://api.example.com, but is a https:// URL (the rest may hold a password): correct it or",
    ],
    [
      { MOCK_GATEWAY_SECRET: "whsec_test_secret_0123456789" },
      "MOCK_GATEWAY_SECRET must be at least 16 visible ASCII characters without blanks, and behind whsec_, where it begins so, standard base64, but is 28 characters, no base64 behind whsec_: correct it or unset it.",
    ],
    [{ MOCK_GATEWAY_SECRET: "whsec_==========" }, "but is 16 characters, no base64 behind whsec_"],
    [{ MOCK_GATEWAY_SECRET: "whsec_AAAA" }, "but is 10 characters: correct it"],
    [{ MOCK_GATEWAY_SECRET: "пароль0123456789" }, "but is 16 characters, others among them"],
    [{ MOCK_GATEWAY_SECRET: "0123456789abcdef " }, "but is 17 characters, others among them"],
    [{ STRIPE_SECRET_KEY: "sk_live_0123456789\n" }, "STRIPE_SECRET_KEY must be at least 8 visible ASCII characters"],
    [{ STRIPE_WEBHOOK_SECRET: " whsec_0123456789" }, "STRIPE_WEBHOOK_SECRET must be at least 8 visible ASCII"],
    [{ USHER_ADMIN_EMAIL: "nobody" }, "USHER_ADMIN_EMAIL must be an e-mail address"],
    [
      { USHER_ADMIN_EMAIL: "ada@example.com", USHER_ADMIN_PASSWORD: "Ada@Example.com" },
      "USHER_ADMIN_PASSWORD is the address of the first admin: choose a password that is not, or unset it.",
    ],
    [{ USHER_ADMIN_PASSWORD: "admin@usher.local" }, "USHER_ADMIN_PASSWORD is the address of the first admin"],
    [
      { DATABASE_URL: "mysql://db/usher" },
      "DATABASE_URL must be a URL that begins with postgres:// or postgresql://, but is a mysql:// URL",
    ],
    [{ DATABASE_URL: "postgres://db:port/usher" }, "but is a postgres:// URL that does not parse"],
    [
      { NATS_URL: "nats://one:4222,two" },
      "NATS_URL must be a URL that begins with nats:// or tls://, or several joined by commas",
    ],
    [{ USHER_HTTP_PORT: "80" }, "USHER_HTTP_PORT is not a setting of Usher: did you mean HTTP_PORT?"],
    [{ USHER_ADMIN_MAIL: "a@b" }, "did you mean USHER_ADMIN_EMAIL?"],
    [{ USHER_admin_email: "a@b" }, "did you mean USHER_ADMIN_EMAIL?"],
    [{ USHER_FOO: "1" }, "USHER_FOO is not a setting of Usher: unset it, .env.example has them all."],
    [{ USHER_HOLD_SECONDS: "1" }, "did you mean HOLD_TTL_SECONDS?"],
  ])("refuse %o in one clear sentence", (env, sentence) => {
    expect(() => loadConfig(env)).toThrow(ConfigError);
    expect(() => loadConfig(env)).toThrow(sentence);
  });

  it.each([
    "DATABASE_URL",
    "REDIS_URL",
    "NATS_URL",
    "SMTP_URL",
    "USHER_ADMIN_PASSWORD",
    "STRIPE_SECRET_KEY",
    "STRIPE_API_URL",
    "MOCK_GATEWAY_SECRET",
    "USHER_UNKNOWN",
  ])("never print the secret in %s", (name) => {
    for (const text of [
      "hunter2",
      "https://me:hunter2@host",
      "me:hunter2@host",
      "postgres://me:hunter2@host:x,redis://",
    ]) {
      let message = "";
      try {
        loadConfig({ [name]: text });
      } catch (error) {
        message = String(error);
      }
      expect(message).not.toContain("hunter2");
    }
  });
});

it(".env.example lists every setting as the table has it; after a change of that: npx vitest run platform/config -u", async () => {
  const file = renderEnvExample();
  await expect(file).toMatchFileSnapshot("../../.env.example");
  for (const { name } of Object.values(SETTINGS)) expect(file).toContain(`\n# ${name}=`);
});

it("every setting is read by some file that runs in production", () => {
  const root = join(import.meta.dirname, "../..");
  const files = ["bin", "platform", "engine", "edge", "services"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  const isOfProduction = (name: string): boolean =>
    name.endsWith(".ts") && !/\.test\.ts$|\btesting\b/.test(name) && !name.startsWith(join("platform", "config"));
  const sources = files.filter(isOfProduction).map((name) => readFileSync(join(root, name), "utf8"));
  const words = new Set(sources.flatMap((source) => source.match(/\b\w+\b/g) ?? []));
  expect(Object.keys(SETTINGS).filter((field) => !words.has(field))).toEqual([]);
});

it.each(["sale-rules", "purchase"])(
  "docs/reference/%s.md gives each setting's default where it first names it",
  (page) => {
    const text = readFileSync(new URL(`../../docs/reference/${page}.md`, import.meta.url), "utf8");
    const named = Object.values(SETTINGS).filter(({ name }) => text.includes(`\`${name}\``));
    const defaults = named.flatMap((setting) => ("default" in setting ? [setting] : []));
    expect(defaults.length).toBeGreaterThan(2);
    for (const { name, default: value } of defaults) {
      const mention = text.slice(text.indexOf(`\`${name}\``) - 1);
      const [, written] = /^\[`\w+`\]\(settings\.md\) \(([\d,]+)\)/.exec(mention) ?? [];
      expect(written?.replace(",", ""), name).toBe(value);
    }
  },
);
