import type { HttpRequest as NativeRequest, HttpResponse as NativeResponse } from "uWebSockets.js";
import type { HttpRequest } from "./transport.ts";
import { addressText } from "./uws-address.ts";
import { Body, type BodyRules, HungUp } from "./uws-body.ts";
import { RequestHead } from "./uws-head.ts";

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const EMPTY = new Uint8Array(0);

/**
 * A view of uWebSockets.js's request, which is valid for one turn only. Most is computed on demand: a refusal from memory reads
 * one parameter and one header. `detach` copies the rest for an asynchronous handler.
 */
export class UwsHttpRequest implements HttpRequest {
  params = NO_PARAMS;
  /** The client disconnected; its answer must not be written. */
  isAborted = false;
  private pathCopy: string | undefined;
  private queryCopy: string | undefined;
  private addressCopy: string | undefined;
  private incoming: Body | undefined;
  /** Read at once, because the handler runs only if the request's length is certain. */
  readonly head: RequestHead;

  constructor(
    readonly method: string,
    private native: NativeRequest | undefined,
    readonly response: NativeResponse,
    private readonly bodies: BodyRules,
  ) {
    this.head = new RequestHead(native!);
  }

  get path(): string {
    this.pathCopy ??= this.native!.getUrl();
    return this.pathCopy;
  }

  get query(): string {
    this.queryCopy ??= this.native!.getQuery() ?? "";
    return this.queryCopy;
  }

  get remoteAddress(): string {
    if (this.addressCopy === undefined) {
      if (this.isAborted) return "";
      this.addressCopy = addressText(this.response.getRemoteAddress());
    }
    return this.addressCopy;
  }

  header(name: string): string | undefined {
    const native = this.native;
    if (native === undefined) throw new Error(`Header ${name} is read after the handler's first await`);
    if (RequestHead.isWhole(name)) return this.head.whole(name);
    const value = native.getHeader(name);
    return value === "" ? undefined : value;
  }

  /** Decodes the route's parameters. @returns false if one is malformed */
  decodeParams(names: readonly string[]): boolean {
    const params: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) {
      const raw = this.native!.getParameter(i)!;
      if (raw.includes("%")) {
        try {
          params[names[i]!] = decodeURIComponent(raw);
        } catch {
          return false;
        }
      } else params[names[i]!] = raw;
    }
    this.params = params;
    return true;
  }

  body(): Promise<Uint8Array> {
    this.startBody();
    return this.incoming?.read() ?? Promise.resolve(EMPTY);
  }

  hungUp(error: unknown): boolean {
    return error instanceof HungUp && this.isAborted;
  }

  /** The handler continues after its first turn: copies what it may still read. */
  detach(): void {
    if (this.native === undefined) return;
    this.response.onAborted(() => {
      this.isAborted = true;
      this.incoming?.end(new HungUp());
    });
    this.startBody();
    void this.path;
    void this.query;
    this.native = undefined;
  }

  /** The answer was sent: the rest of the body is dropped. */
  finish(): void {
    this.incoming?.end(EMPTY);
    this.native = undefined;
  }

  private startBody(): void {
    if (this.native === undefined || this.incoming !== undefined || this.method === "GET") return;
    const { length, isChunked } = this.head;
    if (length === undefined ? !isChunked : length === "0") return;
    this.incoming = new Body(this.response, this.bodies);
    this.incoming.collect(length ?? "");
  }
}
