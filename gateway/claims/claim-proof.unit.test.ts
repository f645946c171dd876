import { expect, test } from "bun:test";
import { newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import type { FoundRequest } from "../../db/claims/find.ts";
import type { RequestFacts } from "../../lua/sale-reading.ts";
import type { NotLoaded } from "../sales/why-not-loaded.ts";
import { provableFacts } from "./claim-proof.ts";
import type { IssueMode } from "./issue-modes.ts";

const sale = newCouponId();
const now = Date.now();
const asked = newRequestId(sale, now);
const original = newRequestId(sale, now - 1_000);
const ann = "ann" as UserId;

interface World {
  readonly stored?: FoundRequest;
  readonly redis?: Partial<RequestFacts>;
  readonly mode?: IssueMode;
  readonly why?: NotLoaded;
}

const WAITING: NotLoaded = { code: "SALE_RECOVERING", opensInMs: 500, comesBack: true, hasLeft: false };
const open = { status: null, winner: null, saleState: "OPEN", mode: "DIRECT", rebuiltAt: 0 } as const;

async function proven({ stored, redis, mode = "DIRECT", why = WAITING }: World): Promise<unknown> {
  const sources = {
    inDatabase: async () => stored ?? null,
    inRedis: async () => ({ ...open, mode, ...redis }),
    issueModeOf: async () => mode,
    whyNotLoaded: async () => why,
  };
  const found = await provableFacts(sources, asked, ann).catch((error: { code?: string }) => error.code);
  return typeof found === "object" ? { ...found } : found;
}

const row = (status: FoundRequest["status"], more: Partial<FoundRequest> = {}): FoundRequest => {
  return { requestId: asked, status, slot: null, reason: null, ...more };
};
const proof = (kind: string, more = {}) => ({ kind, requestId: asked, userId: ann, slot: null, ...more });

test.each<readonly [string, World, unknown]>([
  ["a stored coupon is ISSUED with its slot", { stored: row("ISSUED", { slot: 7 }) }, proof("ISSUED", { slot: 7 })],
  [
    "an alias proves its original",
    { stored: row("ISSUED", { slot: 7, requestId: original }) },
    proof("ISSUED", { slot: 7, requestId: original }),
  ],
  [
    "the slot is PostgreSQL's, whatever Redis says",
    { stored: row("ISSUED", { slot: 7 }), redis: { status: { status: "ISSUED", slot: 8 } } },
    proof("ISSUED", { slot: 7 }),
  ],
  ["a revoked claim proves nothing", { stored: row("FAILED", { reason: "REVOKED" }) }, "CLAIM_FAILED"],
  [
    "a revoked claim that Redis still holds proves nothing",
    { stored: row("FAILED"), redis: { winner: { slot: 7, requestId: asked } } },
    "CLAIM_FAILED",
  ],
  ["a deferred claim stays ACCEPTED", { stored: row("PENDING") }, proof("ACCEPTED")],
  ["a deferred request of a queued sale stays PENDING", { stored: row("PENDING"), mode: "QUEUED" }, proof("PENDING")],
  [
    "a claim in Redis is ACCEPTED, without a slot",
    { redis: { winner: { slot: 7, requestId: asked } } },
    proof("ACCEPTED"),
  ],
  [
    "Redis alone makes nothing ISSUED",
    { redis: { winner: { slot: 7, requestId: asked }, status: { status: "ISSUED", slot: 7 } } },
    proof("ACCEPTED"),
  ],
  [
    "a queued request that the log has is PENDING",
    { mode: "QUEUED", redis: { asked, status: { status: "PENDING", userId: ann } } },
    proof("PENDING"),
  ],
  ["a queued request that the log may not have is not proven", { mode: "QUEUED", redis: { asked } }, "OUTCOME_UNKNOWN"],
  [
    "a queued request of another user does not exist",
    { mode: "QUEUED", redis: { status: { status: "PENDING", userId: "bob" as UserId } } },
    "REQUEST_NOT_FOUND",
  ],
  [
    "a refused queued request has failed",
    { mode: "QUEUED", redis: { status: { status: "FAILED", reason: "SOLD_OUT", userId: ann } } },
    "CLAIM_FAILED",
  ],
  [
    "a win by another request does not prove this one",
    { redis: { winner: { slot: 7, requestId: original } } },
    "REQUEST_NOT_FOUND",
  ],
  ["an invented request does not exist", {}, "REQUEST_NOT_FOUND"],
  ["an invented request proves nothing during a recovery", { redis: { saleState: "RECOVERING" } }, "SALE_RECOVERING"],
  ["nor while Redis does not hold the sale", { redis: { saleState: null } }, "SALE_RECOVERING"],
  [
    "a queued sale that was rebuilt since may have forgotten requests",
    { mode: "QUEUED", redis: { rebuiltAt: now } },
    "SALE_RECOVERING",
  ],
  ["a direct sale that was rebuilt has forgotten none", { redis: { rebuiltAt: now } }, "REQUEST_NOT_FOUND"],
  [
    "a sale that left Redis has nothing under way",
    { redis: { saleState: null }, why: { code: "ENDED", opensInMs: 0, comesBack: false, hasLeft: true } },
    "REQUEST_NOT_FOUND",
  ],
  ["a sale that never was", { redis: { saleState: null }, why: { code: "COUPON_NOT_FOUND" } }, "REQUEST_NOT_FOUND"],
])("%s", async (_, world, expected) => {
  expect(await proven(world)).toEqual(expected);
});
