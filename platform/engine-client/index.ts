export { EngineClient } from "./engine-client.ts";
