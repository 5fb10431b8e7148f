export { answerTo } from "./answer-to.ts";
export { type Engine, EngineClient } from "./engine-client.ts";
