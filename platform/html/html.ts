/** Markup in which every value is text: what a template is given is escaped, unless it is markup made the same way. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export function html(parts: TemplateStringsArray, ...values: readonly (string | Html | readonly Html[])[]): Html {
  return new Html(parts.reduce((markup, part, at) => markup + markupOf(values[at - 1] ?? "") + part));
}

const markupOf = (value: string | Html | readonly Html[]): string =>
  typeof value === "string"
    ? escape(value)
    : [value]
        .flat()
        .map(({ markup }) => markup)
        .join("");

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For an element or a quoted attribute, of HTML and of XML. */
export const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter] ?? "");
