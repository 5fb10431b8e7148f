/** The element of the page with this id. @throws TypeError when index.html has none of that kind: a defect. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`index.html has no ${kind.name} #${id}`);
}

type Content = Node | string;

/** A new element with these properties, and these things in it. */
export function create<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...content: Content[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...content);
  return element;
}

const controlsOf = (list: HTMLElement): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("a, button")];
const purposeOf = (control: HTMLElement): string =>
  `${control.closest("li")?.id ?? ""} ${control.getAttribute("aria-label") ?? control.textContent}`;

/**
 * Puts these in place of a list's items. Focus that was on a button or link in it stays on what has the same words, in the item
 * of the same id, or else goes where `orElse` says: never to the top of the page.
 * @param orElse is given the buttons and links that there are now, from the place of the one that is gone.
 */
export function replaceItems(
  list: HTMLElement,
  items: readonly HTMLElement[],
  orElse: (next: readonly HTMLElement[]) => HTMLElement,
): void {
  const before = controlsOf(list);
  const at = before.findIndex((control) => control === document.activeElement);
  const focused = before[at];
  const purpose = focused && purposeOf(focused);
  list.replaceChildren(...items);
  if (purpose === undefined) return;
  const now = controlsOf(list);
  const same = now.find((control) => purposeOf(control) === purpose);
  (same ?? orElse(now.slice(at))).focus();
}

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = create("button", { type: "button" }, text);
  element.addEventListener("click", onClick);
  return element;
}
