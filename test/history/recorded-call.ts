import { isRequestId } from "../../contracts/wire/ids.ts";
import type { ClaimAnswer, StatusRead } from "./history.ts";
import { type OpenClaim, recorder } from "./recorder.ts";

/** What is kept of an HTTP answer. */
export interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer's body is whatever it is; the recorder reads what it knows
  readonly body: any;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly token: string | undefined;
  readonly json: unknown;
}

const CLAIM = /^\/coupons\/([^/?]+)\/issue(-async)?$/;
const STATUS = /^\/coupons\/requests\/([^/?]+)$/;
const RESIZE = /^\/admin\/coupons\/([^/?]+)\/resize$/;
const REVOKE = /^\/admin\/coupons\/([^/?]+)\/revoke$/;
const CREATE = /^\/admin\/coupons$/;

/** Whose token it is, verified or not; undefined: no user's. */
export function subjectOf(token: string | undefined): string | undefined {
  try {
    const { sub } = JSON.parse(Buffer.from(token?.split(".")[1] ?? "", "base64url").toString());
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined; // not a token, on purpose
  }
}

/** Makes a call and records it, should it be one that the history is about. @throws what `perform` throws */
export async function recorded<T extends Answered>(asked: Asked, perform: () => Promise<T>): Promise<T> {
  const { origin, pathname } = new URL(asked.url);
  const userId = subjectOf(asked.token);
  const couponId = asked.method === "POST" ? CLAIM.exec(pathname)?.[1] : undefined;
  if (couponId !== undefined && userId !== undefined) {
    return claimed(recorder.claim(couponId, { userId, via: "http", gateway: origin }), perform);
  }
  const invokedAt = performance.now();
  const answer = await perform();
  const answeredAt = performance.now();
  const requestId = asked.method === "GET" ? STATUS.exec(pathname)?.[1] : undefined;
  if (requestId !== undefined && userId !== undefined && isRequestId(requestId)) {
    const status = statusOf(answer);
    const { slot = null, reason = null } = answer.body;
    if (status !== null) recorder.statusRead({ userId, requestId, invokedAt, answeredAt, status, slot, reason });
  }
  if (asked.method === "POST" && CREATE.test(pathname) && answer.status === 201) {
    recorder.total(answer.body.id, { invokedAt, answeredAt, total: answer.body.total });
  }
  const resized = asked.method === "POST" ? RESIZE.exec(pathname)?.[1] : undefined;
  if (resized !== undefined && answer.status === 200) {
    recorder.total(resized, { invokedAt, answeredAt, total: answer.body.total });
  }
  const revoked = asked.method === "POST" ? REVOKE.exec(pathname)?.[1] : undefined;
  if (revoked !== undefined && answer.status === 200) {
    const { userId, released } = answer.body;
    recorder.revoked(revoked, { userId, invokedAt, answeredAt: released ? answeredAt : Number.POSITIVE_INFINITY });
  }
  return answer;
}

async function claimed<T extends Answered>(open: OpenClaim, perform: () => Promise<T>): Promise<T> {
  try {
    const answer = await perform();
    open(answerOf(answer));
    return answer;
  } catch (error) {
    open({ kind: "unknown", why: (error as { code?: string }).code ?? (error as Error).name });
    throw error;
  }
}

/** A claim's answer, over HTTP or as a socket message's fields. */
export function answerOf({ status, body }: Answered): ClaimAnswer {
  if (status === 200 || status === 202) {
    const { requestId, slot = null, receipt = null, repeat = false } = body;
    return { kind: "accepted", requestId, slot, receipt, repeat };
  }
  if (typeof body?.code === "string") return { kind: "refused", code: body.code };
  return { kind: "unknown", why: `HTTP ${status}` };
}

/** null: the gateway could not say. */
function statusOf({ status, body }: Answered): StatusRead["status"] | null {
  if (status === 404) return "NOT_FOUND";
  return status === 200 ? body.status : null;
}
