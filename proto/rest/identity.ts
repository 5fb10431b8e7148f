import { Type, type Static } from "typebox";
import { Timestamp } from "./common.ts";

const closed = { additionalProperties: false };

/** Compared without regard to case, outer blanks and Unicode form. */
export const Email = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern: String.raw`^\s*[^\s@\p{Cc}]+@[^\s@\p{Cc}]+\s*$`,
  examples: ["ann@example.com"],
});
export const Password = Type.String({ minLength: 8, maxLength: 200, examples: ["correct horse battery"] });
const Name = Type.String({ minLength: 1, maxLength: 200, examples: ["Ann"] });

export const RoleName = Type.Enum(["customer", "guest", "kiosk", "boxoffice", "gate", "admin"]);

export const User = Type.Object({
  id: Type.String(),
  email: Type.Optional(Type.String({ description: "As it was given. Guests and devices have none." })),
  name: Type.Optional(Type.String()),
  role: RoleName,
  createdAt: Timestamp,
});
export type User = Static<typeof User>;

const AccessToken = Type.String({ description: "A JWT, for `Authorization: Bearer` and the WebSocket's `auth`." });

export const SignedIn = Type.Object({
  user: User,
  accessToken: AccessToken,
  refreshToken: Type.String({ description: "For one use, at /auth/refresh; to be kept secret." }),
});
export type SignedIn = Static<typeof SignedIn>;

export const GuestSignedIn = Type.Object({ user: User, accessToken: AccessToken });
export type GuestSignedIn = Static<typeof GuestSignedIn>;

export const RegisterBody = Type.Object({ email: Email, password: Password, name: Type.Optional(Name) }, closed);

/** Looser than at registering: what cannot be right is answered like what is wrong. */
export const LoginBody = Type.Object(
  { email: Type.String({ maxLength: 1_000 }), password: Type.String({ maxLength: 1_000 }) },
  closed,
);

const RefreshToken = Type.String({ minLength: 1, maxLength: 2_048 });
export const RefreshBody = Type.Object({ refreshToken: RefreshToken }, closed);
export const LogoutBody = Type.Object({ refreshToken: Type.Optional(RefreshToken) }, closed);
export const GuestBody = Type.Object({}, closed);

/** What stands at a cinema and signs in by itself. */
export const DeviceRole = Type.Enum(["kiosk", "boxoffice", "gate"]);
export type DeviceRole = Static<typeof DeviceRole>;

export const CreateDeviceBody = Type.Object(
  { name: Type.Optional(Name), role: Type.Optional(DeviceRole) },
  { ...closed, description: "The role is kiosk when left out." },
);
export const DeviceCreated = Type.Object({
  deviceId: Type.String(),
  secret: Type.String({ description: "Shown this once." }),
});
export const DeviceBody = Type.Object(
  { deviceId: Type.String({ maxLength: 64 }), secret: Type.String({ maxLength: 256 }) },
  closed,
);
export const DeviceSignedIn = Type.Object({ accessToken: AccessToken });

/** RFC 7517, with Ed25519 keys as in RFC 8037. */
export const KeySet = Type.Object({
  keys: Type.Array(
    Type.Object({
      kty: Type.String(),
      crv: Type.String(),
      alg: Type.String(),
      use: Type.String(),
      kid: Type.String(),
      x: Type.String(),
    }),
  ),
});
