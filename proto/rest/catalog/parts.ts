/** What several of the catalogue's schemas are made of. */
import { Type } from "typebox";

/** Any text: an id that cannot be one is simply not found. */
export const AnyIdParams = Type.Object({ id: Type.String({ description: "An opaque id." }) });
export const exampleId = (example: string) =>
  Type.Object({ id: Type.String({ description: "An opaque id.", examples: [example] }) });

/** One line of text: whatever the script, but no control characters and no half characters. */
export const Line = (maxLength: number, description?: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: String.raw`^(?=.*\S)[^\p{Cc}\p{Cs}]+$`,
    ...(description !== undefined && { description }),
  });

/** The same, or nothing: so is what was never said shown, and may be sent back. */
export const LineOrNone = (maxLength: number) =>
  Type.String({ maxLength, pattern: String.raw`^(?:(?=.*\S)[^\p{Cc}\p{Cs}]+)?$` });

export const Version = Type.Integer({
  minimum: 1,
  description: "Counts the changes; a change names the one that it was made from.",
});
export const ExpectedVersion = Type.Optional(
  Type.Integer({
    minimum: 1,
    description:
      "The `version` that the change was made from: 409 when there is another by now. So does `If-Match` with the resource's ETag. Without either the change is made whatever is there.",
  }),
);

export const Search = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }));
export const Day = Type.String({ format: "date", description: "YYYY-MM-DD, a day in the cinema's time zone." });
export const CategoryId = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
