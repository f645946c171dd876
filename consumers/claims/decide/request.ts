import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CouponIssueRequested } from "../../../contracts/claims/events.ts";
import { StampedeError } from "../../../contracts/wire/errors.ts";
import type { CouponId, RequestId, UserId } from "../../../contracts/wire/ids.ts";
import type { IncomingRecord } from "../../../kafka/kafka.ts";
import { parseEvent } from "../../engine/read-batch.ts";

/** A request of a queued sale with its place in the log. */
export interface Request {
  readonly couponId: CouponId;
  readonly userId: UserId;
  readonly requestId: RequestId;
  /** LogAppendTime, milliseconds since 1970. */
  readonly loggedAt: number;
  readonly record: IncomingRecord;
}

const check = TypeCompiler.Compile(CouponIssueRequested.properties.data);

/** The request in a record. @throws StampedeError VALIDATION_FAILED: no retry helps */
export function parseRequest(record: IncomingRecord): Request {
  const event = parseEvent<Partial<CouponIssueRequested>>(record.value);
  if (event?.type !== "CouponIssueRequested" || !check.Check(event.data)) {
    const first = check.Errors(event?.data).First();
    const what = `${first?.path ?? "/type"} ${first?.message ?? ""}`;
    throw new StampedeError("VALIDATION_FAILED", `not a CouponIssueRequested: ${what}`);
  }
  const { couponId, userId, requestId } = event.data;
  return { couponId, userId, requestId, loggedAt: record.timestamp, record };
}
