import { BusTokenVerifier } from "../../platform/auth/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import type { Role } from "./role.ts";

/** Verifies tokens with what identity says over the bus, now and from now on. */
export const startVerifier = ({ clock, log, lifecycle }: Role, bus: Bus): Promise<BusTokenVerifier> =>
  lifecycle.start({
    name: "token verifier",
    start: async () => {
      const verifier = new BusTokenVerifier({ bus, clock, log });
      await verifier.start();
      return verifier;
    },
    stop: (verifier) => verifier.stop(),
  });
