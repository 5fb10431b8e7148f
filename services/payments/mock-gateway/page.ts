import { html, type Html } from "../../../platform/html/index.ts";
import { formatMoney } from "../../../proto/index.ts";
import type { LedgerPayment } from "./ledger.ts";
import { TOKENS } from "./tokens.ts";

/** The page where a buyer without a card's token pays: a form, no script. */
export function paymentPage(payment: LedgerPayment): string {
  const isOpen = payment.state === "pending" && payment.verdict === null;
  return pageOf(
    html`<h1>${formatMoney(payment, "en")}</h1>
      <p>${payment.description}</p>
      ${isOpen ? choices() : html`<p role="status"><strong>${outcome(payment)}</strong></p>`}`,
  );
}

/** For whoever follows the address that Usher prints at its start. */
export const homePage = (): string =>
  pageOf(
    html`<h1>Mock gateway</h1>
      <p>Each payment has a page of its own here, which the shop leads to.</p>`,
  );

function pageOf(content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Mock gateway</title>
        <style>
          body {
            font:
              1rem/1.5 system-ui,
              sans-serif;
            max-width: 28rem;
            margin: 3rem auto;
            padding: 0 1rem;
          }
          button {
            display: block;
            width: 100%;
            margin: 0.5rem 0;
            padding: 0.7rem;
            font: inherit;
            border: 1px solid #888;
            border-radius: 0.4rem;
            background: #fff;
          }
          button:first-of-type {
            background: #14532d;
            color: #fff;
          }
          @media (prefers-color-scheme: dark) {
            body {
              background: #111;
              color: #eee;
            }
            button {
              background: #222;
              color: #eee;
            }
          }
        </style>
      </head>
      <body>
        <main>
          ${content}
          <p><small>This gateway moves no money: it is for trying things out.</small></p>
        </main>
      </body>
    </html> `.markup;
}

const choices = (): Html =>
  html`<form method="post">
    ${Object.entries(TOKENS).map(([token, { label }]) => html`<button name="token" value="${token}">${label}</button> `)}
  </form>`;

function outcome({ state, reason }: LedgerPayment): string {
  switch (state) {
    case "pending":
      return "Your payment is being worked on. You can go back to the shop.";
    case "authorized":
    case "captured":
      return "Paid. You can go back to the shop.";
    case "failed":
      return reason ?? "The payment failed.";
    case "voided":
      return "The shop has called this payment off. You have not paid.";
  }
}
