import type { ClaimRevoked, CreateSale, EditSale, Problem, Sale } from "../../contracts/claims/http.ts";
import type { PipelineChoice, PipelineView } from "../../contracts/claims/pipeline.ts";
import type { SagaChoice, SagaView } from "../../contracts/orders/saga-mode.ts";
import type { CreateProduct, EditProduct, Product } from "../../contracts/shop/http-catalogue.ts";
import type { GrantPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import type { AuditLine } from "../../contracts/wire/audit.ts";
import type { Block, CreateBlock, Unblocked } from "../../contracts/wire/blocks.ts";
import type {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterStatus,
} from "../../contracts/wire/dead-letters.ts";
import { type RequestId, saleOfRequest } from "../../contracts/wire/ids.ts";
import { publishedAddresses } from "../../stack/env.ts";
import { CliError } from "../../stack/errors.ts";
import type { StackEnv } from "../../stack/service.ts";
import { commandToken } from "../token/operator.ts";

/** An operator's token of the command line lives as long as one command may take, seconds. */
const TOKEN_S = 300;
const TIMEOUT_MS = 10_000;

/** Codes of a connection that was never made, so that nothing can have happened. */
const NOT_SENT = new Set(["ConnectionRefused", "FailedToOpenSocket", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/**
 * The gateway's operator calls. Every method @throws CliError with the gateway's own words, or, of a change that was sent and
 * not answered, saying that its outcome is unknown and how it is repeated. Methods with a `key` make one if it is left out.
 */
export interface AdminApi {
  /** Under a `key`, a repeat finds the sale of the first time. */
  create(sale: CreateSale, key?: string): Promise<Sale>;
  change(couponId: string, action: "open" | "pause" | "close"): Promise<Sale>;
  resize(couponId: string, total: number): Promise<Sale>;
  edit(couponId: string, edit: EditSale): Promise<Sale>;
  /** The sale stands in the request's id. */
  revoke(requestId: RequestId, why: string): Promise<ClaimRevoked>;
  show(couponId: string): Promise<Sale>;
  /** Also those that are not listed. Newest first, at most `limit`. */
  list(limit: number): Promise<Sale[]>;
  pipeline(): Promise<PipelineView>;
  switchPipeline(pipeline: PipelineChoice): Promise<PipelineView>;
  saga(): Promise<SagaView>;
  switchSaga(mode: SagaChoice): Promise<SagaView>;
  /** Under a `key`, as create. */
  createProduct(product: CreateProduct, key?: string): Promise<Product>;
  editProduct(productId: string, edit: EditProduct): Promise<Product>;
  /** Under a `key`, a repeat adds nothing and gets the first answer. A negative quantity takes away. */
  restock(productId: string, quantity: number, key?: string): Promise<Product>;
  /** Also those that are not listed. Newest first, at most `limit`. */
  products(limit: number): Promise<Product[]>;
  /** Under a `key`, as restock. */
  grantPoints(grant: GrantPoints, key?: string): Promise<PointsGranted>;
  block(block: CreateBlock): Promise<Block>;
  unblock(subject: Pick<CreateBlock, "userId" | "tokenId">): Promise<Unblocked>;
  /** Newest first, at most `limit`. */
  blocks(limit: number): Promise<Block[]>;
  /** Newest first, at most `limit`. */
  deadLetters(filter: { status?: DeadLetterStatus; topic?: string }, limit: number): Promise<DeadLetter[]>;
  deadLetter(id: DeadLetterId): Promise<DeadLetterDetail>;
  retryDeadLetter(id: DeadLetterId): Promise<DeadLetterDetail>;
  discardDeadLetter(id: DeadLetterId, why: string): Promise<DeadLetterDetail>;
  /** Newest first, at most `limit`. */
  audit(filter: AuditWish, limit: number): Promise<AuditLine[]>;
}

/** Which lines of the audit log. Times are RFC 3339. */
export interface AuditWish {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly requestId?: string;
  readonly from?: string;
  readonly to?: string;
}

export function adminApi(env: StackEnv, timeoutMs = TIMEOUT_MS): AdminApi {
  const { GATEWAY_URL, ADMIN_URL } = publishedAddresses(env, 1);
  const token = commandToken(env, TOKEN_S);

  async function call<T>(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    key?: Key,
  ): Promise<T> {
    const base = path.startsWith("/admin/") ? ADMIN_URL : GATEWAY_URL;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(base + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(key === undefined ? {} : { "idempotency-key": key.text }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await answer.text(); // an answer may break off, too
    } catch (cause) {
      if (method !== "GET" && !NOT_SENT.has(String((cause as { code?: unknown }).code))) {
        throw new CliError(`the gateway at ${base} did not answer: ${repeating(key)}`, { cause });
      }
      throw new CliError(`no gateway answers at ${base}: start it with ./dev up`, { cause });
    }
    if (answer.ok) return parsed(text, base) as T;
    const mayHaveHappened = answer.status >= 500 && method !== "GET";
    throw new CliError(
      refusal(answer.status, text) + (mayHaveHappened ? `; ${repeating(key)}` : otherTimes(text, key)),
    );
  }
  const keyed = <T>(path: string, body: unknown, text: string = crypto.randomUUID(), written = "") =>
    call<T>("POST", path, body, { text, written });

  async function pages<T>(path: string, limit: number, filter: Record<string, string> = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ ...filter, ...(cursor === null ? {} : { cursor }) });
      const page: { items: T[]; nextCursor: string | null } = await call("GET", `${path}?${query}`);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null && items.length < limit);
    return items.slice(0, limit);
  }

  return {
    create: (sale, key) => keyed("/admin/coupons", sale, key, timesOf(sale)),
    change: (couponId, action) => call("POST", `/admin/coupons/${encodeURIComponent(couponId)}/${action}`),
    resize: (couponId, total) => call("POST", `/admin/coupons/${encodeURIComponent(couponId)}/resize`, { total }),
    edit: (couponId, edit) => call("PATCH", `/admin/coupons/${encodeURIComponent(couponId)}`, edit),
    revoke: (requestId, why) => call("POST", `/admin/coupons/${saleOfRequest(requestId)}/revoke`, { requestId, why }),
    show: (couponId) => call("GET", `/coupons/${encodeURIComponent(couponId)}`),
    pipeline: () => call("GET", "/admin/pipeline"),
    switchPipeline: (pipeline) => call("PUT", "/admin/pipeline", { pipeline }),
    saga: () => call("GET", "/admin/saga"),
    switchSaga: (mode) => call("PUT", "/admin/saga", { mode }),
    list: (limit) => pages<Sale>("/admin/coupons", limit),
    createProduct: (product, key) => keyed("/admin/products", product, key),
    editProduct: (productId, edit) => call("PATCH", `/admin/products/${encodeURIComponent(productId)}`, edit),
    restock: (productId, quantity, key) =>
      keyed(`/admin/products/${encodeURIComponent(productId)}/restock`, { quantity }, key),
    products: (limit) => pages<Product>("/admin/products", limit),
    deadLetters: (filter, limit) => pages<DeadLetter>("/admin/dead-letters", limit, filter),
    deadLetter: (id) => call("GET", `/admin/dead-letters/${id}`),
    retryDeadLetter: (id) => call("POST", `/admin/dead-letters/${id}/retry`),
    discardDeadLetter: (id, why) => call("POST", `/admin/dead-letters/${id}/discard`, { why }),
    audit: (filter, limit) => pages<AuditLine>("/admin/audit", limit, { ...filter }),
    grantPoints: (grant, key) => keyed("/admin/points/grants", grant, key),
    block: (block) => call("POST", "/admin/blocks", block),
    unblock: (subject) => call("DELETE", `/admin/blocks?${new URLSearchParams(subject as Record<string, string>)}`),
    blocks: (limit) => pages<Block>("/admin/blocks", limit),
  };
}

/** An Idempotency-Key, and the options that must be written out so that the command says the same again. */
interface Key {
  readonly text: string;
  readonly written: string;
}

/** `now` and `+10s` are other times when the command is repeated. */
const timesOf = ({ startsAt, endsAt, validUntil }: CreateSale) =>
  ` --starts ${startsAt} --ends ${endsAt}${validUntil === undefined ? "" : ` --valid-until ${validUntil}`}`;

/** What to do about a change that may have happened. Without a key it is one that happens once by its nature. */
function repeating(key: Key | undefined): string {
  if (key === undefined) return "outcome unknown, repeat the command: asking twice is asking once";
  const { text, written } = key;
  const quoted = /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  return `outcome unknown, repeat with --key ${quoted}${written}: it happens once`;
}

/** A command that is repeated under its key without the times has another body, because their default is now. */
const otherTimes = (text: string, key: Key | undefined) =>
  key?.written && text.includes("IDEMPOTENCY_KEY_REUSED")
    ? `; times that are not written out count from now, so this command meant${key.written}: write those of the first time`
    : "";

/** @throws CliError if it is no gateway that has answered */
function parsed(text: string, base: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const said = JSON.stringify(text.slice(0, 60));
    throw new CliError(
      `what answers at ${base} is no gateway (it says ${said}): stop it, or set GATEWAY_PORT and ADMIN_PORT`,
      {
        cause,
      },
    );
  }
}

function refusal(status: number, text: string): string {
  try {
    const { code, detail, title } = JSON.parse(text) as Problem;
    return `the gateway refused with ${status} ${code}: ${detail || title}`;
  } catch {
    return `the gateway answered ${status}: ${text.slice(0, 200)}`;
  }
}
