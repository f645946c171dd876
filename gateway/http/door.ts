import type { ReadQueue } from "../admission/read-queue.ts";
import type { SecurityLog } from "../audit/security-log.ts";
import type { Authenticate, Identity } from "../auth/identity.ts";
import type { Handler, HttpRequest, HttpResponse } from "../transports/transport.ts";
import type { Declaration } from "./declaration.ts";

/** What the log and the audit say about a call. */
export interface CallRecord {
  readonly id: string;
  readonly declaration: Declaration;
  /** null: nobody was identified (yet). */
  readonly caller: Identity | null;
  readonly request: HttpRequest;
  /** The client's; empty: unknown. */
  readonly address: string;
}

/** What every endpoint has in front of it: who calls, what is allowed, what is written down. */
export interface Door {
  readonly authenticate: Authenticate;
  /**
   * Spends what the call costs. Called before the body is read: first without an identity (by address), then with it.
   * @throws StampedeError RATE_LIMITED, OVERLOADED
   */
  admit(declaration: Declaration, request: HttpRequest, caller: Identity | null): void;
  /** Takes a claim's tokens of its address. @returns 0: taken; otherwise the milliseconds to wait */
  claimWait(request: HttpRequest): number;
  /** The address of a request's client, behind trusted proxies. Call it before the first await. Empty: the peer has none. */
  addressOf(request: HttpRequest): string;
  /** Where reads of Redis and PostgreSQL wait for their turn. */
  readonly reads: Pick<ReadQueue, "run">;
  /** Called once for each answer. `error`: what the handler threw, if it did. @returns the answer to send */
  answered(call: CallRecord, response: HttpResponse, error?: unknown): HttpResponse;
  /** For endpoints that check their caller themselves. */
  readonly security: Pick<SecurityLog, "refused">;
  /** In tests only: the handler of an endpoint that checks its caller itself, with its answers checked. */
  readonly checkRaw?: (declaration: Declaration, handler: Handler) => Handler;
}
