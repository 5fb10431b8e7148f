import { create } from "./dom.ts";

export interface Question {
  readonly title: string;
  readonly text: string;
  /** On the button that means it. */
  readonly yes: string;
  readonly no: string;
}

/** Asks before what cannot be undone; the answer is no when it is closed by Escape, or its page is left, which `signal` tells. */
export function ask({ title, text, yes, no }: Question, signal?: AbortSignal): Promise<boolean> {
  const buttons = [create("button", { value: "no" }, no), create("button", { value: "yes", className: "danger" }, yes)];
  const form = create(
    "form",
    { method: "dialog" },
    create("h2", {}, title),
    create("p", { id: "question-text" }, text),
    create("div", { className: "row" }, ...buttons),
  );
  // One for each question: a browser may be late to tell that the one before was closed.
  const dialog = create("dialog", { className: "card" }, form);
  dialog.setAttribute("aria-label", title);
  dialog.setAttribute("aria-describedby", "question-text");
  document.body.append(dialog);
  const close = (): void => dialog.close();
  signal?.addEventListener("abort", close);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      signal?.removeEventListener("abort", close);
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}
