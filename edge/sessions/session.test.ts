import { expect, it } from "vitest";
import { Counts } from "../counts.ts";
import type { Socket } from "../socket.ts";
import { Session } from "./session.ts";

it("tells for how long its reader has taken nothing, whatever was added meanwhile", () => {
  let backlog = 0;
  const socket: Socket = {
    encoding: "json",
    address: "127.0.0.1",
    send: () => true,
    sendAll: () => true,
    backlog: () => backlog,
    subscribe() {},
    unsubscribe() {},
    close() {},
  };
  const session = new Session(socket, new Counts());
  const unreadMs = (at: number, bytes: number): number => {
    backlog = bytes;
    return session.unreadMs(at);
  };
  expect([unreadMs(0, 0), unreadMs(5, 0)]).toEqual([0, 0]);
  expect([unreadMs(10, 100), unreadMs(15, 100), unreadMs(20, 300)]).toEqual([0, 5, 10]);
  // It took some, though less than was added before.
  expect([unreadMs(25, 200), unreadMs(30, 200)]).toEqual([0, 5]);
  // It took some, and more was added.
  session.drained();
  expect([unreadMs(35, 400), unreadMs(40, 400)]).toEqual([0, 5]);
  expect([unreadMs(45, 0), unreadMs(50, 100)]).toEqual([0, 0]);
});
