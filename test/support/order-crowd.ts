import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { type ApiAnswer, call } from "./client.ts";
import { createProduct } from "./orders.ts";
import { lastWords, named, rush } from "./rush.ts";
import { TestSocket } from "./socket.ts";
import type { System } from "./system.ts";

/** How an order ended: COMPLETED, or the reason of its cancellation or of the door's refusal. */
export type Ending = "COMPLETED" | ResultCode;

/** What a customer orders, and how that may end, whatever dies meanwhile. */
interface Kind {
  readonly items: readonly (readonly [product: "mug" | "scarce" | "ticket", quantity: number])[];
  readonly coupon?: true;
  readonly points?: number;
  /** Of the points they want to use. Default all. */
  readonly purse?: number;
  readonly token?: string;
  readonly postalCode?: string;
  /** They ask for it to be cancelled as soon as it is accepted. */
  readonly cancels?: true;
  readonly ends: readonly Ending[];
}

/** A mug costs 2,000 and the coupon takes 100 off. */
const KINDS = {
  everything: { items: [["mug", 2]], coupon: true, points: 500, ends: ["COMPLETED"] },
  plain: { items: [["mug", 1]], ends: ["COMPLETED"] },
  "by points alone": { items: [["mug", 1]], points: 2_000, ends: ["COMPLETED"] },
  scarce: {
    items: [
      ["mug", 1],
      ["scarce", 1],
    ],
    coupon: true,
    points: 300,
    ends: ["COMPLETED", "INSUFFICIENT_STOCK"],
  },
  flash: { items: [["ticket", 1]], ends: ["COMPLETED", "SOLD_OUT", "INSUFFICIENT_STOCK"] },
  poor: { items: [["mug", 1]], coupon: true, points: 400, purse: 399, ends: ["INSUFFICIENT_POINTS"] },
  declined: { items: [["mug", 3]], coupon: true, points: 500, token: "tok_decline", ends: ["PAYMENT_DECLINED"] },
  far: { items: [["mug", 1]], coupon: true, points: 500, postalCode: "REFUSE", ends: ["SHIPPING_NOT_SERVED"] },
  "unheard charge": { items: [["mug", 1]], token: "tok_timeout_charged", ends: ["COMPLETED"] },
  "lost charge": { items: [["mug", 1]], points: 100, token: "tok_timeout_lost", ends: ["COMPLETED"] },
  "failing provider": { items: [["mug", 1]], token: "tok_error", ends: ["COMPLETED"] },
  "late capture": { items: [["mug", 1]], token: "tok_late_capture", ends: ["COMPLETED"] },
  "slow card": { items: [["mug", 1]], token: "tok_slow", ends: ["COMPLETED"] },
  "webhooks twice": { items: [["mug", 1]], coupon: true, token: "tok_duplicate_webhook", ends: ["COMPLETED"] },
  "another amount": {
    items: [["mug", 1]],
    coupon: true,
    points: 500,
    token: "tok_captures_more",
    ends: ["PAYMENT_MISMATCH"],
  },
  "another currency": { items: [["mug", 1]], token: "tok_captures_dollars", ends: ["PAYMENT_MISMATCH"] },
  "charge refused": { items: [["mug", 1]], points: 500, token: "tok_refused", ends: ["PAYMENT_DECLINED"] },
  "provider too busy": { items: [["mug", 1]], token: "tok_too_many", ends: ["COMPLETED"] },
  cancelled: {
    items: [["mug", 1]],
    coupon: true,
    points: 500,
    cancels: true,
    ends: ["COMPLETED", "CANCELLED_BY_USER"],
  },
  "cancelled while paid": {
    items: [["mug", 1]],
    points: 500,
    token: "tok_slow",
    cancels: true,
    ends: ["COMPLETED", "CANCELLED_BY_USER"],
  },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[];

/** A customer with one order. */
export interface Customer {
  readonly userId: string;
  readonly kind: KindName;
  readonly ends: readonly Ending[];
  readonly json: Record<string, unknown>;
  /** Their inbox' end before the order. */
  readonly cursor: string | undefined;
  /** The order's, once it is accepted. */
  orderId?: string;
  /** Why the door refused. */
  refused?: ResultCode;
  /** Everything that was answered; a connection that broke has status 0. */
  readonly answers: ApiAnswer[];
}

export interface CrowdWish {
  /** In turn, one customer each. Default every kind. */
  readonly kinds?: readonly KindName[];
  readonly customers: number;
  /** Of the scarce product and of the flash product. */
  readonly scarce?: number;
  readonly tickets?: number;
}

export interface OrderCrowd {
  readonly customers: readonly Customer[];
  readonly couponId: string;
  readonly products: Readonly<Record<"mug" | "scarce" | "ticket", string>>;
}

let crowds = 0;

/** Products, a sale, and customers with what they need for their orders: coupons that are persisted, points. */
export async function gatherCrowd(system: System, wish: CrowdWish): Promise<OrderCrowd> {
  const { kinds = KIND_NAMES, customers: count, scarce = 3, tickets = 3 } = wish;
  const [mug, rare, ticket, sale] = await Promise.all([
    createProduct(system, { name: "Mug", stock: 1_000_000, price: 2_000 }),
    createProduct(system, { name: "Last ones", stock: scarce, price: 700 }),
    createProduct(system, { name: "Ticket", stock: tickets, price: 5_000, flash: true }),
    system.createSale({ total: count }),
  ]);
  const products = { mug: mug.id, scarce: rare.id, ticket: ticket.id };
  const people = named(`customer-${++crowds}`, count).map((userId, i) => {
    const kind = kinds[i % kinds.length]!;
    return { userId, kind, wish: KINDS[kind] as Kind };
  });
  const holders = people.filter(({ wish }) => wish.coupon).map(({ userId }) => userId);
  await givePurses(system, people);
  const gatewayFor = () => system.url;
  const won = lastWords(await rush({ couponId: sale.id, users: holders, gatewayFor, token: system.token, atOnce: 32 }));
  if (holders.length > 0 && won["202"] !== holders.length) {
    throw new Error(`${holders.length} were to win a coupon: ${JSON.stringify(won)}`);
  }
  await system.settled(sale.id);
  const customers: Customer[] = [];
  await inTurns(people, 32, async ({ userId, kind, wish }) => {
    const socket = await TestSocket.welcomed(system.url, system.token(userId));
    const json = {
      items: wish.items.map(([name, quantity]) => ({ productId: products[name], quantity })),
      ...(wish.coupon ? { couponId: sale.id } : {}),
      ...(wish.points ? { pointsToUse: wish.points } : {}),
      payment: { token: wish.token ?? "tok_ok" },
      shipping: { country: "DE", ...(wish.postalCode ? { postalCode: wish.postalCode } : {}) },
    };
    customers.push({ userId, kind, ends: wish.ends, json, cursor: socket.cursor(), answers: [] });
    socket.close();
  });
  return { customers: customers.sort((a, b) => place(a) - place(b)), couponId: sale.id, products };
}

const place = ({ userId }: Customer) => Number(userId.slice(userId.lastIndexOf("-") + 1));

async function givePurses(system: System, people: readonly { userId: string; wish: Kind }[]): Promise<void> {
  const purses = people.flatMap(({ userId, wish }) =>
    wish.points === undefined ? [] : [{ user: userId, points: wish.purse ?? wish.points }],
  );
  const users = `{${purses.map(({ user }) => user).join(",")}}`;
  const points = `{${purses.map(({ points }) => points).join(",")}}`;
  await system.sql`
    WITH given AS (SELECT * FROM unnest(${users}::text[], ${points}::bigint[]) AS g (user_id, points)),
    booked AS (INSERT INTO point_ledger (user_id, delta, reason, actor) SELECT user_id, points, 'gift', 'test' FROM given)
    INSERT INTO point_balances (user_id, balance) SELECT user_id, points FROM given`;
}

/** Does it for all, at most `atOnce` at the same time, in their order. */
export async function inTurns<T>(all: readonly T[], atOnce: number, work: (one: T, i: number) => Promise<void>) {
  let next = 0;
  const hand = async () => {
    for (let i = next++; i < all.length; i = next++) await work(all[i]!, i);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, hand));
}

export interface Ordering {
  /** Asked anew for each try, because gateways come and go. */
  readonly urlFor: (attempt: number) => string;
  readonly atOnce?: number;
  /** Before each customer's first try. */
  readonly begins?: (i: number) => void | Promise<void>;
}

/** Between two tries. */
const AGAIN_MS = 100;
/** Longer than any fault of these tests. */
const PATIENCE_MS = 120_000;

/** Asks until a final answer comes: connections break, and 429 and 503 mean later. Every answer is kept. */
async function persistently(
  urlFor: Ordering["urlFor"],
  ask: (url: string) => Promise<ApiAnswer>,
  kept: ApiAnswer[] = [],
) {
  const deadline = performance.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt++) {
    const answer = await ask(urlFor(attempt)).catch(
      (error): ApiAnswer => ({ status: 0, headers: new Headers(), body: { code: error.code ?? error.name } }),
    );
    kept.push(answer);
    const isFinal = answer.status !== 0 && answer.status !== 503 && answer.status !== 429;
    if (isFinal || performance.now() > deadline) return answer;
    await Bun.sleep(AGAIN_MS);
  }
}

/** All customers order, each under one key until it is accepted or refused for good; some cancel at once. */
export async function orderAll(system: System, { customers }: OrderCrowd, ordering: Ordering): Promise<void> {
  const { urlFor, atOnce = 16, begins } = ordering;
  await inTurns(customers, atOnce, async (customer, i) => {
    await begins?.(i);
    const token = system.token(customer.userId);
    const headers = { "idempotency-key": "the order" };
    const answer = await persistently(
      urlFor,
      (url) => call(`${url}/orders`, { token, json: customer.json, headers, patienceMs: 15_000 }),
      customer.answers,
    );
    if (answer.status !== 202) {
      customer.refused = answer.body.code;
      return;
    }
    customer.orderId = answer.body.orderId;
    if ((KINDS[customer.kind] as Kind).cancels) {
      await persistently(urlFor, (url) => call(`${url}/orders/${customer.orderId}/cancel`, { method: "POST", token }));
    }
  });
}
