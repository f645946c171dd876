import { createHash } from "node:crypto";
import type { HttpResponse } from "../transports/transport.ts";

/** A JSON answer that many requests get, with its validator. */
export interface SharedBody {
  readonly text: string;
  /** Strong: other bytes have another one. */
  readonly etag: string;
}

export function sharedBody(value: unknown): SharedBody {
  const text = JSON.stringify(value);
  return { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"` };
}

/** Whether `If-None-Match` names this validator (RFC 9110 13.1.2: compared weakly, so `W/` does not matter). */
function isKnown(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/**
 * 200 with the body, or 304 for a client or cache that has it. Anybody may keep the answer for `seconds`.
 * @param ifNoneMatch the request's header
 */
export function sharedAnswer(
  { text, etag }: SharedBody,
  seconds: number,
  ifNoneMatch: string | undefined,
): HttpResponse {
  const validators = { "cache-control": `public, max-age=${seconds}`, etag };
  if (ifNoneMatch !== undefined && isKnown(ifNoneMatch, etag)) return { status: 304, headers: validators };
  return { status: 200, body: text, headers: { "content-type": "application/json", ...validators } };
}
