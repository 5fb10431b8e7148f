import { expect, it } from "vitest";
import { parsedJson } from "./parsed-json.ts";

it("gives what the JSON stands for, and undefined for what is none", () => {
  expect(parsedJson('{"seats":[1,2]}')).toEqual({ seats: [1, 2] });
  expect(parsedJson("null")).toBeNull();
  for (const text of ["", "{", "undefined", "<h1>It works!</h1>"]) expect(parsedJson(text)).toBeUndefined();
});
