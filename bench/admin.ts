import type { Sale } from "../contracts/claims/http.ts";
import type { PipelineChoice, PipelineView } from "../contracts/claims/pipeline.ts";
import type { SagaChoice, SagaView } from "../contracts/orders/saga-mode.ts";
import type { Product } from "../contracts/shop/http-catalogue.ts";
import type { Target } from "./target.ts";
import { createMint } from "./tokens.ts";

export interface BenchSale {
  readonly name: string;
  readonly total: number;
  /** Milliseconds from now; negative: it has begun. */
  readonly startsInMs: number;
  /** Default FIXED, 1000. */
  readonly discountType?: "FIXED" | "PERCENT";
  readonly discountValue?: number;
  readonly maxDiscount?: number;
}

const HOUR_MS = 3_600_000;

/** Creates a sale as an operator would. @throws Error with the gateway's answer if it refuses */
export async function createSale(target: Target, { startsInMs, ...wish }: BenchSale): Promise<Sale> {
  const startsAt = Date.now() + startsInMs;
  const sale = {
    startsAt: new Date(startsAt).toISOString(),
    endsAt: new Date(startsAt + HOUR_MS).toISOString(),
    discountType: "FIXED",
    discountValue: 1000,
    ...wish,
  };
  return operate(target, "/admin/coupons", sale);
}

export interface BenchProduct {
  readonly name: string;
  readonly stock: number;
  /** Minor units. */
  readonly price: number;
  readonly flash: boolean;
}

/** Creates a product as an operator would. @throws Error with the gateway's answer if it refuses */
export function createProduct(target: Target, product: BenchProduct): Promise<Product> {
  return operate<Product>(target, "/admin/products", product);
}

/** Closes a sale, so that finished runs do not stay on sale. */
export function closeSale(target: Target, couponId: string): Promise<Sale> {
  return operate(target, `/admin/coupons/${couponId}/close`, undefined);
}

/** Sends claims this way from now on; returns how to go back to what held before. Other gateways follow within a second. */
export async function switchPipeline(target: Target, pipeline: PipelineChoice): Promise<() => Promise<void>> {
  const before = await operate<PipelineView>(target, "/admin/pipeline", undefined, "GET");
  const choose = async (choice: PipelineChoice) => {
    await operate<PipelineView>(target, "/admin/pipeline", { pipeline: choice }, "PUT");
    await Bun.sleep(1_000);
  };
  await choose(pipeline);
  return () => choose(before.pipeline);
}

/** New orders' steps are requested this way from now on; returns how to go back to what held before. */
export async function switchSaga(target: Target, mode: SagaChoice): Promise<() => Promise<void>> {
  const before = await operate<SagaView>(target, "/admin/saga", undefined, "GET");
  const choose = async (choice: SagaChoice) =>
    void (await operate<SagaView>(target, "/admin/saga", { mode: choice }, "PUT"));
  await choose(mode);
  return () => choose(before.mode);
}

export async function viewSale(target: Target, couponId: string): Promise<Sale> {
  const answer = await fetch(`${target.url}/coupons/${couponId}`);
  return (await answer.json()) as Sale;
}

async function operate<T = Sale>(
  target: Target,
  path: string,
  body: object | undefined,
  method: "GET" | "POST" | "PUT" = "POST",
): Promise<T> {
  const token = createMint(target.tokens)("bench", "operator");
  const answer = await fetch(target.adminUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
