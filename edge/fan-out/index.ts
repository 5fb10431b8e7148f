export { Audience } from "./audience.ts";
export { setAside, type Viewer, type Watch } from "./channel.ts";
export { Ticker } from "./ticker.ts";
