export { Audience } from "./audience.ts";
export type { Viewer, Watch } from "./channel.ts";
export { Ticker } from "./ticker.ts";
