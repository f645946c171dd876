import { Type } from "@sinclair/typebox";
import {
  DeadLetterDetail,
  type DeadLetterId,
  DeadLetterList,
  type DeadLetterStatus,
  DeadLetterStatusSchema,
  DiscardDeadLetter,
  isDeadLetterId,
} from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** All reject with StampedeError DATABASE_UNAVAILABLE. */
export interface DeadLetterControl {
  /** Newest first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
  list(
    filter: { readonly status?: DeadLetterStatus | undefined; readonly topic?: string | undefined },
    cursor: string | null,
    limit: number,
  ): Promise<DeadLetterList>;
  find(id: DeadLetterId): Promise<DeadLetterDetail | null>;
  /** Makes it due now. @throws StampedeError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_DISCARDED */
  retry(id: DeadLetterId, actor: string): Promise<void>;
  /** @throws StampedeError DEAD_LETTER_NOT_FOUND */
  discard(id: DeadLetterId, actor: string, why: string): Promise<void>;
}

const DeadLettersQuery = Type.Object({
  ...PageQuery.properties,
  status: Type.Optional(DeadLetterStatusSchema),
  topic: Type.Optional(
    Type.String({ pattern: "^[A-Za-z0-9._-]{1,249}$", description: "The original one, without `.DLT`" }),
  ),
});

/** The letter that the path names. @throws StampedeError DEAD_LETTER_NOT_FOUND */
function idOf({ params }: { readonly params: Readonly<Record<string, string>> }): DeadLetterId {
  const { id } = params;
  if (!isDeadLetterId(id!)) throw new StampedeError("DEAD_LETTER_NOT_FOUND");
  return id;
}

async function shown(control: DeadLetterControl, id: DeadLetterId) {
  const letter = await control.find(id);
  if (letter === null) throw new StampedeError("DEAD_LETTER_NOT_FOUND", `There is no dead letter ${id}`);
  return json(200, letter);
}

const COMMON = { tag: "admin", audience: "operator", cache: "no-store", audit: true } as const;
const READ = { ...COMMON, method: "GET", caller: "viewer", body: "none", idempotency: "none" } as const;
const CHANGE = { ...COMMON, method: "POST", caller: "admin", cost: "write", idempotency: "natural" } as const;
const LETTER = { answers: { 200: DeadLetterDetail } } as const;

const listLetters = (control: DeadLetterControl) =>
  endpoint({
    ...READ,
    path: "/admin/dead-letters",
    operationId: "listDeadLetters",
    summary: "Records that failed all retries, newest first",
    cost: "list",
    query: DeadLettersQuery,
    answers: { 200: DeadLetterList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ query: { cursor, limit, status, topic } }) =>
      json(200, await control.list({ status, topic }, cursor ?? null, limit)),
  });

const showLetter = (control: DeadLetterControl) =>
  endpoint({
    ...READ,
    ...LETTER,
    path: "/admin/dead-letters/:id",
    operationId: "getDeadLetter",
    summary: "One dead letter, and what operators did to it",
    auditPrefix: "dead-letter",
    cost: "read",
    refusals: ["DEAD_LETTER_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    handle: (call) => shown(control, idOf(call)),
  });

const retryLetter = (control: DeadLetterControl) =>
  endpoint({
    ...CHANGE,
    ...LETTER,
    path: "/admin/dead-letters/:id/retry",
    operationId: "retryDeadLetter",
    summary: "Send a dead letter again now, whatever its attempts",
    auditPrefix: "dead-letter",
    body: "empty",
    refusals: ["DEAD_LETTER_NOT_FOUND", "DEAD_LETTER_DISCARDED", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const id = idOf(call);
      await control.retry(id, call.caller.userId);
      return shown(control, id);
    },
  });

const discardLetter = (control: DeadLetterControl) =>
  endpoint({
    ...CHANGE,
    ...LETTER,
    path: "/admin/dead-letters/:id/discard",
    operationId: "discardDeadLetter",
    summary: "Give a dead letter up for good; the audit log keeps why",
    auditPrefix: "dead-letter",
    body: DiscardDeadLetter,
    refusals: ["DEAD_LETTER_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const id = idOf(call);
      await control.discard(id, call.caller.userId, call.body.why);
      return shown(control, id);
    },
  });

/** /admin/dead-letters: records that failed all retries, and what an operator may do with them. */
export const deadLetterEndpoints = (control: DeadLetterControl): Endpoint[] => [
  listLetters(control),
  showLetter(control),
  retryLetter(control),
  discardLetter(control),
];
