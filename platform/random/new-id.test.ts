import { expect, it } from "vitest";
import { newId } from "./new-id.ts";

it("an id is its prefix and sixteen random bytes, in characters that need no escape anywhere", () => {
  expect(newId("bk", (size) => Buffer.alloc(size, 0xff))).toBe("bk______________________w");
  expect(newId("mv", (size) => Buffer.from(Array.from({ length: size }, (_, i) => i)))).toBe(
    "mv_AAECAwQFBgcICQoLDA0ODw",
  );
});
