/** Between two addresses fit about 28,000 connections; Linux answers on every 127.0.0.x, so that a load may have more. */
import { platform } from "node:os";

export const CONNECTIONS_AN_ADDRESS = 20_000;

/** Where connection `index` of so many comes from. */
export function addressOf(index: number, connections: number): { readonly from?: string } {
  if (connections <= CONNECTIONS_AN_ADDRESS || platform() !== "linux") return {};
  return { from: `127.0.0.${2 + Math.floor(index / CONNECTIONS_AN_ADDRESS)}` };
}
