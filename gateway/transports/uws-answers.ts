import type { HttpResponse, TransportOptions } from "./transport.ts";
import type { UwsHttpRequest } from "./uws-request.ts";
import { headOf, writeResponse } from "./uws-response.ts";

/** Bun's own answer to such a request. */
const MISFRAMED: HttpResponse = Object.freeze({ status: 400, headers: Object.freeze({}) });

export interface UwsAnswers {
  answerNow(request: UwsHttpRequest, answer: HttpResponse): void;
  answerLater(request: UwsHttpRequest, answer: HttpResponse): void;
  refuse(request: UwsHttpRequest, error: unknown): void;
  isMisframed(request: UwsHttpRequest, mayHaveChunks: boolean): boolean;
}

/** How a listener answers. @param ends whether the next answer ends its connection */
export function createAnswers(failed: TransportOptions<never>["failed"], ends: () => boolean): UwsAnswers {
  /** Answers in the handler's turn, which is corked. @throws TypeError before anything is written */
  function answerNow(request: UwsHttpRequest, answer: HttpResponse): void {
    if (request.head.isChunked) {
      answerApart(request, answer);
      return;
    }
    request.finish();
    writeResponse(request.response, headOf(answer), answer, request.method === "HEAD", ends());
  }

  /**
   * Answers in a later turn, and ends the connection. The addon closes a connection that sends its next request before the
   * answer, so what came in the same packet is not taken for a request.
   */
  function answerApart(request: UwsHttpRequest, answer: HttpResponse): void {
    const head = headOf(answer);
    ends();
    request.detach();
    setImmediate(() => {
      request.finish();
      if (request.isAborted) return;
      request.response.cork(() => writeResponse(request.response, head, answer, false, true));
    });
  }

  /** Refuses a request of which it is not certain where it ends. @returns whether it did, so that no handler runs */
  function isMisframed(request: UwsHttpRequest, mayHaveChunks: boolean): boolean {
    const { head, response } = request;
    if (head.isRefusedByParser) response.onAborted(() => {});
    else if (head.isAmbiguous || (head.isChunked && !mayHaveChunks)) answerApart(request, MISFRAMED);
    else return false;
    return true;
  }

  function refuse(request: UwsHttpRequest, error: unknown): void {
    try {
      answerNow(request, failed(request, error));
    } catch {
      answerNow(request, { status: 500 }); // `failed` itself failed
    }
  }

  /** @throws TypeError as answerNow: an exception inside of `cork` would be lost */
  function answerLater(request: UwsHttpRequest, answer: HttpResponse): void {
    if (request.head.isChunked) {
      answerApart(request, answer);
      return;
    }
    request.finish();
    if (request.isAborted) return;
    const head = headOf(answer);
    request.response.cork(() => writeResponse(request.response, head, answer, request.method === "HEAD", ends()));
  }

  return { answerNow, answerLater, refuse, isMisframed };
}
