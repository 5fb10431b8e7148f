/** The report's style sheet, for bright and dark screens and for paper. Ten colours that also those can tell apart who see few. */
const BRIGHT = [
  "#0b6e99",
  "#c4462f",
  "#3c8031",
  "#8a4fae",
  "#b07a00",
  "#0f7f7a",
  "#b03a7c",
  "#5a5f66",
  "#6b7f1f",
  "#3b54b5",
];
const DARK = [
  "#5cb8e0",
  "#ef8a76",
  "#84c978",
  "#c79be3",
  "#e0b34d",
  "#5cc9c2",
  "#ea8fbf",
  "#aab0b8",
  "#b9cc6a",
  "#93a6f2",
];

const colors = (list: readonly string[]): string => list.map((color, index) => `.s${index}{--c:${color}}`).join("");

/** The classes of a series' color: past the tenth they begin anew, with dashes. */
export const colorClass = (index: number): string =>
  `s${index % BRIGHT.length}${index < BRIGHT.length ? "" : " again"}`;

export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2126;--paper:#fff;--faint:#d9dde2;--soft:#5b6570}
${colors(BRIGHT)}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--paper:#14181c;--faint:#333b43;--soft:#9aa5b1}${colors(DARK)}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1320px;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.2}h2{border-top:1px solid var(--faint);padding-top:1.5rem;margin-top:2.5rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid var(--faint);white-space:nowrap}
th:first-child,td:first-child,.facts td{text-align:left;white-space:normal}th{font-weight:600;color:var(--soft);vertical-align:bottom}
.wide th{white-space:normal;min-width:4.5rem}.wide td:first-child{min-width:13rem}.facts th{vertical-align:top}.facts td{overflow-wrap:anywhere}
.wide{overflow-x:auto}.load{color:var(--soft);margin-top:-.6rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1rem}
figure{margin:0;min-width:0;overflow-x:auto}figcaption{color:var(--soft);font-size:13px;position:sticky;left:0}svg{width:100%;min-width:480px;height:auto}
svg .again{stroke-dasharray:6 4}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg .axis{fill:var(--soft)}
.grid{stroke:var(--faint);stroke-width:1}.even{stroke:var(--soft);stroke-width:1.4;stroke-dasharray:3 3}.line{stroke:var(--c);stroke-width:1.6;fill:none}.median{stroke:var(--c);stroke-width:3}.dot{fill:var(--c);opacity:.65}
.key::before{content:"";display:inline-block;width:.8em;height:.8em;border-radius:2px;background:var(--c);margin-right:.35em}.key{margin-right:1em}
.key.again::before{background:repeating-linear-gradient(90deg,var(--c) 0 .2em,transparent .2em .3em)}
dt{font-weight:600}dd{margin:0 0 .6rem}
`;
