import { expect, it } from "vitest";
import { emailKey, mailboxOf } from "./email-key.ts";

it.each([
  ["case", "Ann.Lee@Example.COM", "ann.lee@example.com"],
  ["outer blanks", "\u00a0 ann@example.com\t\n", "ann@example.com"],
  ["how an accent is put together", "zoe\u0308@example.com", "zo\u00eb@example.com"],
  ["the width of letters", "\uff41\uff4e\uff4e@example.com", "ann@example.com"],
  ["case beyond ASCII", "\u00c4NN@EX\u00c4MPLE.com", "\u00e4nn@xn--exmple-cua.com"],
  ["a domain in its own script", "ann@ex\u00e4mple.com", "ann@XN--EXMPLE-CUA.com"],
  ["a domain in Japanese", "ann@\u4f8b\u3048.jp", "ann@xn--r8jz45g.jp"],
  ["the dot of another script", "ann@\u4f8b\u3048\u3002jp", "ann@xn--r8jz45g.jp"],
])("%s does not matter", (_what, one, other) => expect(emailKey(one)).toBe(emailKey(other)));

it.each([
  ["dots before the @", "ann.lee@example.com", "annlee@example.com"],
  ["a tag", "ann+usher@example.com", "ann@example.com"],
  ["a sharp s", "ann@stra\u00dfe.de", "ann@strasse.de"],
  ["what ends a domain in a URL", "ann@example.com/x", "ann@example.com"],
  ["the same beyond ASCII", "ann@\u00e4.com/x", "ann@\u00e4.com"],
  ["escapes of URLs", "ann@%65xample.com", "ann@example.com"],
])("%s matters", (_what, one, other) => expect(emailKey(one)).not.toBe(emailKey(other)));

it.each([
  [
    "ann@example.com",
    [
      "Ann+cinema@Example.com",
      "ann+@example.com",
      "ann+a+b@example.com",
      "ann@\uff45xample.com",
      "ann@example\u3002com",
    ],
  ],
  ["ann@gmail.com", ["a.n.n@gmail.com", "An.n+x.y@gmail.com"]],
  ["ann.lee@example.com", ["Ann.Lee+x@example.com"]],
  ["+ann@example.com", ["+ann@example.com", "+ann+x@example.com"]],
])("%s is the mailbox of %j", (mailbox, addresses) => {
  for (const address of addresses) expect(mailboxOf(address)).toBe(mailbox);
});
