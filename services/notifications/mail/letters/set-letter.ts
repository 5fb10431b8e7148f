import { html } from "../../../../platform/html/index.ts";
import type { Letter } from "./letter.ts";

export function letterAsText({ greeting, paragraphs, facts, link, closing }: Letter): string {
  const width = Math.max(...facts.map(({ name }) => name.length)) + 2;
  const rows = facts.flatMap(({ name, values }) =>
    values.map((value, at) => `${(at === 0 ? `${name}:` : "").padEnd(width)} ${value}`),
  );
  return [greeting, ...paragraphs, rows.join("\n"), `${link.text}: ${link.url}`, `-- \n${closing}`]
    .join("\n\n")
    .concat("\n");
}

/** Tables and styles in place: mail programs know little else. `dir=auto`: a name may run from right to left. */
export function letterAsHtml({
  language,
  subject,
  heading,
  greeting,
  paragraphs,
  facts,
  link,
  closing,
}: Letter): string {
  const rows = facts.map(
    ({ name, values }) =>
      html` <tr>
        <th align="left" valign="top" style="padding:4px 16px 4px 0;font-weight:normal;color:#6b7280">${name}</th>
        <td valign="top" style="padding:4px 0">${values.map((value) => html`<div dir="auto">${value}</div>`)}</td>
      </tr>`,
  );
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${subject}</title>
      </head>
      <body style="margin:0;padding:24px;background:#f3f4f6;color:#111827;font:16px/1.5 system-ui,sans-serif">
        <div style="max-width:560px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px">
          <h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${heading}</h1>
          <p dir="auto">${greeting}</p>
          ${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}
          <table role="presentation" cellspacing="0" cellpadding="0" style="margin:24px 0">
            ${rows}
          </table>
          <p><a href="${link.url}" style="color:#be123c">${link.text}</a></p>
          <p style="margin:24px 0 0;font-size:13px;color:#6b7280">${closing}</p>
        </div>
      </body>
    </html> `.markup;
}
