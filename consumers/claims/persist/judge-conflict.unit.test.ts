import { expect, test } from "bun:test";
import type { StandingClaim } from "../../../db/claims/conflicts.ts";
import { judgeConflict } from "./judge-conflict.ts";
import type { ClaimOutcome, GrantedClaim } from "./outcome.ts";

const at = new Date(0);
const claim = (over: Partial<GrantedClaim> = {}) =>
  ({ couponId: "c", userId: "ann", requestId: "r2", slot: 5, epoch: 3, ledgerId: "1-1", ...over }) as GrantedClaim;
const sale = { epoch: 3, total: 10, load_state: "LOADED" as const };
const nothing: StandingClaim = {
  request_id: "r2",
  own_status: null,
  own_slot: null,
  own_reason: null,
  own_issued_at: null,
  alias_of: null,
  held_request: null,
  held_slot: null,
  held_issued_at: null,
  slot_request: null,
};
const own = (status: "ACTIVE" | "USED" | "REVOKED", reason: string | null = null) => {
  const slot = status === "REVOKED" ? null : 5;
  return { ...nothing, own_status: status, own_slot: slot, own_reason: reason, own_issued_at: at };
};
const held = { ...nothing, held_request: "r1", held_slot: 2, held_issued_at: at };
const taken = { ...nothing, slot_request: "r9" };

const cases: [
  string,
  Partial<GrantedClaim>,
  Partial<typeof sale | { load_state: string }>,
  StandingClaim,
  ClaimOutcome | null,
][] = [
  ["its own row", {}, {}, own("ACTIVE"), { code: "REPEATED", slot: 5, issuedAt: at }],
  ["its own row, used by an order", {}, {}, own("USED"), { code: "REPEATED", slot: 5, issuedAt: at }],
  [
    "its own row, whatever the sale does",
    {},
    { load_state: "LOADING" },
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
    { ...held, ...own("REVOKED", "ENDED"), held_request: "r7" },
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
    "the user's earlier win, the slot somebody else's",
    {},
    {},
    { ...held, slot_request: "r9" },
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
    { ...nothing, alias_of: "r1" },
    { code: "TOMBSTONED", reason: "REVOKED" },
  ],
  ["a load in progress", {}, { load_state: "LOADING" }, taken, { code: "SALE_LOADING" }],
  ["an old epoch", { epoch: 2 }, {}, nothing, { code: "EPOCH_PASSED" }],
  ["an old epoch whose slot is taken", { epoch: 2 }, {}, taken, { code: "EPOCH_PASSED" }],
  ["a taken slot", {}, {}, taken, { code: "SLOT_TAKEN", proof: true }],
  ["a taken slot in a newer epoch than PostgreSQL knows", { epoch: 4 }, {}, taken, { code: "SLOT_TAKEN", proof: true }],
  ["an epoch that never was", { epoch: 999_999_999 }, {}, taken, { code: "EPOCH_PASSED" }],
  ["an unusable epoch", { epoch: 0 }, {}, nothing, { code: "EPOCH_PASSED" }],
  [
    "a taken slot during a recovery",
    { epoch: 2 },
    { load_state: "RECOVERING" },
    taken,
    { code: "SLOT_TAKEN", proof: false },
  ],
  ["a slot beyond the total", { slot: 11 }, {}, nothing, { code: "SLOT_BEYOND_TOTAL", proof: true }],
  [
    "a slot below the first",
    { slot: 0 },
    { load_state: "RECOVERING" },
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
