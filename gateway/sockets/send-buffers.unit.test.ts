import { expect, test } from "bun:test";
import { SendBuffers } from "./send-buffers.ts";

/** Sockets with so many bytes queued each; a cut one has none. */
function sockets(queued: number[]) {
  let looks = 0;
  const cut: number[] = [];
  let counted = 0;
  const all = queued.map((_, i) => ({
    bufferedAmount() {
      looks++;
      return queued[i]!;
    },
    terminate() {
      queued[i] = 0;
      cut.push(i);
    },
  }));
  const buffers = new SendBuffers(1_000, all, () => void counted++);
  return { buffers, cut, queued, looks: () => looks, counted: () => counted };
}

test("the sockets with the most bytes are cut until a quarter of the limit is free", () => {
  const { buffers, cut, queued, counted } = sockets([300, 10, 500, 0, 390]);
  buffers.mayQueue(1_001);
  expect([cut, counted()]).toEqual([[2], 1]);
  expect(queued).toEqual([300, 10, 0, 0, 390]);
});

test("below the limit nobody is cut, and nobody is looked at before the limit can be reached", () => {
  const { buffers, cut, queued, looks } = sockets([0, 0]);
  for (let i = 0; i < 100; i++) buffers.mayQueue(10);
  expect(looks()).toBe(0);
  buffers.mayQueue(1); // all of it was read meanwhile
  expect([looks(), cut]).toEqual([2, []]);
  queued[0] = 999;
  buffers.mayQueue(1_001);
  expect(looks()).toBe(4);
  // Near the limit one message is not worth a count.
  buffers.mayQueue(10);
  expect(looks()).toBe(4);
  queued[0] = 1_061;
  buffers.mayQueue(60);
  expect([looks(), cut]).toEqual([6, [0]]);
});

test("whatever is queued, after a count no more than the limit is left", () => {
  for (let run = 0; run < 200; run++) {
    const queued = Array.from({ length: 20 }, (_, i) => (run * 7 + i * 13) % 400);
    const { buffers } = sockets(queued);
    buffers.mayQueue(2_000);
    expect(queued.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(1_000);
  }
});
