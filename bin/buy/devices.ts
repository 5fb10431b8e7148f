import type { DeviceCreated, DeviceRole, DeviceSignedIn } from "../../proto/rest/index.ts";
import type { Static } from "typebox";
import type { Market } from "./purchase.ts";

interface Wanted {
  readonly adminToken: string;
  readonly role: DeviceRole;
}

/** A device that is made for the time of the work, and removed after it. */
export async function withDevice(
  { shop, steps }: Pick<Market, "shop" | "steps">,
  { adminToken, role }: Wanted,
  work: (token: string) => Promise<void>,
): Promise<void> {
  const device = await steps.do(`${role} set up by the admin`, () =>
    shop.post<DeviceCreated>("devices", { token: adminToken, body: { role, name: `Demo ${role}` } }),
  );
  try {
    const { accessToken } = await steps.do(`${role} signed in with its secret`, () =>
      shop.post<Static<typeof DeviceSignedIn>>("auth/device", { body: device }),
    );
    await work(accessToken);
  } finally {
    await steps.do(`${role} removed`, () => shop.delete(`devices/${device.deviceId}`, adminToken));
  }
}
