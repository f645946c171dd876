import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { UserId } from "../../contracts/wire/ids.ts";
import { createInbox, type Inbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import { createRedis, whenReady } from "../../lua/redis.ts";
import { letter } from "../lua/inbox-message.ts";
import { startRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { Client, type Message } from "./client.ts";
import { startTestRoom, tokenFor } from "./room-under-test.ts";

const USERS = 25;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client as README's sample: it keeps the last cursor that it sees, and resumes from it after each reconnect. */
class Follower {
  readonly seen: number[] = [];
  /** How many messages may have been written when a resync came. */
  covered = 0;
  private cursor: unknown;
  private client: Client | undefined;

  constructor(
    readonly userId: UserId,
    private readonly port: number,
    private readonly written: () => number,
    /** With the one whose acknowledgement has not been heard yet. */
    private readonly begun: () => number,
  ) {}

  async connect(): Promise<void> {
    const client = await Client.open(this.port, { authorization: `Bearer ${tokenFor(this.userId)}` });
    this.client = client;
    this.log.push(`${performance.now() | 0} connected cursor=${this.cursor}`);
    client.ws.addEventListener("message", ({ data }) => {
      if (client === this.client) this.hear(client, JSON.parse(String(data)));
    });
  }

  log: string[] = [];
  private hear(client: Client, message: Message): void {
    this.log.push(
      `${performance.now() | 0} ${message.type} ${message.slot ?? message.code ?? message.messages ?? ""} ${message.cursor} w=${this.written()}`,
    );
    if (message.type === "coupon.issued") this.seen.push(message.slot as number);
    if (message.type === "resync") this.covered = this.begun();
    if (message.type === "welcome" && this.cursor !== undefined) client.send({ type: "resume", cursor: this.cursor });
    else if (message.cursor !== undefined) this.cursor = message.cursor;
  }

  async reconnect(): Promise<void> {
    const client = this.client!;
    this.client = undefined; // what still arrives there is not seen
    client.close();
    await this.connect();
  }

  isComplete(): boolean {
    const seen = new Set(this.seen);
    for (let slot = this.covered + 1; slot <= this.written(); slot++) if (!seen.has(slot)) return false;
    return true;
  }

  close(): void {
    this.client?.close();
  }
}

test("through lost pushes, overtaking, cut connections, a flush and a restart, every message arrives once or is covered by resync", async () => {
  const redis = await startRedis();
  const under = await startTestRoom(redis.url);
  const own = createRedis(redis.url, UNHURRIED);
  await whenReady(own, 10_000);
  const inbox: Inbox = createInbox(own);
  const written = new Map<UserId, number>();
  const users = Array.from({ length: USERS }, (_, i) => `storm-${i}` as UserId);
  const begun = new Map<UserId, number>();
  const followers = users.map(
    (user) =>
      new Follower(
        user,
        under.port,
        () => written.get(user) ?? 0,
        () => begun.get(user) ?? 0,
      ),
  );
  await Promise.all(followers.map((follower) => follower.connect()));
  let isOver = false;

  /** Role notify, in several processes: pushes are lost and overtake each other. What was not written is tried again. */
  async function tell(user: UserId, lossRate: number): Promise<void> {
    const slot = (written.get(user) ?? 0) + 1;
    // What was not acknowledged may have been written: it is the same event when it is told again.
    const json = JSON.stringify({ type: "coupon.issued", slot });
    const message = { ...letter(json), eventId: `${user} ${slot}` };
    begun.set(user, slot);
    const appended = await inbox.append(user, [message]).catch(() => null);
    if (appended === null) return;
    written.set(user, slot);
    if (Math.random() < lossRate) return;
    const [one] = appended.written;
    const push = JSON.stringify([{ u: user, c: one!.cursor, m: message.json, p: one!.previous }]);
    for (const gateway of new Set(appended.routes.values())) {
      void pause(Math.random() * 20).then(() => own.publish(gatewayChannel(gateway), push).catch(() => {}));
    }
  }
  const telling = users.map(async (user) => {
    while (!isOver) {
      await tell(user, 0.1);
      await pause(Math.random() * 40);
    }
  });
  const reconnecting = (async () => {
    while (!isOver) {
      await pause(100);
      await followers[Math.floor(Math.random() * USERS)]!.reconnect();
    }
  })();

  const direct = new Redis(redis.url);
  direct.on("error", () => {});
  for (let round = 0; round < 4; round++) {
    await pause(300);
    await direct.call("CLIENT", "KILL", "TYPE", "pubsub");
    await pause(300);
    if (round === 1) await direct.flushall();
    if (round === 2) {
      await redis.kill();
      await pause(500);
      await redis.start();
      await until("Redis is back", () => direct.ping().then(() => true));
    }
    if (round === 3) await direct.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  }
  await pause(300);
  isOver = true;
  await Promise.all([...telling, reconnecting]);
  // A last message each: a push that was lost without one stays in the inbox until the next reading.
  for (const user of users) {
    const before = written.get(user);
    await until("it is written", async () => {
      await tell(user, 0);
      return written.get(user) !== before;
    });
  }
  await until("every follower has everything", () => followers.every((follower) => follower.isComplete()));
  for (const { seen, userId, log } of followers) {
    if (seen.length !== new Set(seen).size) console.log(userId, log.join("\n"));
    expect([userId, seen]).toEqual([userId, [...new Set(seen)].sort((a, b) => a - b)]);
  }
  for (const follower of followers) follower.close();
  direct.disconnect();
  own.disconnect();
  await under.stop();
  await redis.remove();
}, 180_000);
