import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import {
  countDeferredClaims,
  dueDeferredClaims,
  forgetDeferredClaims,
  postponeDeferredClaims,
  salesWithDeferredClaims,
} from "../../../db/claims/deferred.ts";
import type { Sql } from "../../../db/client.ts";
import { bisect } from "../../engine/bisect.ts";
import { failureKind } from "../../engine/failure.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import type { Settlement } from "../persist/settle-claims.ts";

export interface DeferredDeps {
  readonly sql: Sql;
  readonly settle: (claims: readonly GrantedClaim[]) => Promise<Settlement>;
  /** One process at a time per sale; undefined when all are held elsewhere. */
  readonly lease: <T>(
    couponIds: readonly CouponId[],
    work: (held: readonly CouponId[]) => Promise<T>,
  ) => Promise<T | undefined>;
  readonly leftOut: LeftOut;
  /** Told about every ten seconds how many claims wait. */
  readonly waiting: (claims: number) => void;
}

const PAGE = 1_000;
const SALES_AT_ONCE = 3;
const COUNT_EVERY_MS = 10_000;

/**
 * Settles claims that could not be decided when they were read from the log: their sale was paused, being rebuilt, or not
 * to be reached. They wait in PostgreSQL, so they hold up neither the log nor each other, and rest while their sale is paused.
 */
export async function deferredRound(deps: DeferredDeps, stopping: AbortSignal): Promise<void> {
  await count(deps);
  const sales = (await salesWithDeferredClaims(deps.sql)) as readonly CouponId[];
  if (sales.length === 0) return;
  await deps.lease(sales, (held) =>
    deps.leftOut.runEach("deferred claims", held, String, (couponId) => settleSale(deps, couponId, stopping), {
      atOnce: SALES_AT_ONCE,
    }),
  );
}

const countedAt = new WeakMap<DeferredDeps, number>();

async function count(deps: DeferredDeps): Promise<void> {
  const now = performance.now();
  if (now - (countedAt.get(deps) ?? Number.NEGATIVE_INFINITY) < COUNT_EVERY_MS) return;
  countedAt.set(deps, now);
  deps.waiting(await countDeferredClaims(deps.sql));
}

async function settleSale(deps: DeferredDeps, couponId: CouponId, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const page = (await dueDeferredClaims(deps.sql, couponId, PAGE)) as readonly GrantedClaim[];
    if (page.length === 0) return;
    const { done, open, failure } = await settleParts(deps, page);
    if (done.length > 0) await forgetDeferredClaims(deps.sql, done);
    if (open.length > 0) await postponeDeferredClaims(deps.sql, open);
    if (failure !== undefined) throw failure.error;
    if (page.length < PAGE || done.length === 0) return;
  }
}

interface Parts {
  readonly done: readonly string[];
  readonly open: readonly string[];
  readonly failure?: { readonly error: unknown };
}

/** A page that fails for what one of its claims is gets halved; that one is tried later, the others are settled. */
async function settleParts(deps: DeferredDeps, page: readonly GrantedClaim[]): Promise<Parts> {
  const settle = async (claims: readonly GrantedClaim[]): Promise<Parts> => {
    const { deferred, unknown } = await deps.settle(claims);
    const open = [...deferred, ...unknown].map(({ requestId }) => requestId as string);
    const isOpen = new Set(open);
    return { done: claims.map(({ requestId }) => requestId).filter((id) => !isOpen.has(id)), open };
  };
  const parts = await bisect(page, settle, (claims, error): Parts => {
    const isAtFault = failureKind(error) === "permanent";
    return { done: [], open: isAtFault ? claims.map(({ requestId }) => requestId) : [], failure: { error } };
  });
  const failure = parts.find((part) => part.failure !== undefined)?.failure;
  return {
    done: parts.flatMap(({ done }) => done),
    open: parts.flatMap(({ open }) => open),
    ...(failure === undefined ? {} : { failure }),
  };
}
