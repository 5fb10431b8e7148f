/** The WebSocket edge. */
export { createEdge, type Edge, type EdgeOptions } from "./edge.ts";
export { openFilesMax } from "./meters/index.ts";
export type { EdgeConfig } from "./ports.ts";
export { requireWebSockets, WebSocketServerError } from "./websocket-server.ts";
