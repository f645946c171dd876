import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { claim } from "../support/client.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const OWNERS = 40;

let redis: RedisServer;
let system: System;
beforeAll(async () => {
  redis = await startRedis();
  const gatewayEnv = { USER_RATE_PER_S: "1000", USER_RATE_BURST: "1000" };
  system = await startSystem("told_once", { gateways: 2, redisUrl: redis.url, gatewayEnv });
  await Promise.all([system.addConsumers(["notify"]), system.addConsumers(["notify"])]);
}, 180_000);
afterAll(async () => {
  await system?.close();
  await redis?.remove();
});

/** A user who connects again and resumes, whenever the connection ends, to the other gateway. */
class Owner {
  /** What was told since the last resync: request ids. */
  private since: string[] = [];
  /** Told or shown, ever. */
  private readonly known = new Set<string>();
  readonly toldTwice: string[] = [];
  private cursor: string | undefined;
  private isLeaving = false;
  private socket: TestSocket | undefined;
  private taken = 0;
  readonly token: string;

  constructor(private readonly number: number) {
    this.token = system.token(`owner-${number}`);
  }

  async stay(): Promise<void> {
    for (let turn = this.number; !this.isLeaving; turn++) {
      const socket = await TestSocket.open(system.gateways[turn % 2]!.url, this.token).catch(() => null);
      if (socket === null) continue;
      this.socket = socket;
      this.taken = 0;
      if (this.cursor !== undefined) socket.send({ type: "resume", cursor: this.cursor });
      await socket.closed();
      this.take();
    }
  }

  /** Takes in what the socket has heard since it was last looked at. */
  private take(): void {
    const { heard } = this.socket!;
    for (; this.taken < heard.length; this.taken++) {
      const message = heard[this.taken]!;
      if (message.type === "resync") {
        // Redis has forgotten what it told; told before and once more behind the state is no mistake.
        this.since = [];
        for (const { requestId } of message.coupons) this.known.add(requestId);
      }
      if (message.type === "coupon.issued") {
        if (this.since.includes(message.requestId)) this.toldTwice.push(message.requestId);
        this.since.push(message.requestId);
        this.known.add(message.requestId);
      }
      if (!("cursor" in message) || (message.type === "welcome" && this.cursor !== undefined)) continue;
      this.cursor = message.cursor;
    }
  }

  knows(requestId: string): boolean {
    this.take();
    return this.known.has(requestId);
  }

  cut(): void {
    this.socket?.close();
  }

  leave(): void {
    this.isLeaving = true;
    this.cut();
  }
}

test("whatever happens to Redis and to role notify, every winner is told once, or shown the state", async () => {
  const direct = new Redis(redis.url);
  direct.on("error", () => {});
  const kill = (...type: string[]) => direct.call("CLIENT", "KILL", "TYPE", ...type);
  const owners = Array.from({ length: OWNERS }, (_, i) => new Owner(i));
  const staying = owners.map((owner) => owner.stay());
  const won: { owner: Owner; requestId: string }[] = [];

  /** Every user wins in a new sale while something happens. */
  async function rush(fault: () => unknown): Promise<void> {
    const sale = () => system.createSale({ total: OWNERS }).catch(() => null);
    const { id: couponId } = await until("a sale is created", sale);
    const claims = owners.map(async (owner, i) => {
      await Bun.sleep(Math.random() * 500);
      const requestId = await until(`owner ${i} wins`, async () => {
        const answer = await claim(system.gateways[i % 2]!.url, couponId, owner.token).catch(() => null);
        return answer !== null && [200, 202].includes(answer.status) && String(answer.body.requestId);
      });
      won.push({ owner, requestId });
    });
    await Bun.sleep(250);
    await fault();
    await Promise.all(claims);
  }

  let isOver = false;
  const cutting = (async () => {
    while (!isOver) {
      await Bun.sleep(50);
      owners[Math.floor(Math.random() * OWNERS)]!.cut();
    }
  })();
  await rush(() => kill("pubsub"));
  await rush(async () => {
    redis.freeze();
    await Bun.sleep(2_500);
    redis.thaw();
  });
  await rush(() => system.consumers.at(-1)!.kill("SIGKILL"));
  await rush(() => kill("normal", "SKIPME", "yes"));
  await rush(async () => {
    await redis.kill();
    await redis.start();
  });
  await rush(() => kill("pubsub"));
  await rush(() => direct.flushall());
  isOver = true;
  await cutting;

  await until("every user knows", () => won.every(({ owner, requestId }) => owner.knows(requestId)));
  for (const owner of owners) owner.leave();
  await Promise.all(staying);
  expect(owners.flatMap(({ toldTwice }) => toldTwice)).toEqual([]);
  expect(won).toHaveLength(OWNERS * 7);
  direct.disconnect();
}, 300_000);
