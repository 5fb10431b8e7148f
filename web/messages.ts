import { button, byId, create } from "./dom.ts";

const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;

/** What takes each message away that is shown, the oldest first. */
const shown = new Set<() => void>();

/** Says something to everybody: read out, and in sight until it was there for a while to be seen, or is closed by hand. */
export function tell(text: string): void {
  const box = byId("messages", HTMLElement);
  const gone = new AbortController();
  const remove = (): void => {
    shown.delete(remove);
    gone.abort();
    message.remove();
  };
  let focusBefore: EventTarget | null = null;
  const close = button("Close", () => {
    remove();
    // Focus that came here, by a click or by the keyboard, goes back.
    if (focusBefore instanceof HTMLElement) focusBefore.focus();
  });
  close.addEventListener("focus", ({ relatedTarget }) => (focusBefore = relatedTarget ?? focusBefore));
  const message = create("p", {}, create("span", {}, text), close);
  box.append(message);
  shown.add(remove);
  for (const removeOldest of Array.from(shown).slice(0, -SHOWN_MAX)) removeOldest();

  let timer: ReturnType<typeof setTimeout> | undefined;
  /** What is told to a hidden tab, or just before it is hidden, is there when somebody comes back. */
  const count = (): void => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(() => (document.activeElement === close ? count() : remove()), SHOWN_MS);
  };
  document.addEventListener("visibilitychange", count, { signal: gone.signal });
  count();
}

/** Says something to those who cannot see the map. */
export function say(text: string): void {
  byId("spoken", HTMLElement).textContent = text;
}
