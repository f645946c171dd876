import { afterAll, beforeAll, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { recorder } from "../history/recorder.ts";
import { type MovableAddress, movableAddress } from "../support/address.ts";
import { claimOnSocket } from "../support/claim-on-socket.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { synced } from "../support/synced.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

// Redis that comes back without its last claims: the gateways' Redis is these tests' own, behind an address that can move.
let system: System;
let master: RedisServer;
let replica: RedisServer | undefined;
let address: MovableAddress;
beforeAll(async () => {
  master = await startRedis();
  address = await movableAddress(master.port);
  system = await startSystem("redis_forgets", { gateways: 2, redisUrl: `redis://127.0.0.1:${address.port}` });
}, 180_000);
afterAll(async () => {
  await system?.close();
  address?.close();
  await Promise.all([master?.remove(), replica?.remove()]);
});

const TOTAL = 1_000;
const USERS = 2_500;
const SOCKETS = 20;
/** The user at whose turn memory stops being kept, and the one at whose turn the server dies. */
const KEPT = 250;
const KILLED = 450;
/** From this one on they wait until it is dead. */
const LAST = 700;

/** Waits until `more` claims have been won since now. */
async function winsMore(server: Redis, couponId: string, more: number): Promise<number> {
  const winners = () => server.hlen(`{c:${couponId}}:winners`);
  const before = await winners();
  return until("more claims are won", async () => {
    const now = await winners();
    return now >= before + more && now;
  });
}

/** Every user asks until there is an answer, some over sockets; then what must hold, whatever Redis forgot. */
async function rushed(couponId: string, prefix: string, begins: (user: number) => unknown): Promise<void> {
  const sockets = await Promise.all(
    named(`${prefix}-socket`, SOCKETS).map((user, i) =>
      TestSocket.welcomed(system.gateways[i % 2]!.url, system.token(user)),
    ),
  );
  const [stories, onSockets] = await Promise.all([
    rush({
      couponId,
      users: named(prefix, USERS),
      gatewayFor: (user, attempt) => system.gateways[(user + attempt) % 2]!.url,
      token: system.token,
      begins,
    }),
    Promise.all(sockets.map((socket) => claimOnSocket(socket, couponId, 40_000))),
  ]);
  const words = lastWords(stories);
  const wonOnSockets = onSockets.filter(({ type }) => type === "claim.accepted").length;
  expect((words["202"] ?? 0) + (words["200"] ?? 0) + wonOnSockets).toBe(TOTAL);
  expect(words.SOLD_OUT! + SOCKETS - wonOnSockets).toBe(USERS + SOCKETS - TOTAL);
  await Promise.all(
    sockets.map((socket, i) => (onSockets[i]!.type === "claim.accepted" ? socket.knowsOf(couponId) : undefined)),
  );
  for (const socket of sockets) socket.close();
}

test("Redis killed, its append-only file without the tail: the claims it forgot are found again, and no slot goes twice", async () => {
  const { id } = await system.createSale({ total: TOTAL });
  const direct = new Redis(master.port);
  direct.on("error", () => {}); // killed on purpose
  let kept = 0;
  let before = 0;
  let after = 0;
  let keeping: Promise<void> | undefined;
  let killing: Promise<void> | undefined;
  let restart: Promise<void> | undefined;
  await rushed(id, "tail", (user) => {
    if (user === KEPT) {
      keeping = synced(direct).then(() => {
        kept = master.logSize();
      });
    }
    if (user === KILLED) {
      killing = (async () => {
        before = await winsMore(direct, id, 1);
        await master.kill();
        recorder.redisLost();
      })();
      restart = killing.then(async () => {
        master.cutLog(kept + 7); // in the middle of a command
        await master.start();
        after = await direct.hlen(`{c:${id}}:winners`);
      });
    }
    // The users between the two make the claims that are lost, slowly enough that some are left for the last ones.
    return user < LAST ? keeping : killing;
  });
  await restart;
  direct.disconnect();
  // It really had forgotten claims, and not all of them.
  expect(after).toBeGreaterThan(0);
  expect(after).toBeLessThan(before);
  await promisesKept(system, id, { winners: TOTAL, fault: "Redis killed, AOF tail cut" });
}, 180_000);

test("a replica promoted without its last writes: it decides nothing until the sale is rebuilt", async () => {
  const { id } = await system.createSale({ total: TOTAL });
  const copy = await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  replica = copy;
  const direct = new Redis(master.port);
  const promoted = new Redis(copy.port);
  direct.on("error", () => {}); // killed on purpose
  await until("the replica is in step", async () => /master_link_status:up/.test(await promoted.info("replication")));
  let before = 0;
  let after = 0;
  let cutting: Promise<void> | undefined;
  let failover: Promise<void> | undefined;
  await rushed(id, "replica", (user) => {
    if (user === KEPT) {
      const there = () => promoted.hlen(`{c:${id}}:winners`);
      cutting = until("it has heard of some", async () => (await there()) > 0).then(async () => {
        await promoted.replicaof("NO", "ONE"); // from here on it hears nothing any more
      });
      failover = cutting.then(async () => {
        before = await winsMore(direct, id, 100);
        await master.kill();
        recorder.redisLost();
        after = await there();
        address.moveTo(copy.port);
      });
    }
    return user < LAST ? cutting : failover;
  });
  await failover;
  direct.disconnect();
  promoted.disconnect();
  expect(after).toBeGreaterThan(0);
  expect(after).toBeLessThan(before);
  await promisesKept(system, id, { winners: TOTAL, fault: "replica promoted without its last writes" });
}, 180_000);
