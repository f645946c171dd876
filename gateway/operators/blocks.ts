import { Type } from "@sinclair/typebox";
import { Block, BlockList, BlockSubject, CreateBlock, Unblocked } from "../../contracts/wire/blocks.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

interface Subject {
  readonly kind: "USER" | "TOKEN";
  readonly subject: string;
}

/** All reject with StampedeError DATABASE_UNAVAILABLE. */
export interface BlockControl {
  /** Stores the block with its audit line, and tells all gateways. @throws StampedeError TOO_MANY_BLOCKS */
  block(subject: Subject, terms: { readonly until: Date | null; readonly why: string }, actor: string): Promise<Block>;
  /** @returns whether it was blocked */
  unblock(subject: Subject, actor: string): Promise<boolean>;
  /** @throws StampedeError VALIDATION_FAILED for a foreign cursor */
  list(cursor: string | null, limit: number): Promise<BlockList>;
  /** Seconds from `iat` after which no token is accepted; 0: there is no limit. */
  readonly maxTokenAgeS: number;
}

const invalid = (detail: string) => new StampedeError("VALIDATION_FAILED", detail);

function subjectOf({ userId, tokenId }: { readonly userId?: string; readonly tokenId?: string }): Subject {
  if (userId !== undefined && tokenId === undefined) return { kind: "USER", subject: userId };
  if (tokenId !== undefined && userId === undefined) return { kind: "TOKEN", subject: tokenId };
  throw invalid("userId, tokenId: one of the two");
}

/** Clocks may differ, and a token was issued before it is blocked. */
const SPARE_MS = 60_000;

/** When a block ends. A token is blocked until it would have ended by itself, so that blocks of tokens do not pile up. */
function endOf(kind: Subject["kind"], until: string | undefined, maxTokenAgeS: number): Date | null {
  const given = until === undefined ? null : Date.parse(until);
  if (given !== null && given <= Date.now()) throw invalid("until: must be in the future");
  if (kind === "USER") return given === null ? null : new Date(given);
  if (maxTokenAgeS === 0 && given === null) {
    throw invalid("until: required for a token, when it ends (or configure JWT_MAX_AGE_S)");
  }
  const oldest = maxTokenAgeS === 0 ? Number.POSITIVE_INFINITY : Date.now() + maxTokenAgeS * 1000 + SPARE_MS;
  return new Date(Math.min(given ?? oldest, oldest));
}

const COMMON = { path: "/admin/blocks", tag: "admin", audience: "operator", cache: "no-store", audit: true } as const;
const CHANGE = { ...COMMON, caller: "treasurer", cost: "write", idempotency: "natural" } as const;

const createBlock = (control: BlockControl) =>
  endpoint({
    ...CHANGE,
    method: "POST",
    operationId: "createBlock",
    summary: "Block a user, or one token: all gateways refuse them within a second, and their sockets are closed",
    body: CreateBlock,
    answers: { 200: Block },
    refusals: ["TOO_MANY_BLOCKS", "DATABASE_UNAVAILABLE"],
    async handle({ caller, body }) {
      const subject = subjectOf(body);
      if (body.userId === caller.userId) throw invalid("userId: operators cannot block themselves");
      const until = endOf(subject.kind, body.until, control.maxTokenAgeS);
      return json(200, await control.block(subject, { until, why: body.why }, caller.userId));
    },
  });

const deleteBlock = (control: BlockControl) =>
  endpoint({
    ...CHANGE,
    method: "DELETE",
    operationId: "deleteBlock",
    summary: "Unblock a user or a token",
    body: "none",
    query: Type.Object(BlockSubject),
    answers: { 200: Unblocked },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ caller, query }) =>
      json(200, { unblocked: await control.unblock(subjectOf(query), caller.userId) } satisfies Unblocked),
  });

const listBlocks = (control: BlockControl) =>
  endpoint({
    ...COMMON,
    method: "GET",
    operationId: "listBlocks",
    summary: "Users and tokens that are blocked, newest first",
    caller: "viewer",
    cost: "list",
    body: "none",
    idempotency: "none",
    query: PageQuery,
    answers: { 200: BlockList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ query: { cursor, limit } }) => json(200, await control.list(cursor ?? null, limit)),
  });

/** /admin/blocks */
export const blockEndpoints = (control: BlockControl): Endpoint[] => [
  createBlock(control),
  deleteBlock(control),
  listBlocks(control),
];
