import type { Logger } from "pino";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { ADDRESS_TOKENS, USER_TOKENS } from "../admission/costs.ts";
import type { RateLimits } from "../admission/rate-limits.ts";
import type { AuditedCalls } from "../audit/audited-calls.ts";
import type { Authenticate } from "../auth/identity.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { HttpResponse } from "../transports/transport.ts";
import { type CheckAnswer, checkedHandler } from "./check-answers.ts";
import type { Declaration } from "./declaration.ts";
import type { CallRecord, Door } from "./door.ts";
import type { LogError } from "./error-log.ts";
import { problem } from "./problem.ts";

export interface DoorParts {
  readonly authenticate: Authenticate;
  readonly calls: Pick<AuditedCalls, "answered">;
  readonly security: Door["security"];
  readonly addressOf: Door["addressOf"];
  readonly limits: Pick<RateLimits, "spendAddress" | "spendUser" | "claimWait">;
  readonly reads: Door["reads"];
  readonly metrics: Pick<GatewayMetrics, "countAnswer">;
  readonly log: Logger;
  readonly onError: LogError;
  /** In tests: what is wrong with an answer. Such an answer is replaced by a 500, so that the test sees it. */
  readonly checkAnswer?: CheckAnswer;
}

/** Whether the error says more than its answer does, so that the log must have it. */
const isFault = (error: unknown): boolean => !(error instanceof StampedeError) || error.code === "INTERNAL";

/** The code of a refusal or a failure; null: the call succeeded. */
function codeOf({ status, body }: HttpResponse, error: unknown): string | null {
  if (status < 400) return null;
  if (error instanceof StampedeError) return error.code;
  return (typeof body === "string" ? /"code":"([A-Z_]+)"/.exec(body)?.[1] : undefined) ?? "INTERNAL";
}

/**
 * The door of this gateway's endpoints: counts their answers, writes operators' calls to the audit log and refusals to the security
 * log, and logs faults under the id that the client was told.
 */
export function createDoor(parts: DoorParts): Door {
  const { authenticate, limits, reads, calls, security, addressOf, metrics, log, onError, checkAnswer } = parts;
  function checked(declaration: Declaration, response: HttpResponse): HttpResponse {
    const fault = checkAnswer?.(declaration, response);
    if (fault === undefined) return response;
    log.error({ operationId: declaration.operationId, fault }, "an answer is not what the documents say");
    return problem("INTERNAL", { detail: fault, retryable: false });
  }
  function noted(call: CallRecord, response: HttpResponse, error: unknown): void {
    const code = codeOf(response, error);
    calls.answered(call, response, code);
    if (code === null) return;
    security.refused(code, () => {
      const { id: requestId, address, caller, declaration } = call;
      const who = caller === null ? {} : { user: caller.userId };
      return { operation: declaration.operationId, address, requestId, ...who };
    });
  }
  return {
    authenticate,
    reads,
    security,
    addressOf,
    claimWait: (request) => limits.claimWait(request, ADDRESS_TOKENS.claim, performance.now()),
    admit({ audience, cost }, request, caller) {
      if (cost === "free" || audience !== "public") return; // operators and machines have no limit
      if (caller === null) limits.spendAddress(request, ADDRESS_TOKENS[cost]);
      else limits.spendUser(caller.userId, USER_TOKENS[cost]);
    },
    answered(call, answer, error) {
      const { id, declaration } = call;
      const { operationId } = declaration;
      if (error !== undefined && isFault(error)) onError(error, { requestId: id, operationId });
      const response = checkAnswer === undefined ? answer : checked(declaration, answer);
      metrics.countAnswer(operationId, response.status);
      noted(call, response, response === answer ? error : undefined);
      return response;
    },
    ...(checkAnswer === undefined
      ? {}
      : { checkRaw: (declaration, handler) => checkedHandler(declaration, handler, checked) }),
  };
}
