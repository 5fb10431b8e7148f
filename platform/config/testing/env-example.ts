import { SETTINGS, type Setting } from "../settings.ts";

const HEADING = `# Settings of Usher. All are optional; what stands here in comments is the default.
# An empty value counts as unset. Names that begin with USHER_ and are not listed are refused.
`;

/** The text of `.env.example`. */
export function renderEnvExample(): string {
  return [HEADING, ...Object.values(SETTINGS).map(render)].join("\n");
}

function render(setting: Setting): string {
  const { expected } = setting.kind;
  const sentence = `${expected.charAt(0).toUpperCase()}${expected.slice(1)}.`;
  return `# ${setting.about}\n# ${sentence}\n# ${setting.name}=${setting.default ?? ""}\n`;
}
