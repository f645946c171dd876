import { expect, test } from "bun:test";
import type { StandingClaim } from "../../../db/claims/conflicts.ts";
import { judgeConflict } from "./judge-conflict.ts";
import type { ClaimOutcome, GrantedClaim } from "./outcome.ts";

const at = new Date(0);
const claim = (over: Partial<GrantedClaim> = {}) =>
  ({ couponId: "c", userId: "ann", requestId: "r2", slot: 5, epoch: 3, ledgerId: "1-1", ...over }) as GrantedClaim;
const sale = { epoch: 3, total: 10, loadState: "LOADED" as const };
const nothing: StandingClaim = {
  requestId: "r2",
  ownStatus: null,
  ownSlot: null,
  ownReason: null,
  ownIssuedAt: null,
  aliasOf: null,
  heldRequest: null,
  heldSlot: null,
  heldIssuedAt: null,
  slotRequest: null,
};
const own = (status: "ACTIVE" | "USED" | "REVOKED", reason: string | null = null) => {
  const slot = status === "REVOKED" ? null : 5;
  return { ...nothing, ownStatus: status, ownSlot: slot, ownReason: reason, ownIssuedAt: at };
};
const held = { ...nothing, heldRequest: "r1", heldSlot: 2, heldIssuedAt: at };
const taken = { ...nothing, slotRequest: "r9" };

const cases: [
  string,
  Partial<GrantedClaim>,
  Partial<typeof sale | { loadState: string }>,
  StandingClaim,
  ClaimOutcome | null,
][] = [
  ["its own row", {}, {}, own("ACTIVE"), { code: "REPEATED", slot: 5, issuedAt: at }],
  ["its own row, used by an order", {}, {}, own("USED"), { code: "REPEATED", slot: 5, issuedAt: at }],
  [
    "its own row, whatever the sale does",
    {},
    { loadState: "LOADING" },
    own("ACTIVE"),
    { code: "REPEATED", slot: 5, issuedAt: at },
  ],
  [
    "its own row, although the epoch passed",
    { epoch: 1 },
    {},
    own("ACTIVE"),
    { code: "REPEATED", slot: 5, issuedAt: at },
  ],
  ["its tombstone", {}, {}, own("REVOKED", "SOLD_OUT"), { code: "TOMBSTONED", reason: "SOLD_OUT" }],
  ["a tombstone with an unknown reason", {}, {}, own("REVOKED", "???"), { code: "TOMBSTONED", reason: "REVOKED" }],
  [
    "a tombstone beside a later win",
    {},
    {},
    { ...held, ...own("REVOKED", "ENDED"), heldRequest: "r7" },
    { code: "TOMBSTONED", reason: "ENDED" },
  ],
  [
    "the user's earlier win",
    {},
    {},
    held,
    { code: "ALIASED", slot: 2, issuedAt: at, original: "r1" as never, slotHeld: false },
  ],
  [
    "the user's earlier win, the slot another user's",
    {},
    {},
    { ...held, slotRequest: "r9" },
    { code: "ALIASED", slot: 2, issuedAt: at, original: "r1" as never, slotHeld: true },
  ],
  [
    "the user's earlier win, and an old epoch",
    { epoch: 1 },
    {},
    held,
    { code: "ALIASED", slot: 2, issuedAt: at, original: "r1" as never, slotHeld: false },
  ],
  [
    "an alias whose original was revoked",
    {},
    {},
    { ...nothing, aliasOf: "r1" },
    { code: "TOMBSTONED", reason: "REVOKED" },
  ],
  ["a load in progress", {}, { loadState: "LOADING" }, taken, { code: "SALE_LOADING" }],
  ["an old epoch", { epoch: 2 }, {}, nothing, { code: "EPOCH_PASSED" }],
  ["an old epoch whose slot is taken", { epoch: 2 }, {}, taken, { code: "EPOCH_PASSED" }],
  ["a taken slot", {}, {}, taken, { code: "SLOT_TAKEN", proof: true }],
  ["a taken slot in a newer epoch than PostgreSQL knows", { epoch: 4 }, {}, taken, { code: "SLOT_TAKEN", proof: true }],
  ["an epoch that never was", { epoch: 999_999_999 }, {}, taken, { code: "EPOCH_PASSED" }],
  ["an unusable epoch", { epoch: 0 }, {}, nothing, { code: "EPOCH_PASSED" }],
  [
    "a taken slot during a recovery",
    { epoch: 2 },
    { loadState: "RECOVERING" },
    taken,
    { code: "SLOT_TAKEN", proof: false },
  ],
  ["a slot beyond the total", { slot: 11 }, {}, nothing, { code: "SLOT_BEYOND_TOTAL", proof: true }],
  [
    "a slot below the first",
    { slot: 0 },
    { loadState: "RECOVERING" },
    nothing,
    { code: "SLOT_BEYOND_TOTAL", proof: false },
  ],
  ["nothing that explains it", {}, {}, nothing, null],
];

for (const [what, ofClaim, ofSale, standing, expected] of cases) {
  test(`a claim that met ${what} is ${expected?.code ?? "tried again"}`, () => {
    expect(judgeConflict(claim(ofClaim), { ...sale, ...(ofSale as object) }, standing)).toEqual(expected);
  });
}
