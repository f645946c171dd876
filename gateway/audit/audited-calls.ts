import { NOT_IDENTIFIED } from "../../contracts/wire/audit.ts";
import type { CallLine } from "../../db/settings/audit.ts";
import { isOperator } from "../auth/roles.ts";
import { isForOperators } from "../http/declaration.ts";
import type { CallRecord } from "../http/door.ts";
import type { HttpResponse } from "../transports/transport.ts";

/** Lines about callers who are not operators: so many at once, and one a second. The others are counted. */
const STRANGERS_BURST = 20;
const STRANGERS_PER_S = 1;
const LONGEST_TEXT = 300;

// biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL's text has no NUL, and a terminal obeys the others
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** A stranger's text as a row may have it. */
const clean = (text: string): string => text.slice(0, LONGEST_TEXT).toWellFormed().replace(CONTROLS, "�");

/** What the path names, as the lines of changes call it; a path without parameters names itself. */
function targetOf({ declaration, request }: CallRecord): string {
  const named = Object.values(request.params)[0];
  if (named === undefined) return declaration.path;
  return clean(declaration.auditPrefix === undefined ? named : `${declaration.auditPrefix}:${named}`);
}

/** Which calls stand in the audit log, and what it says about them. */
export class AuditedCalls {
  readonly #add: (line: CallLine) => void;
  readonly #now: () => number;
  #tokens = STRANGERS_BURST;
  #filledAt: number;
  #unwritten = 0;
  /** Calls of strangers that have no line. */
  leftOut = 0;

  /** @param add takes a line; must not throw @param now milliseconds since 1970 */
  constructor(add: (line: CallLine) => void, now: () => number = Date.now) {
    this.#add = add;
    this.#now = now;
    this.#filledAt = now();
  }

  /** Notes a call that was answered, if the log is to have it. @param code of a refusal or a failure */
  answered(call: CallRecord, { status }: HttpResponse, code: string | null): void {
    const { declaration, caller } = call;
    if (!declaration.audit) return;
    const isOperators = caller !== null && isOperator(caller);
    if (!isOperators && !isForOperators(declaration.caller)) return; // a customer's own order
    if (!isOperators && !this.#mayTellOfStranger()) {
      this.leftOut++;
      this.#unwritten++;
      return;
    }
    const { path, query } = call.request;
    const detail = {
      path: clean(path),
      // Only a query that was checked: others may hold anything, a token too.
      ...(status < 400 && query !== "" ? { query: clean(query) } : {}),
      ...(isOperators || this.#unwritten === 0 ? {} : { leftOut: this.#unwritten }),
    };
    if (!isOperators) this.#unwritten = 0;
    this.#add({
      actor: caller?.userId ?? NOT_IDENTIFIED,
      action: declaration.operationId,
      target: targetOf(call),
      detail,
      at: new Date(this.#now()).toISOString(),
      requestId: call.id,
      status,
      code,
      address: call.address === "" ? null : clean(call.address),
    });
  }

  #mayTellOfStranger(): boolean {
    const now = this.#now();
    const filled = this.#tokens + (Math.max(0, now - this.#filledAt) / 1_000) * STRANGERS_PER_S;
    this.#tokens = Math.min(STRANGERS_BURST, filled);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
