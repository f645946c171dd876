/**
 * Why a claim is refused: the one table of it. The scripts that decide claims name these codes (`REFUSED.<code>` in lua/), HTTP
 * and socket answers take status, retry and message from here, and the table in README is generated from it.
 *
 * `by`: who finds the reason, the scripts or the gateway. `isTold` false: the gateway answers with another code instead.
 * `retryAfterS`: seconds in `Retry-After` where the gateway knows no better time; long enough to spread clients, short enough
 * for a sale. `when` and `again` are for the documents.
 */
export const CLAIM_REFUSALS = {
  SOLD_OUT: {
    by: "script",
    status: 409,
    retryable: false,
    title: "The sale is sold out",
    when: "all coupons are won",
    again: "no; the socket message `sale.opened` says that one was freed",
  },
  NOT_STARTED: {
    by: "script",
    status: 403,
    retryable: true,
    title: "The sale has not started",
    when: "before `startsAt`, which the answer contains",
    again: "at `startsAt`; `Retry-After` has the seconds",
  },
  ENDED: {
    by: "script",
    status: 403,
    retryable: false,
    title: "The sale has ended",
    when: "after `endsAt`, or after an operator closed the sale",
    again: "no",
  },
  PAUSED: {
    by: "script",
    status: 403,
    retryable: true,
    title: "The sale is paused",
    when: "an operator paused the sale",
    again: "after the socket message `sale.opened`",
  },
  COUPON_NOT_FOUND: {
    by: "gateway",
    status: 404,
    retryable: false,
    title: "No such coupon",
    when: "PostgreSQL has no such sale",
    again: "no",
  },
  RATE_LIMITED: {
    by: "gateway",
    status: 429,
    retryable: true,
    retryAfterS: 1,
    title: "Too many requests",
    when: "a user or an address asks for more than `USER_RATE_PER_S` or `ADDRESS_RATE_PER_S` allows",
    again: "after `Retry-After`",
  },
  SALE_RECOVERING: {
    by: "gateway",
    status: 503,
    retryable: true,
    retryAfterS: 2,
    title: "The sale is being recovered",
    when: "Redis lost the sale and it is rebuilt from PostgreSQL, or Redis does not answer",
    again: "after `Retry-After`",
  },
  OVERLOADED: {
    by: "script",
    status: 503,
    retryable: true,
    retryAfterS: 1,
    title: "Too much is in flight",
    when: "more than `MAX_IN_FLIGHT` claims in one gateway, or Redis is full, or another limit of the gateway is reached",
    again: "after `Retry-After`",
  },
  OUTCOME_UNKNOWN: {
    by: "gateway",
    status: 503,
    retryable: true,
    retryAfterS: 2,
    title: "Whether the request takes effect is unknown",
    when: "Kafka had to acknowledge the claim (`CLAIM_REQUIRE_KAFKA`, a queued sale) and did not in time",
    again: "after `Retry-After`: it is the same claim",
  },
  KAFKA_UNAVAILABLE: {
    by: "gateway",
    status: 503,
    retryable: true,
    retryAfterS: 2,
    title: "The log does not answer",
    when: "the same, after several such claims in a row: nothing was taken",
    again: "after `Retry-After`",
  },
  QUEUED: {
    by: "script",
    isTold: false,
    status: 0,
    retryable: false,
    title: "Claims of this sale are decided in the order of the log",
    when: "a claim of a queued sale went to claim.lua; the gateway logs it instead",
    again: "",
  },
  NOT_LOADED: {
    by: "script",
    isTold: false,
    status: 503,
    retryable: true,
    retryAfterS: 2,
    title: "The sale is not loaded",
    when: "Redis lost the sale; the answer is SALE_RECOVERING, ENDED or COUPON_NOT_FOUND",
    again: "",
  },
} as const satisfies Record<string, Refusal>;

interface Refusal {
  readonly by: "script" | "gateway";
  readonly isTold?: false;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterS?: number;
  readonly title: string;
  readonly when: string;
  readonly again: string;
}

type Table = typeof CLAIM_REFUSALS;
export type ClaimRefusal = keyof Table;
/** What claim.lua and decide.lua refuse a claim with. */
export type ScriptRefusal = { [Code in ClaimRefusal]: Table[Code]["by"] extends "script" ? Code : never }[ClaimRefusal];

const codes = Object.keys(CLAIM_REFUSALS) as ClaimRefusal[];
/** A row of the table, with all columns that a row may have. */
export const claimRefusal = (code: ClaimRefusal): Refusal => CLAIM_REFUSALS[code];

export const SCRIPT_REFUSALS = codes.filter((code) => claimRefusal(code).by === "script") as readonly ScriptRefusal[];
/** Those that a client may get, over HTTP and over a socket. */
export const TOLD_REFUSALS: readonly ClaimRefusal[] = codes.filter((code) => claimRefusal(code).isTold !== false);

export function isClaimRefusal(text: string): text is ClaimRefusal {
  return Object.hasOwn(CLAIM_REFUSALS, text);
}

/** The table as Markdown, for README. */
export function claimRefusalsTable(): string {
  const lines = ["| code | HTTP | when | claim again |", "|---|---|---|---|"];
  for (const code of TOLD_REFUSALS) {
    const { status, when, again } = claimRefusal(code);
    lines.push(`| \`${code}\` | ${status} | ${when} | ${again} |`);
  }
  return lines.join("\n");
}
