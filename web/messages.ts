import { byId, create } from "./dom.ts";

const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;

/** Says something to everybody: in sight for a while, and read out. */
export function tell(text: string): void {
  const box = byId("messages", HTMLElement);
  const message = create("p", {}, text);
  box.append(message);
  while (box.children.length > SHOWN_MAX) box.firstElementChild?.remove();
  setTimeout(() => message.remove(), SHOWN_MS);
}

/** Says something to those who cannot see the map. */
export function say(text: string): void {
  byId("spoken", HTMLElement).textContent = text;
}
