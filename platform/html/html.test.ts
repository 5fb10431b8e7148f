import { expect, it } from "vitest";
import { html } from "./html.ts";

it("what a template is given is text, unless it is markup made the same way", () => {
  const film = `<b class="x">Tom & Jerry's</b>`;
  const escaped = "&lt;b class=&quot;x&quot;&gt;Tom &amp; Jerry&#39;s&lt;/b&gt;";
  expect(html`<p title="${film}">${film}</p>`.markup).toBe(`<p title="${escaped}">${escaped}</p>`);
  const bold = (text: string) => html`<b>${text}</b>`;
  expect(html`<p>${["a", "<"].map(bold)}, ${bold("b")}</p>`.markup).toBe("<p><b>a</b><b>&lt;</b>, <b>b</b></p>");
});
