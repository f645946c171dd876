import type { Logger } from "pino";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { ADDRESS_TOKENS, USER_TOKENS } from "../admission/costs.ts";
import type { RateLimits } from "../admission/rate-limits.ts";
import type { Authenticate } from "../auth/identity.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { HttpResponse } from "../transports/transport.ts";
import { type CheckAnswer, checkedHandler } from "./check-answers.ts";
import type { Declaration } from "./declaration.ts";
import type { Door } from "./door.ts";
import type { LogError } from "./error-log.ts";
import { problem } from "./problem.ts";

export interface DoorParts {
  readonly authenticate: Authenticate;
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

/** The door of this gateway's endpoints: counts their answers, and logs faults under the id that the client was told. */
export function createDoor({ authenticate, limits, reads, metrics, log, onError, checkAnswer }: DoorParts): Door {
  function checked(declaration: Declaration, response: HttpResponse): HttpResponse {
    const fault = checkAnswer?.(declaration, response);
    if (fault === undefined) return response;
    log.error({ operationId: declaration.operationId, fault }, "an answer is not what the documents say");
    return problem("INTERNAL", { detail: fault, retryable: false });
  }
  return {
    authenticate,
    reads,
    claimWait: (request) => limits.claimWait(request, ADDRESS_TOKENS.claim, performance.now()),
    admit({ audience, cost }, request, caller) {
      if (cost === "free" || audience !== "public") return; // operators and machines have no limit
      if (caller === null) limits.spendAddress(request, ADDRESS_TOKENS[cost]);
      else limits.spendUser(caller.userId, USER_TOKENS[cost]);
    },
    answered({ id, declaration }, response, error) {
      const { operationId } = declaration;
      metrics.countAnswer(operationId, response.status);
      if (error !== undefined && isFault(error)) onError(error, { requestId: id, operationId });
      return checkAnswer === undefined ? response : checked(declaration, response);
    },
    ...(checkAnswer === undefined
      ? {}
      : { checkRaw: (declaration, handler) => checkedHandler(declaration, handler, checked) }),
  };
}
