import { expect, test } from "bun:test";
import {
  again,
  alias,
  ann,
  bob,
  both,
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

/** What may happen, and must not be called a broken promise. */
const HEALTHY: readonly (readonly [what: string, written: WrittenHistory])[] = [
  ["nothing at all", {}],
  [
    "two winners, each told again, and a loser",
    {
      claims: [ann, bob, refused("cy", 6, 20), again("ann", 30, 40, 1), again("bob", 30, 40, 2)],
      rows: both,
      told: [issued("ann", 50, 1), issued("bob", 50, 2)],
      statusReads: [read("ann", 60, "ISSUED")],
      demand: { winners: 2 },
    },
  ],
  ["an unknown outcome that won", { claims: [ann, lost("bob", 1), refused("cy", 20, 30)], rows: both }],
  [
    "an unknown outcome that won and is found by asking again",
    { claims: [lost("ann", 0), again("ann", 9, 12, 1)], rows: [row("ann", 1)] },
  ],
  ["503 that had won", { claims: [ann, refused("bob", 1, 9, "KAFKA_UNAVAILABLE"), refused("cy", 20, 30)], rows: both }],
  [
    "unknown outcomes that took nothing",
    { claims: [ann, lost("bob", 1), refused("cy", 2, 3, "SALE_RECOVERING")], rows: [row("ann", 1)] },
  ],
  ["SOLD_OUT while the last slot is being asked for", { claims: [ann, bob, refused("cy", 2, 6)], rows: both }],
  [
    "SOLD_OUT by a claim that Redis then forgot",
    {
      claims: [ann, lost("bob", 1), refused("cy", 20, 30)],
      rows: [row("ann", 1)],
      fences: [{ epoch: 2, at: 300 }],
    },
  ],
  [
    "SOLD_OUT from a memory that is not too old",
    {
      claims: [ann, bob, refused("cy", 1_000, 1_001)],
      rows: [row("ann", 1), tombstone("bob")],
      revocations: [{ userId: "bob", invokedAt: 100, answeredAt: 110 }],
      told: [failed("bob", 105)],
    },
  ],
  [
    "SOLD_OUT before an extension whose answer never came",
    {
      claims: [ann, bob, refused("cy", 9_000, 9_001)],
      rows: both,
      total: 3,
      totals: [
        { invokedAt: -9, answeredAt: -8, total: 2 },
        { invokedAt: 50, answeredAt: Number.POSITIVE_INFINITY, total: 3 },
      ],
    },
  ],
  [
    "an alias explains a changed request and slot",
    {
      claims: [lost("bob", 0), won("bob", 500, 510, 1, "bob-2"), again("bob", 900, 910, 2)],
      rows: [row("bob", 2)],
      aliases: [alias("bob", "bob-2", "bob-1")],
      told: [issued("bob", 800, 2, "bob-2"), issued("bob", 800, 2)],
    },
  ],
  [
    "a tombstone whose owner was told on the socket",
    {
      claims: [ann, bob],
      rows: [row("ann", 1), tombstone("bob")],
      told: [failed("bob", 30)],
      demand: { givenUp: 1, winners: 1 },
    },
  ],
  [
    "a tombstone whose owner asked",
    {
      claims: [ann, bob],
      rows: [row("ann", 1), tombstone("bob")],
      statusReads: [read("bob", 30, "FAILED")],
      demand: { givenUp: 1 },
    },
  ],
  [
    "a slot changed by a rebuild, under the same request",
    {
      claims: [ann, bob, again("bob", 900, 910, 3)],
      rows: [row("ann", 1), row("bob", 3, { epoch: 2 })],
      total: 3,
      fences: [{ epoch: 2, at: 300 }],
      told: [issued("bob", 950, 3)],
    },
  ],
  [
    "revoked by an operator, and won again",
    {
      claims: [ann, bob, won("bob", 200, 210, 2, "bob-2")],
      rows: [row("ann", 1), tombstone("bob"), row("bob", 2, { requestId: "bob-2" })],
      revocations: [{ userId: "bob", invokedAt: 100, answeredAt: 110 }],
      told: [issued("bob", 30, 2), failed("bob", 105), issued("bob", 250, 2, "bob-2")],
      demand: { winners: 2 },
    },
  ],
  [
    "revoked by an operator, and then too late",
    {
      claims: [ann, bob, won("cy", 200, 210, 2), refused("bob", 220, 230)],
      rows: [row("ann", 1), tombstone("bob"), row("cy", 2)],
      revocations: [{ userId: "bob", invokedAt: 100, answeredAt: 110 }],
      told: [failed("bob", 105)],
    },
  ],
  [
    "claims before, during and after a loss",
    {
      claims: [ann, refused("bob", 450, 460, "SALE_RECOVERING"), won("bob", 900, 910, 2), again("ann", 900, 910, 1)],
      rows: [row("ann", 1), row("bob", 2, { epoch: 2 })],
      losses: [400],
      fences: [{ epoch: 2, at: 600 }],
    },
  ],
  [
    "queued: logged while the sale was not rebuilt yet, decided afterwards",
    {
      claims: [won("ann", 450, 460, null)],
      rows: [row("ann", 1, { epoch: 2 })],
      losses: [400],
      fences: [{ epoch: 2, at: 600 }],
      demand: { winners: 1 },
    },
  ],
  [
    "rows that the test put there",
    {
      claims: [refused("cy", 0, 1)],
      rows: [row("seed-1", 1), row("seed-2", 2)],
      demand: { winners: 2, isSeeded: (user) => user.startsWith("seed-") },
    },
  ],
  [
    "queued: one row, one refusal by the word",
    {
      claims: [won("ann", 0, 1, null), won("bob", 0, 1, null)],
      rows: [row("ann", 1)],
      total: 1,
      told: [issued("ann", 50, 1), failed("bob", 60)],
    },
  ],
  [
    "another user's request does not exist",
    {
      claims: [ann, bob],
      rows: both,
      statusReads: [{ ...read("ann", 90, "NOT_FOUND"), requestId: "bob-1" }],
    },
  ],
];

test.each(HEALTHY.map((one) => [...one]))("no broken promise: %s", (_what, written) => {
  expect(judged(written as WrittenHistory)).toEqual([]);
});
