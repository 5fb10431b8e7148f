export { type Engine, EngineClient } from "./engine-client.ts";
