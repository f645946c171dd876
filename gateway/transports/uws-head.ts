import type { HttpRequest as NativeRequest } from "uWebSockets.js";

/** Headers of which every value counts: the addon alone would take the first of two tokens, where a proxy may have checked the second. */
type Whole = "authorization" | "idempotency-key" | "x-forwarded-for" | "forwarded";

const joined = (all: string | undefined, value: string) => (all === undefined ? value : `${all}, ${value}`);

/**
 * What a request's head says about its length, and the headers of which every value counts, joined as Bun joins them. One pass
 * over all headers: the addon itself looks at the first of two lengths only, and takes any transfer coding for "chunked".
 */
export class RequestHead {
  /** Content-Length as it was sent; undefined without one. */
  length: string | undefined;
  /** The body comes in chunks. */
  isChunked = false;
  /** Content-Length is not a number: the addon's parser answers 400 after the handler's turn. */
  isRefusedByParser = false;
  /** The request ends at a place that another server might see elsewhere. */
  isAmbiguous = false;
  private authorization: string | undefined;
  private idempotencyKey: string | undefined;
  private forwardedFor: string | undefined;
  private forwarded: string | undefined;

  constructor(native: NativeRequest) {
    native.forEach((name, value) => {
      this.take(name, value);
    });
  }

  static isWhole(name: string): name is Whole {
    return name === "authorization" || name === "idempotency-key" || name === "x-forwarded-for" || name === "forwarded";
  }

  /** All values of a header, joined; undefined if it was not sent. */
  whole(name: Whole): string | undefined {
    if (name === "authorization") return this.authorization;
    if (name === "idempotency-key") return this.idempotencyKey;
    return name === "forwarded" ? this.forwarded : this.forwardedFor;
  }

  private take(name: string, value: string): void {
    switch (name) {
      case "authorization":
        this.authorization = joined(this.authorization, value);
        break;
      case "idempotency-key":
        this.idempotencyKey = joined(this.idempotencyKey, value);
        break;
      case "x-forwarded-for":
        this.forwardedFor = joined(this.forwardedFor, value);
        break;
      case "forwarded":
        this.forwarded = joined(this.forwarded, value);
        break;
      case "content-length":
        this.takeLength(value);
        break;
      case "transfer-encoding":
        this.takeCoding(value);
    }
  }

  /** The same length twice is one length (RFC 9110, 8.6). */
  private takeLength(value: string): void {
    if (/[^\d]/.test(value)) {
      if (this.length === undefined) this.isRefusedByParser = true;
      else this.isAmbiguous = true;
    }
    if (value === "" || this.isChunked || (this.length !== undefined && this.length !== value)) this.isAmbiguous = true;
    this.length ??= value;
  }

  private takeCoding(value: string): void {
    if (this.isChunked || this.length !== undefined || value.toLowerCase() !== "chunked") this.isAmbiguous = true;
    this.isChunked = true;
  }
}
