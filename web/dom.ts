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

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = create("button", { type: "button" }, text);
  element.addEventListener("click", onClick);
  return element;
}
