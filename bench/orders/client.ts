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

/** Wins the coupons, opens connections and sockets, so that `run` does nothing but order and listen. */
export async function createOrderClient(plan: OrderPlan): Promise<OrderClient> {
  const { goods, pace, users } = plan;
  const mint = createMint(plan);
  const people = Array.from({ length: users }, (_, i) => {
    const userId = `${plan.prefix}${i}`;
    const token = mint(userId);
    return { userId, token, head: headOf(plan, token) };
  });
  const connections = await openConnections(plan.host, plan.port, plan.connections);
  await winCoupons(connections, plan, people);
  const tally = new OrderTally();
  const closeListeners = await openListeners({
    url: `http://${urlHost(plan.host)}:${plan.port}`,
    users: people,
    onEnd: ({ orderId, end }) => tally.ended(orderId, end),
    onCancelRefused: () => void tally.cancelsRefused++,
    onDropped: () => void tally.dropped++,
  });
  /** How many of the coupons each user has used. */
  const used = new Uint32Array(users);
  let next = 0;
  let endAt = Number.POSITIVE_INFINITY;
  /** Requests on their way. */
  let asking = 0;

  const isOver = () => next >= plan.amount || performance.now() >= endAt;

  /** Places the next order for this user. @param ended called when its place is free again */
  async function place(user: number, dueAt: number, ended: () => void): Promise<void> {
    const n = next++;
    const fate = fateOf(n, plan.plainEvery);
    const couponId = fate === "plain" ? undefined : goods.sales[used[user]!++];
    const { head } = people[user]!;
    const body = JSON.stringify(orderOf(n, fate, goods, couponId));
    asking++;
    const answer = await connections.ask(post(head, "/orders", body, `idempotency-key: order-${n}\r\n`));
    asking--;
    if (answer === null) tally.errors++;
    const orderId =
      answer === null ? null : tally.answered(answer.status, answer.text.slice(answer.bodyAt), { fate, dueAt, ended });
    if (orderId === null) setTimeout(ended, AFTER_REFUSAL_MS);
    else if (fate === "regretted") await regret(connections, tally, head, orderId);
  }

  /** Each place is taken again when its order has ended. */
  function takePlaces(places: number): void {
    const again = (): void => {
      if (!isOver()) void place(next % users, performance.now(), again);
    };
    for (let i = 0; i < places; i++) again();
  }

  /** Everybody begins within one pause, so that they don't all order in the same second. */
  function letThemThink([least, most]: readonly [number, number]): void {
    const pause = (from: number) => from + Math.random() * (most - from);
    for (let user = 0; user < users; user++) {
      const order = (): void => {
        if (!isOver()) void place(user, performance.now(), () => setTimeout(order, pause(least)));
      };
      setTimeout(order, pause(0));
    }
  }

  function keepRate(perSecond: number, startedAt: number): void {
    const timer = setInterval(() => {
      for (;;) {
        const dueAt = startedAt + (next / perSecond) * 1_000;
        if (isOver()) return clearInterval(timer);
        if (dueAt > performance.now()) return;
        void place(next % users, dueAt, () => {});
      }
    }, TICK_MS);
  }

  return {
    progress: () => tally.progress(),
    async run() {
      const startedAt = performance.now();
      tally.start();
      if (plan.seconds !== null) endAt = startedAt + plan.seconds * 1_000;
      if (pace.kind === "closed") takePlaces(pace.places);
      else if (pace.kind === "people") letThemThink(pace.thinkMs);
      else keepRate(pace.perSecond, startedAt);
      const stands = () => performance.now() - tally.lastProgressAt > plan.patienceMs;
      while (!(isOver() && asking === 0 && tally.underWay === 0) && !stands()) await Bun.sleep(LOOK_MS);
      closeListeners();
      connections.close();
      return tally.result();
    },
  };
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
