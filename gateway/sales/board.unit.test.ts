import { expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { createBoard, type SaleUpdate } from "./board.ts";

const sale = "sale00000001" as CouponId;
const open: SaleUpdate = { epoch: 1, version: 1, state: "OPEN", soldOut: false };
const soldOut: SaleUpdate = { ...open, version: 2, soldOut: true };

function scenario(maxFilterBytes = 1_000) {
  const changes: string[] = [];
  const reads: ((users: string[] | null | Error) => void)[] = [];
  const board = createBoard({
    ttlMs: 1000,
    readWinners: () =>
      new Promise((resolve, reject) =>
        reads.push((users) => {
          if (users instanceof Error) reject(users);
          else resolve(users && { has: (user) => users.includes(user), bytes: 100 * users.length });
        }),
      ),
    maxFilterBytes,
    onChange: (_, change) => changes.push(change),
    onError: () => {},
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  /** The sale's winners are read, as after its first claim. */
  const know = async (couponId: CouponId, nowMs: number, ...users: string[]) => {
    expect(board.gate(couponId, nowMs)).toBeUndefined();
    reads.at(-1)!(users);
    await settle();
  };
  return { board, changes, reads, settle, know };
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

test("older news changes nothing, a newer epoch always wins", async () => {
  const { board, know } = scenario();
  board.hear(sale, { ...open, version: 9, state: "PAUSED" }, 0);
  board.hear(sale, { ...open, version: 8 }, 1);
  await know(sale, 1);
  expect(board.gate(sale, 2)?.code).toBe("PAUSED");
  board.hear(sale, { ...open, epoch: 2, version: 1, state: "CLOSED" }, 3);
  await know(sale, 3);
  expect(board.gate(sale, 4)?.code).toBe("ENDED");
});

test("an epoch that never was does not hide what comes after it", async () => {
  const { board, know } = scenario();
  board.hear(sale, { ...open, epoch: Number.NaN }, 0);
  board.hear(sale, { ...open, epoch: 999_999_999 }, 0);
  board.hear(sale, { ...open, epoch: 2, state: "PAUSED" }, 1);
  board.hear(sale, { ...open, epoch: 999_999_999, version: 5 }, 2);
  await know(sale, 2);
  expect(board.gate(sale, 3)?.code).toBe("PAUSED");
});

test("a refusal without confirmation expires; confirmation keeps it", async () => {
  const { board, know } = scenario();
  const paused: SaleUpdate = { ...open, state: "PAUSED" };
  board.hear(sale, paused, 0);
  await know(sale, 0);
  expect(board.gate(sale, 1000)?.code).toBe("PAUSED");
  expect(board.due(1000)).toEqual([sale]);
  board.hear(sale, paused, 1000);
  expect(board.gate(sale, 1900)?.code).toBe("PAUSED");
  expect(board.gate(sale, 2001)).toBeUndefined();
});

for (const state of ["PAUSED", "CLOSED"] as const) {
  test(`a sale that is ${state} lets its winners pass, too`, async () => {
    const { board, know } = scenario();
    board.hear(sale, { ...open, state }, 0);
    await know(sale, 1, "ada");
    const refusal = board.gate(sale, 2)!;
    expect([refusal.unlessWon.has("ada"), refusal.unlessWon.has("bea")]).toEqual([true, false]);
  });
}

test("however often a sale changes, one scan of it runs at a time, and the next begins after it", async () => {
  const { board, reads, settle } = scenario();
  for (let version = 1; version < 50; version++) {
    board.hear(sale, { ...soldOut, version }, version);
    board.gate(sale, version);
  }
  expect(reads).toHaveLength(1);
  reads[0]!(["ada"]);
  await settle();
  expect(board.gate(sale, 50)).toBeUndefined(); // what was read was an earlier version
  expect(reads).toHaveLength(2);
  reads[1]!(new Error("Redis is away"));
  await settle();
  expect(board.gate(sale, 51)).toBeUndefined();
  expect(reads).toHaveLength(2); // not at the rate of the requests
  board.hear(sale, { ...soldOut, version: 49 }, 5_000);
  expect(board.gate(sale, 5_051)).toBeUndefined();
  expect(reads).toHaveLength(3);
});

test("the filters of all sales stay within their bytes: the one that was asked for least lately goes", async () => {
  const { board, reads, know } = scenario(300);
  const sales = ["sale00000002", "sale00000003", "sale00000004"] as CouponId[];
  for (const [at, one] of sales.entries()) {
    board.hear(one, soldOut, at);
    await know(one, at, "ada");
  }
  expect(board.filterBytes()).toBe(300);
  board.gate(sales[0]!, 10);
  board.hear(sale, soldOut, 11);
  await know(sale, 11, "ada", "bea");
  expect(board.filterBytes()).toBe(300);
  expect([sale, ...sales].map((one) => board.gate(one, 12)?.code)).toEqual([
    "SOLD_OUT",
    "SOLD_OUT",
    undefined,
    undefined,
  ]);
  expect(reads).toHaveLength(4); // and the two do not take turns with it
  reads.at(-1)!([]);
});

test("a sale with more winners than fit is for Redis to decide, and is not read again and again", async () => {
  const { board, reads, settle } = scenario();
  board.hear(sale, soldOut, 0);
  board.gate(sale, 1);
  reads[0]!(null);
  await settle();
  for (let now = 2; now < 900; now++) expect(board.gate(sale, now)).toBeUndefined();
  expect(reads).toHaveLength(1);
});

test("the filter of a sale without requests is dropped", async () => {
  const { board, know } = scenario();
  board.hear(sale, soldOut, 0);
  await know(sale, 1, "ada");
  expect(board.due(9_000)).toEqual([sale]);
  expect(board.filterBytes()).toBe(100);
  expect(board.due(10_001)).toEqual([]);
  expect(board.filterBytes()).toBe(0);
  board.hear(sale, soldOut, 20_000);
  await know(sale, 20_001, "ada");
  board.forget(sale);
  expect(board.filterBytes()).toBe(0);
});
