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
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { jsonBody, noMembers } from "../http/json-body.ts";
import { PageQuery, queryOf } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { HttpRequest } from "../transports/transport.ts";

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

export const DeadLettersQuery = Type.Object({
  ...PageQuery.properties,
  status: Type.Optional(DeadLetterStatusSchema),
  topic: Type.Optional(
    Type.String({ pattern: "^[A-Za-z0-9._-]{1,249}$", description: "The original one, without `.DLT`" }),
  ),
});

const notFound = (id: string) => new StampedeError("DEAD_LETTER_NOT_FOUND", `There is no dead letter ${id}`);

/** The letter that the path names. @throws StampedeError DEAD_LETTER_NOT_FOUND */
function idOf(request: HttpRequest): DeadLetterId {
  const id = request.params.id!;
  if (!isDeadLetterId(id)) throw new StampedeError("DEAD_LETTER_NOT_FOUND");
  return id;
}

/** /admin/dead-letters: records that failed all retries, and what an operator may do with them. */
export function deadLetterEndpoints(control: DeadLetterControl, authenticate: Authenticate): Endpoint[] {
  const read = jsonBody(DiscardDeadLetter);
  const common = { tag: "admin", security: "operator", answers: { 200: DeadLetterDetail } } as const;
  const refusals = ["DEAD_LETTER_NOT_FOUND", "DATABASE_UNAVAILABLE"] as const;
  async function shown(id: DeadLetterId) {
    const letter = await control.find(id);
    if (letter === null) throw notFound(id);
    return json(200, letter);
  }
  return [
    {
      ...common,
      method: "GET",
      path: "/admin/dead-letters",
      summary: "Records that failed all retries, newest first",
      query: DeadLettersQuery,
      answers: { 200: DeadLetterList },
      refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
      async handler(request) {
        identifyOperator(request, authenticate);
        const { cursor, limit, status, topic } = queryOf(DeadLettersQuery, request);
        return json(200, await control.list({ status, topic }, cursor ?? null, limit));
      },
    },
    {
      ...common,
      method: "GET",
      path: "/admin/dead-letters/:id",
      summary: "One dead letter, and what operators did to it",
      refusals,
      async handler(request) {
        identifyOperator(request, authenticate);
        return shown(idOf(request));
      },
    },
    {
      ...common,
      method: "POST",
      path: "/admin/dead-letters/:id/retry",
      summary: "Send a dead letter again now, whatever its attempts",
      refusals: [...refusals, "DEAD_LETTER_DISCARDED", "UNSUPPORTED_MEDIA_TYPE", "INVALID_JSON", "BODY_TOO_LARGE"],
      async handler(request) {
        const { userId } = identifyOperator(request, authenticate);
        const id = idOf(request);
        await noMembers(request);
        await control.retry(id, userId);
        return shown(id);
      },
    },
    {
      ...common,
      method: "POST",
      path: "/admin/dead-letters/:id/discard",
      summary: "Give a dead letter up for good; the audit log keeps why",
      body: DiscardDeadLetter,
      refusals: [...refusals, "UNSUPPORTED_MEDIA_TYPE"],
      async handler(request) {
        const { userId } = identifyOperator(request, authenticate);
        const id = idOf(request);
        const { why } = await read(request);
        await control.discard(id, userId, why);
        return shown(id);
      },
    },
  ];
}
