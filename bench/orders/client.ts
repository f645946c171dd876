import { urlHost } from "../../contracts/wire/address.ts";
import { createMint } from "../tokens.ts";
import { type Connections, openConnections } from "./connections.ts";
import { openListeners } from "./listeners.ts";
import { fateOf, orderOf } from "./mix.ts";
import type { OrderLoadResult, OrderPlan, OrderProgress } from "./plan.ts";
import { OrderTally } from "./tally.ts";
import { winCoupons } from "./win-coupons.ts";

export interface OrderClient {
  progress(): OrderProgress;
  /** Places everything; resolves when the last order has ended, or when patience has. */
  run(): Promise<OrderLoadResult>;
}

/** After a refusal, before the same place is used again: a place that is refused at once must not spin. */
const AFTER_REFUSAL_MS = 100;
/** How often a cancellation is asked for while it is answered 503, and how long after each answer. */
const CANCEL_TRIES = 30;
const CANCEL_PAUSE_MS = 1_000;
/** Between two looks at what is due, at a rate. */
const TICK_MS = 4;
const LOOK_MS = 50;

interface Customer {
  readonly userId: string;
  readonly token: string;
  /** The head that all of their requests share. */
  readonly head: string;
}

/** Wins the coupons, opens connections and sockets, so that `run` does nothing but order and listen. */
export async function createOrderClient(plan: OrderPlan): Promise<OrderClient> {
  const mint = createMint(plan);
  const customers: Customer[] = Array.from({ length: plan.users }, (_, i) => {
    const userId = `${plan.prefix}${i}`;
    const token = mint(userId);
    return { userId, token, head: headOf(plan, token) };
  });
  const connections = await openConnections(plan.host, plan.port, plan.connections);
  await winCoupons(connections, plan, customers);
  const tally = new OrderTally();
  const closeListeners = await openListeners({
    url: `http://${urlHost(plan.host)}:${plan.port}`,
    users: customers,
    onEnd: ({ orderId, end }) => tally.ended(orderId, end),
    onCancelRefused: () => void tally.cancelsRefused++,
    onDropped: () => void tally.dropped++,
  });
  const load = new OrderPlacer(plan, customers, connections, tally);
  return {
    progress: () => tally.progress(),
    async run() {
      await load.run();
      closeListeners();
      connections.close();
      return tally.result();
    },
  };
}

/** Places a plan's orders at its pace, one customer after the other. */
class OrderPlacer {
  readonly #plan: OrderPlan;
  readonly #customers: readonly Customer[];
  readonly #connections: Connections;
  readonly #tally: OrderTally;
  /** How many of the coupons each customer has used. */
  readonly #used: Uint32Array;
  /** Number of the next order, from 0. */
  #next = 0;
  #endAt = Number.POSITIVE_INFINITY;
  /** Requests on their way. */
  #asking = 0;

  constructor(plan: OrderPlan, customers: readonly Customer[], connections: Connections, tally: OrderTally) {
    this.#plan = plan;
    this.#customers = customers;
    this.#connections = connections;
    this.#tally = tally;
    this.#used = new Uint32Array(plan.users);
  }

  /** Places all orders; resolves when the last one has ended, or nothing moved for `patienceMs`. */
  async run(): Promise<void> {
    const { pace, seconds, patienceMs } = this.#plan;
    const startedAt = performance.now();
    this.#tally.start();
    if (seconds !== null) this.#endAt = startedAt + seconds * 1_000;
    if (pace.kind === "closed") this.#takePlaces(pace.places);
    else if (pace.kind === "people") this.#letThemThink(pace.thinkMs);
    else this.#keepRate(pace.perSecond, startedAt);
    const isDone = () => this.#isOver() && this.#asking === 0 && this.#tally.underWay === 0;
    while (!isDone() && performance.now() - this.#tally.lastProgressAt <= patienceMs) await Bun.sleep(LOOK_MS);
  }

  #isOver(): boolean {
    return this.#next >= this.#plan.amount || performance.now() >= this.#endAt;
  }

  /** Places the next order for this customer. @param ended called when its place is free again */
  async #place(user: number, dueAt: number, ended: () => void): Promise<void> {
    const { goods, plainEvery } = this.#plan;
    const tally = this.#tally;
    const n = this.#next++;
    const fate = fateOf(n, plainEvery);
    const couponId = fate === "plain" ? undefined : goods.sales[this.#used[user]!++];
    const { head } = this.#customers[user]!;
    const body = JSON.stringify(orderOf(n, fate, goods, couponId));
    this.#asking++;
    const answer = await this.#connections.ask(post(head, "/orders", body, `idempotency-key: order-${n}\r\n`));
    this.#asking--;
    if (answer === null) tally.errors++;
    const orderId =
      answer === null ? null : tally.answered(answer.status, answer.text.slice(answer.bodyAt), { fate, dueAt, ended });
    if (orderId === null) setTimeout(ended, AFTER_REFUSAL_MS);
    else if (fate === "regretted") await regret(this.#connections, tally, head, orderId);
  }

  /** Each place is taken again when its order has ended. */
  #takePlaces(places: number): void {
    const again = (): void => {
      if (!this.#isOver()) void this.#place(this.#next % this.#plan.users, performance.now(), again);
    };
    for (let i = 0; i < places; i++) again();
  }

  /** Each customer begins at a random time within one pause, so that they don't all order in the same second. */
  #letThemThink([least, most]: readonly [number, number]): void {
    const pause = (from: number) => from + Math.random() * (most - from);
    for (let user = 0; user < this.#plan.users; user++) {
      const order = (): void => {
        if (!this.#isOver()) void this.#place(user, performance.now(), () => setTimeout(order, pause(least)));
      };
      setTimeout(order, pause(0));
    }
  }

  #keepRate(perSecond: number, startedAt: number): void {
    const timer = setInterval(() => {
      for (;;) {
        const dueAt = startedAt + (this.#next / perSecond) * 1_000;
        if (this.#isOver()) return clearInterval(timer);
        if (dueAt > performance.now()) return;
        void this.#place(this.#next % this.#plan.users, dueAt, () => {});
      }
    }, TICK_MS);
  }
}

/** The head that all of a user's requests share. */
const headOf = ({ host, port }: OrderPlan, token: string) =>
  ` HTTP/1.1\r\nhost: ${host}:${port}\r\nauthorization: Bearer ${token}\r\n`;

function post(head: string, path: string, body: string, more = ""): Buffer {
  const about = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`POST ${path}${head}${more}${about}\r\n${body}`);
}

/**
 * Asks for a cancellation; again while the answer is 503 (a busy broker has not confirmed it in time), because asking twice
 * cancels once. The last answer counts.
 */
async function regret(connections: Connections, tally: OrderTally, head: string, orderId: string): Promise<void> {
  const request = Buffer.from(`POST /orders/${orderId}/cancel${head}content-length: 0\r\n\r\n`);
  for (let tries = 1; ; tries++) {
    const answer = await connections.ask(request);
    if (answer?.status === 503 && tries < CANCEL_TRIES) await Bun.sleep(CANCEL_PAUSE_MS);
    else if (answer === null) return void tally.errors++;
    else return tally.cancelAnswered(answer.status);
  }
}
