export { escape, html, type Html } from "./html.ts";
