/** Reads a mail back, by the RFCs and not by the library that wrote it. */
export interface ReadMail {
  /** By their names in small letters; unfolded and decoded (RFC 2047). */
  readonly headers: ReadonlyMap<string, string>;
  /** The whole message, undecoded. */
  readonly raw: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly { readonly fileName: string; readonly type: string; readonly bytes: Buffer }[];
}

interface Part {
  readonly headers: Map<string, string>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export function readMail(bytes: Buffer): ReadMail {
  const raw = bytes.toString("latin1");
  const whole = partOf(raw);
  const leaves = leavesOf(whole);
  const bodyOf = (type: string) => {
    const found = leaves.find((leaf) => leaf.headers.get("content-type")?.startsWith(type));
    return found === undefined ? "" : decode(found).toString("utf8").replaceAll("\r\n", "\n");
  };
  const attached = leaves.filter((leaf) => leaf.headers.get("content-disposition")?.startsWith("attachment"));
  return {
    headers: new Map([...whole.headers].map(([name, value]) => [name, decodeWords(value)])),
    raw,
    text: bodyOf("text/plain"),
    html: bodyOf("text/html"),
    attachments: attached.map((leaf) => ({
      fileName: parameter(leaf.headers.get("content-disposition") ?? "", "filename"),
      type: (leaf.headers.get("content-type") ?? "").split(";")[0] ?? "",
      bytes: decode(leaf),
    })),
  };
}

function partOf(raw: string): Part {
  const end = raw.indexOf("\r\n\r\n");
  const rawHeaders = raw
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, " ")
    .split("\r\n");
  const headers = new Map<string, string>();
  for (const line of rawHeaders) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`not a header: ${line}`);
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, rawHeaders, body: raw.slice(end + 4) };
}

function leavesOf(part: Part): Part[] {
  const type = part.headers.get("content-type") ?? "";
  if (!type.startsWith("multipart/")) return [part];
  const pieces = part.body.split(`--${parameter(type, "boundary")}`);
  return pieces.slice(1, -1).flatMap((piece) => leavesOf(partOf(piece.replace(/^\r\n/, ""))));
}

const parameter = (header: string, name: string): string => new RegExp(`${name}="?([^";]+)"?`).exec(header)?.[1] ?? "";

function decode({ headers, body }: Part): Buffer {
  switch (headers.get("content-transfer-encoding")) {
    case "base64":
      return Buffer.from(body, "base64");
    case "quoted-printable":
      return Buffer.from(unquote(body.replaceAll(/=\r\n/g, ""), "="), "latin1");
    default:
      return Buffer.from(body, "latin1");
  }
}

const unquote = (text: string, mark: string): string =>
  text.replaceAll(new RegExp(`${mark}([0-9A-F]{2})`, "g"), (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );

const decodeWords = (header: string): string =>
  header
    .replaceAll(/(\?=)\s+(=\?)/g, "$1$2")
    .replaceAll(/(?:=\?utf-8\?[qb]\?[^?]*\?=)+/gi, (words) =>
      Buffer.concat(
        [...words.matchAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi)].map(([, kind, word = ""]) =>
          kind?.toLowerCase() === "b"
            ? Buffer.from(word, "base64")
            : Buffer.from(unquote(word.replaceAll("_", " "), "="), "latin1"),
        ),
      ).toString("utf8"),
    );
