import { parse } from "yaml";

/** Every metric in the PromQL of a dashboard or a file of alerts; YAML reads JSON too. */
export function metricsNamedIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const expression of expressionsIn(parse(text))) {
    const bare = expression
      .replaceAll(/"[^"]*"/g, "")
      .replaceAll(/\{[^}]*\}/g, "")
      .replaceAll(/\[[^\]]*\]/g, "")
      .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, "");
    for (const [name] of bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/g)) if (!WORDS.has(name)) names.add(name);
  }
  return names;
}

/** Words of PromQL itself. */
const WORDS = new Set(["and", "or", "unless", "bool", "offset"]);

function expressionsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "expr" && typeof inner === "string" ? [inner] : expressionsIn(inner),
  );
}
