import { expect, test } from "bun:test";
import { type HistoryRule, RULES } from "./history.ts";
import {
  again,
  alias,
  ann,
  bob,
  both,
  claim,
  failed,
  issued,
  judged,
  lost,
  read,
  refused,
  row,
  tombstone,
  type WrittenHistory,
  won,
} from "./written.ts";

/** Each: what was planted, how the checker must name it (first what was planted, then what cannot be planted without it), and whom. */
const BROKEN: readonly (readonly [
  planted: string,
  rules: readonly [HistoryRule, ...HistoryRule[]],
  whom: string | undefined,
  written: WrittenHistory,
])[] = [
  [
    "a third coupon of two",
    ["OVERSOLD", "SLOT_OUT_OF_RANGE"],
    undefined,
    {
      claims: [ann, bob, lost("cy", 1)],
      rows: [...both, row("cy", 3)],
    },
  ],
  [
    "a coupon that no user got",
    ["NOT_EXACTLY"],
    undefined,
    { claims: [ann], rows: [row("ann", 1)], demand: { winners: 2 } },
  ],
  [
    "two rows of one user",
    ["TWO_FOR_ONE_USER"],
    "ann",
    {
      claims: [ann],
      rows: [row("ann", 1), row("ann", 2, { requestId: "ann-2" })],
    },
  ],
  ["one slot twice", ["SLOT_TWICE"], "bob", { claims: [ann, lost("bob", 1)], rows: [row("ann", 1), row("bob", 1)] }],
  ["slot 0", ["SLOT_OUT_OF_RANGE"], "bob", { claims: [ann, lost("bob", 1)], rows: [row("ann", 1), row("bob", 0)] }],
  ["a coupon for nothing", ["UNEXPLAINED_WINNER"], "bob", { claims: [ann], rows: both }],
  [
    "a coupon for a user who was refused each time",
    ["UNEXPLAINED_WINNER"],
    "bob",
    {
      claims: [ann, refused("bob", 5, 15, "NOT_STARTED"), refused("bob", 20, 25, "RATE_LIMITED")],
      rows: both,
    },
  ],
  ["an acceptance without a row", ["VANISHED"], "bob", { claims: [ann, bob], rows: [row("ann", 1)] }],
  [
    "a row under another user's name",
    ["VANISHED"],
    "bob",
    {
      claims: [bob, lost("ann", 1)],
      rows: [row("ann", 2, { requestId: "bob-1" })],
    },
  ],
  ["a queued acceptance that has no outcome", ["VANISHED"], "bob", { claims: [won("bob", 1, 2, null)] }],
  [
    "a tombstone in silence",
    ["GIVEN_UP_UNTOLD"],
    "bob",
    {
      claims: [ann, bob],
      rows: [row("ann", 1), tombstone("bob")],
      demand: { givenUp: 1 },
    },
  ],
  [
    "a tombstone that the test does not expect",
    ["GIVEN_UP_TOO_OFTEN"],
    undefined,
    {
      claims: [ann, bob],
      rows: [row("ann", 1), tombstone("bob")],
      told: [failed("bob", 30)],
    },
  ],
  [
    "FAILED on the socket, and a row",
    ["FAILED_AND_PERSISTED"],
    "bob",
    { claims: [ann, bob], rows: both, told: [failed("bob", 30)] },
  ],
  [
    "FAILED on request, and a row",
    ["FAILED_AND_PERSISTED"],
    "bob",
    {
      claims: [ann, bob],
      rows: both,
      statusReads: [read("bob", 30, "FAILED")],
    },
  ],
  [
    "ISSUED, and no row",
    ["ISSUED_WITHOUT_ROW"],
    "bob",
    { claims: [ann, lost("bob", 1)], rows: [row("ann", 1)], told: [issued("bob", 30, 2)] },
  ],
  [
    "ISSUED, then a tombstone",
    ["ISSUED_THEN_GIVEN_UP"],
    "bob",
    {
      claims: [ann, bob],
      rows: [row("ann", 1), tombstone("bob")],
      told: [issued("bob", 30, 2), failed("bob", 40)],
      demand: { givenUp: 1 },
    },
  ],
  [
    "another slot in the answer than in the row",
    ["SLOT_DIFFERS"],
    "bob",
    { claims: [ann, bob], rows: [row("ann", 1), row("bob", 3)], total: 3 },
  ],
  [
    "another slot after a rebuild that came before the claim",
    ["SLOT_DIFFERS"],
    "bob",
    {
      claims: [ann, won("bob", 500, 510, 2)],
      rows: [row("ann", 1), row("bob", 3, { epoch: 2 })],
      total: 3,
      fences: [{ epoch: 2, at: 300 }],
    },
  ],
  [
    "another slot in the news than in the row",
    ["SLOT_DIFFERS"],
    "bob",
    { claims: [ann, bob], rows: both, told: [issued("bob", 30, 1)] },
  ],
  [
    "another slot the second time",
    ["REPEAT_DIFFERS"],
    "bob",
    {
      claims: [ann, bob, again("bob", 20, 25, 1), again("bob", 30, 35, 2)],
      rows: [row("ann", 1), row("bob", 7, { requestId: "bob-2" })],
      aliases: [alias("bob", "bob-1", "bob-2")],
      total: 9,
    },
  ],
  [
    "another request the second time",
    ["REPEAT_DIFFERS", "TWO_FOR_ONE_USER"],
    "bob",
    {
      claims: [ann, bob, won("bob", 20, 25, 3, "bob-2")],
      rows: [...both, row("bob", 3, { requestId: "bob-2" })],
      total: 3,
    },
  ],
  [
    "another request the second time, with a late answer about a revoked coupon in between",
    ["REPEAT_DIFFERS", "TWO_FOR_ONE_USER"],
    "bob",
    {
      claims: [ann, won("bob", 10, 25, 3, "bob-0"), won("bob", 18, 22, 2), won("bob", 23, 30, 4, "bob-2")],
      rows: [row("ann", 1), row("bob", 2), row("bob", 4, { requestId: "bob-2" }), tombstone("bob", "bob-0")],
      told: [failed("bob", 17, "bob-0")],
      revocations: [{ userId: "bob", invokedAt: 15, answeredAt: 17 }],
      total: 9,
    },
  ],
  [
    "404 for an accepted request",
    ["REQUEST_FORGOTTEN"],
    "bob",
    { claims: [ann, bob], rows: both, statusReads: [read("bob", 20, "NOT_FOUND")] },
  ],
  ["SOLD_OUT for a winner", ["WINNER_REFUSED"], "bob", { claims: [ann, bob, refused("bob", 20, 25)], rows: both }],
  [
    "SOLD_OUT before the last slot was asked for",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    {
      claims: [ann, refused("cy", 2, 4), bob],
      rows: both,
    },
  ],
  [
    "SOLD_OUT although an unknown outcome took nothing",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    {
      claims: [ann, lost("bob", 1), refused("cy", 12, 14)],
      rows: [row("ann", 1)],
    },
  ],
  [
    "SOLD_OUT long after a slot had come back",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    {
      claims: [ann, bob, refused("cy", 5_000, 5_001)],
      rows: [row("ann", 1), tombstone("bob")],
      revocations: [{ userId: "bob", invokedAt: 100, answeredAt: 110 }],
      told: [failed("bob", 105)],
    },
  ],
  [
    "SOLD_OUT long after the sale was extended",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    {
      claims: [ann, bob, refused("cy", 5_000, 5_001)],
      rows: both,
      total: 3,
      totals: [
        { invokedAt: -9, answeredAt: -8, total: 2 },
        { invokedAt: 90, answeredAt: 100, total: 3 },
      ],
    },
  ],
  [
    "SOLD_OUT by a claim that the rebuild had not found",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    {
      claims: [ann, lost("bob", 1), refused("cy", 5_000, 5_001)],
      rows: [row("ann", 1)],
      fences: [{ epoch: 2, at: 300 }],
    },
  ],
  [
    "a queued claim refused too early",
    ["SOLD_OUT_TOO_EARLY"],
    "cy",
    { claims: [ann, won("cy", 2, 4, null)], rows: [row("ann", 1)], told: [failed("cy", 6)] },
  ],
  [
    "a claim granted after the loss, in the old epoch",
    ["DECIDED_UNFENCED"],
    "bob",
    {
      claims: [ann, won("bob", 500, 900, 2)],
      rows: both,
      losses: [400],
      fences: [{ epoch: 2, at: 600 }],
    },
  ],
  [
    "a repeat answered from keys that survived the restart",
    ["DECIDED_UNFENCED"],
    "ann",
    {
      claims: [ann, again("ann", 500, 510, 1)],
      rows: [row("ann", 1)],
      losses: [400],
      fences: [{ epoch: 2, at: 700 }],
    },
  ],
  [
    "a claim granted after a loss that was not noticed",
    ["DECIDED_UNFENCED"],
    "bob",
    {
      claims: [ann, won("bob", 500, 510, 2)],
      rows: both,
      losses: [400],
    },
  ],
  [
    "an acceptance without a receipt",
    ["NO_RECEIPT"],
    "bob",
    {
      claims: [
        ann,
        claim("bob", 5, 15, { kind: "accepted", requestId: "bob-1", slot: 2, receipt: null, repeat: false }),
      ],
      rows: both,
    },
  ],
  [
    "a receipt that is not genuine",
    ["RECEIPT_WRONG"],
    "bob",
    {
      claims: [ann, bob],
      rows: both,
      demand: { isReceipt: (_receipt, _requestId, user) => user !== "bob" },
    },
  ],
  [
    "another receipt the second time",
    ["RECEIPT_WRONG"],
    "bob",
    {
      claims: [
        ann,
        bob,
        claim("bob", 20, 25, { kind: "accepted", requestId: "bob-1", slot: 2, receipt: "?", repeat: true }),
      ],
      rows: both,
    },
  ],
];

test.each(BROKEN.map((one) => [...one]))("found and named: %s", (_planted, rules, whom, written) => {
  const found = judged(written as WrittenHistory);
  const [rule] = rules as readonly HistoryRule[];
  expect(new Set(found.map((violation) => violation.rule))).toEqual(new Set(rules as readonly HistoryRule[]));
  expect(found.find((violation) => violation.rule === rule)!.userId).toBe(whom as string);
});

test("no rule is without a planted violation", () => {
  expect(new Set(BROKEN.map(([, [rule]]) => rule))).toEqual(new Set(Object.keys(RULES) as HistoryRule[]));
});
