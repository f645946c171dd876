import { expect, test } from "bun:test";
import { createMessageRate, STRIKES } from "./limits.ts";
import { UserSocket } from "./user-socket.ts";

const connection = () => new UserSocket(1, "a", 0, null);

test("a burst passes at once, then the rate holds", () => {
  const rate = createMessageRate(50, 100);
  const socket = connection();
  for (let i = 0; i < 100; i++) expect(rate(socket, 1000)).toBe("ok");
  expect(rate(socket, 1000)).toBe("refused");
  expect(rate(socket, 1020)).toBe("ok");
  expect(rate(socket, 1020)).toBe("refused");
  for (let i = 0; i < 100; i++) expect(rate(socket, 10_000)).toBe("ok");
});

test("who stays at the rate is never refused, for however long", () => {
  const rate = createMessageRate(50, 100);
  const socket = connection();
  for (let i = 0; i < 5000; i++) expect(rate(socket, i * 20)).toBe("ok");
});

test("who goes on through the refusals is abusive, who is refused now and then is not", () => {
  const rate = createMessageRate(50, 100);
  const abusive = connection();
  const verdicts = Array.from({ length: 100 + STRIKES }, () => rate(abusive, 0));
  expect(verdicts.at(-2)).toBe("refused");
  expect(verdicts.at(-1)).toBe("abuse");

  const unlucky = connection();
  for (let i = 0; i < 10_000; i++) expect(rate(unlucky, i * 12)).not.toBe("abuse"); // 83 a second: two in five refused
});
