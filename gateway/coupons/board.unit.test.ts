import { expect, test } from "bun:test";
import type { CouponId } from "../../contracts/ids.ts";
import { createBoard, type SaleNews } from "./board.ts";

const sale = "sale00000001" as CouponId;
const open: SaleNews = { epoch: 1, version: 1, state: "OPEN", soldOut: false };
const soldOut: SaleNews = { ...open, version: 2, soldOut: true };

function scenario() {
  const changes: string[] = [];
  const reads: ((users: string[]) => void)[] = [];
  const board = createBoard({
    ttlMs: 1000,
    readWinners: () =>
      new Promise((resolve) => reads.push((users) => resolve({ has: (user) => users.includes(user) }))),
    onChange: (_, change) => changes.push(change),
    onError: () => {},
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { board, changes, reads, settle };
}

test("an unknown or open sale is for Redis to decide", () => {
  const { board } = scenario();
  expect(board.gate(sale, 0)).toBeUndefined();
  board.hear(sale, open, 0);
  expect(board.gate(sale, 1)).toBeUndefined();
});

test("sold out is refused from memory only once the winners have been read", async () => {
  const { board, reads, settle } = scenario();
  board.hear(sale, soldOut, 0);
  expect(board.gate(sale, 1)).toBeUndefined();
  expect(board.gate(sale, 2)).toBeUndefined();
  expect(reads).toHaveLength(1);
  reads[0]!(["winner"]);
  await settle();
  const refusal = board.gate(sale, 3);
  expect(refusal?.code).toBe("SOLD_OUT");
  expect(refusal?.unlessWon?.has("winner")).toBe(true);
  expect(refusal?.unlessWon?.has("loser")).toBe(false);
});

test("a release reopens the gate, and winners read before it are not used after it", async () => {
  const { board, changes, reads, settle } = scenario();
  board.hear(sale, open, 0);
  board.hear(sale, soldOut, 0);
  board.gate(sale, 1);
  board.hear(sale, { ...open, version: 3 }, 2);
  reads[0]!([]);
  await settle();
  expect(board.gate(sale, 3)).toBeUndefined();
  board.hear(sale, { ...soldOut, version: 4 }, 4);
  expect(board.gate(sale, 5)).toBeUndefined();
  expect(reads).toHaveLength(2);
  expect(changes).toEqual(["soldout", "opened", "soldout"]);
});

test("older news changes nothing, a newer epoch always wins", () => {
  const { board } = scenario();
  board.hear(sale, { ...open, version: 9, state: "PAUSED" }, 0);
  board.hear(sale, { ...open, version: 8 }, 1);
  expect(board.gate(sale, 2)?.code).toBe("PAUSED");
  board.hear(sale, { ...open, epoch: 2, version: 1, state: "CLOSED" }, 3);
  expect(board.gate(sale, 4)?.code).toBe("ENDED");
});

test("a refusal without confirmation expires; confirmation keeps it", () => {
  const { board } = scenario();
  const paused: SaleNews = { ...open, state: "PAUSED" };
  board.hear(sale, paused, 0);
  expect(board.gate(sale, 1000)?.code).toBe("PAUSED");
  expect(board.due(1000)).toEqual([sale]);
  board.hear(sale, paused, 1000);
  expect(board.gate(sale, 1900)?.code).toBe("PAUSED");
  expect(board.gate(sale, 2001)).toBeUndefined();
});
