import { Type, type Static } from "typebox";
import { closed } from "../closed.ts";
import { ROLES } from "../roles.ts";
import { Page, PageQuery, Timestamp } from "./common.ts";

const EMAIL = "ann@example.com";
const PASSWORD = "correct horse battery";
const USER_ID = "usr_2Vn0bJm8Qk3pXw7sT1yZaA";
const DEVICE_ID = "usr_9cD4eFg5hIj6kLm7nOp8qQ";
const REFRESH_TOKEN = "fam_7Tq2LwYc0Zr5Nd8XhK1mVg.0.Jx3bR6tU9wQ1eY4iO7pA0sD2fG5hK8lZ3xC6vB9nM1k";
const SECRET = "nJ4vT0rK8mQ2xW6zB1dF5gH9jL3pS7uYcE0aI4oU8wM";

/** Compared without regard to case, outer blanks, Unicode form, and how an international domain is written. */
const Email = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern: String.raw`^\s*[^\s@\p{Cc}\p{Cf}\p{Cs}]+@[^\s@\p{Cc}\p{Cf}\p{Cs}]+\s*$`,
  examples: [EMAIL],
});
const Password = Type.String({ minLength: 8, maxLength: 200, examples: [PASSWORD] });
/** Looser than at registering: what cannot be right is answered like what is wrong. */
const GivenPassword = Type.String({ maxLength: 1_000, examples: [PASSWORD] });
/** In any script, and any direction; without control characters, and not blank. */
const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: String.raw`^[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}\s][^\p{Cc}\p{Cs}]*$`,
  examples: ["Ann"],
});
export const Language = Type.Enum(["en", "de"], { description: "Of mails and tickets.", examples: ["de"] });
export type Language = Static<typeof Language>;

const RoleName = Type.Enum([...ROLES], { examples: ["customer"] });
/** Roles of those who have a password. */
export const PersonRole = Type.Enum(["customer", "boxoffice", "gate", "admin"], { examples: ["boxoffice"] });
export type PersonRole = Static<typeof PersonRole>;
/** What stands at a cinema and signs in by itself. */
export const DeviceRole = Type.Enum(["kiosk", "boxoffice", "gate"], { examples: ["gate"] });
export type DeviceRole = Static<typeof DeviceRole>;

const At = { ...Timestamp, examples: ["2026-11-21T19:30:00.000Z"] };

export const User = Type.Object({
  id: Type.String({ examples: [USER_ID] }),
  email: Type.Optional(
    Type.String({ description: "As it was given. Guests and devices have none.", examples: [EMAIL] }),
  ),
  name: Type.Optional(Type.String({ examples: ["Ann"] })),
  role: RoleName,
  language: Language,
  createdAt: At,
  deletedAt: Type.Optional({ ...At, description: "Of a device that was removed: it keeps its name, for the books." }),
});
export type User = Static<typeof User>;

export const UserPage = Page(User);
export const UserQuery = Type.Object({
  ...PageQuery.properties,
  email: Type.Optional(
    Type.String({ maxLength: 254, description: "The whole address, compared as at signing in.", examples: [EMAIL] }),
  ),
  role: Type.Optional(RoleName),
});
export type UserQuery = Static<typeof UserQuery>;

const AccessToken = Type.String({
  description: "A JWT, for `Authorization: Bearer` and the WebSocket's `auth`.",
  examples: ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl"],
});
const RefreshToken = Type.String({
  minLength: 1,
  maxLength: 2_048,
  description: "For one use, at /auth/refresh; to be kept secret.",
  examples: [REFRESH_TOKEN],
});

export const SignedIn = Type.Object({ user: User, accessToken: AccessToken, refreshToken: RefreshToken });
export type SignedIn = Static<typeof SignedIn>;

export const GuestSignedIn = Type.Object({ user: User, accessToken: AccessToken });
export type GuestSignedIn = Static<typeof GuestSignedIn>;

export const RegisterBody = Type.Object(
  { email: Email, password: Password, name: Type.Optional(Name), language: Type.Optional(Language) },
  { ...closed, examples: [{ email: EMAIL, password: PASSWORD, name: "Ann", language: "en" }] },
);

export const LoginBody = Type.Object(
  { email: Type.String({ maxLength: 1_000, examples: [EMAIL] }), password: GivenPassword },
  { ...closed, examples: [{ email: EMAIL, password: PASSWORD }] },
);

export const RefreshBody = Type.Object(
  { refreshToken: RefreshToken },
  { ...closed, examples: [{ refreshToken: REFRESH_TOKEN }] },
);
export const LogoutBody = Type.Object(
  { refreshToken: Type.Optional(RefreshToken) },
  { ...closed, examples: [{ refreshToken: REFRESH_TOKEN }] },
);

export const ChangeMeBody = Type.Object(
  {
    name: Type.Optional(Type.Union([Name, Type.Null()])),
    language: Type.Optional(Language),
    email: Type.Optional(Email),
    password: Type.Optional(GivenPassword),
  },
  {
    ...closed,
    description:
      "What is left out stays as it is. A `name` of null takes it back. `email` is changed with `password`, the current one.",
    examples: [{ name: "Ann Lee", language: "de" }],
  },
);
export const ChangePasswordBody = Type.Object(
  { current: GivenPassword, new: Password },
  { ...closed, examples: [{ current: PASSWORD, new: "a better staple" }] },
);
export const DeleteMeBody = Type.Object(
  { password: Type.Optional(GivenPassword) },
  { ...closed, description: "The password, from whoever has one.", examples: [{ password: PASSWORD }] },
);
export const ChangeUserBody = Type.Object({ role: PersonRole }, { ...closed, examples: [{ role: "boxoffice" }] });

export const CreateDeviceBody = Type.Object(
  { name: Type.Optional(Name), role: Type.Optional(DeviceRole) },
  { ...closed, description: "The role is kiosk when left out.", examples: [{ name: "Gate 3", role: "gate" }] },
);
export const DeviceCreated = Type.Object({
  deviceId: Type.String({ examples: [DEVICE_ID] }),
  secret: Type.String({ description: "Shown this once.", examples: [SECRET] }),
});
export type DeviceCreated = Static<typeof DeviceCreated>;
export const Device = Type.Object({
  deviceId: Type.String({ examples: [DEVICE_ID] }),
  role: DeviceRole,
  name: Type.Optional(Type.String({ examples: ["Gate 3"] })),
  createdAt: At,
  lastSeenAt: Type.Union([At, Type.Null()], { description: "When it last signed in; null when it never has." }),
});
export type Device = Static<typeof Device>;
export const DevicePage = Page(Device);
export const DeviceBody = Type.Object(
  {
    deviceId: Type.String({ maxLength: 64, examples: [DEVICE_ID] }),
    secret: Type.String({ maxLength: 256, examples: [SECRET] }),
  },
  { ...closed, examples: [{ deviceId: DEVICE_ID, secret: SECRET }] },
);
export const DeviceSignedIn = Type.Object({ accessToken: AccessToken });

/** RFC 7517, with Ed25519 keys as in RFC 8037. */
export const KeySet = Type.Object({
  keys: Type.Array(
    Type.Object({
      kty: Type.String({ examples: ["OKP"] }),
      crv: Type.String({ examples: ["Ed25519"] }),
      alg: Type.String({ examples: ["EdDSA"] }),
      use: Type.String({ examples: ["sig"] }),
      kid: Type.String({ examples: ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"] }),
      x: Type.String({ examples: ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"] }),
    }),
  ),
});
