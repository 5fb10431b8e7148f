import { expect, it } from "vitest";
import { plainCodec } from "../subject.ts";
import { USER_CARD } from "./identity.ts";

const card = { id: "u_1", role: "customer", email: "ann@example.com", name: "Ann", language: "en" };
const plain = plainCodec<unknown>();

it("a user's card is one, or there is none, or it is dropped", () => {
  const { answer } = USER_CARD;
  for (const good of [card, { ...card, email: null, name: null }, null])
    expect(answer.decode(answer.encode(good))).toEqual(good);
  for (const field of Object.keys(card)) {
    const without = Object.fromEntries(Object.entries(card).filter(([name]) => name !== field));
    for (const wrong of [without, ...[{}, 7n, [{}], [null]].map((value) => ({ ...card, [field]: value }))])
      expect(() => answer.decode(plain.encode(wrong))).toThrow("something else");
  }
  for (const field of ["id", "role", "language"])
    expect(() => answer.decode(plain.encode({ ...card, [field]: null }))).toThrow("something else");
  for (const wrong of [1, "x", [], {}, [card]])
    expect(() => answer.decode(plain.encode(wrong))).toThrow("something else");
});
