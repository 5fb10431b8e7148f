/** Every scenario there is. A new one is a file beside this one, and a line here. */
import type { Scenario } from "../runner/scenario.ts";
import { browse } from "./browse.ts";
import { clusterHoldRush } from "./cluster-hold-rush.ts";
import { clusterRestHold } from "./cluster-rest-hold.ts";
import { clusterViewerFanout } from "./cluster-viewer-fanout.ts";
import { core } from "./core.ts";
import { growth } from "./growth.ts";
import { holdRush } from "./hold-rush.ts";
import { kioskSoak } from "./kiosk-soak.ts";
import { loginStorm } from "./login-storm.ts";
import { purchase } from "./purchase.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { recovery } from "./recovery.ts";
import { restHold } from "./rest-hold.ts";
import { shard } from "./shard.ts";
import { showtime } from "./showtime.ts";
import { slowReaders } from "./slow-readers.ts";
import { takeover } from "./takeover.ts";
import { viewerFanout } from "./viewer-fanout.ts";
import { wire } from "./wire.ts";

export const SCENARIOS: readonly Scenario[] = [
  core,
  shard,
  recovery,
  wire,
  holdRush,
  viewerFanout,
  reconnectStorm,
  slowReaders,
  kioskSoak,
  browse,
  showtime,
  restHold,
  loginStorm,
  purchase,
  takeover,
  clusterHoldRush,
  clusterViewerFanout,
  clusterRestHold,
  growth,
];
