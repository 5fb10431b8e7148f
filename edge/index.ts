/** The WebSocket edge. */
export { createEdge, type Edge, type EdgeOptions } from "./edge.ts";
export { openFilesMax, type UsageBoard } from "./meters/index.ts";
export type { EdgeConfig, EngineGateway, Verifier } from "./ports.ts";
export { requireWebSockets, WebSocketServerError } from "./websocket-server.ts";
