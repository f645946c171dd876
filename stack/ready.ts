import { connect } from "node:net";
import { hostAndPort } from "../contracts/wire/address.ts";
import { openPostgres } from "../db/connect.ts";
import type { StackContext } from "./service.ts";
import type { ServiceName } from "./service-names.ts";

/** Time limit of one probe, milliseconds. A probe that takes longer counts as "not ready". */
const PROBE_MS = 2000;

/** Opens a TCP connection, sends `bytes` and resolves with the first answer; rejects when there is none in time. */
function ask(host: string, port: number, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PROBE_MS });
    const give = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.once("connect", () => socket.write(bytes));
    socket.once("data", (answer: Buffer) => {
      socket.destroy();
      resolve(answer);
    });
    socket.once("timeout", () => give(new Error("no answer in time")));
    socket.once("error", give);
    socket.once("close", () => give(new Error("closed without an answer")));
  });
}

/** A Redis URL that names several servers, as one URL for each. */
export function addressesOf(url: string): string[] {
  const [first = "", ...others] = url.replace(/^(rediss?)\+cluster:/, "$1:").split(",");
  const login = /^\w+:\/\/(?:[^@/]*@)?/.exec(first)?.[0] ?? "";
  return [first, ...others.map((other) => login + other)];
}

async function redisReady(url: string): Promise<boolean> {
  const isCluster = /^rediss?\+cluster:/.test(url);
  return firstAnswer(addressesOf(url), async (one) => {
    const client = new Bun.RedisClient(one, { connectionTimeout: PROBE_MS, autoReconnect: false });
    try {
      if (!isCluster) return (await client.ping()) === "PONG";
      return String(await client.send("CLUSTER", ["INFO"])).includes("cluster_state:ok");
    } finally {
      client.close();
    }
  });
}

/** The answer of the first server that gives one; each member of a cluster can answer for all. @throws when none answers */
async function firstAnswer<T>(addresses: readonly string[], question: (address: string) => Promise<T>): Promise<T> {
  let reason: unknown;
  for (const address of addresses) {
    try {
      return await question(address);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

async function postgresReady(url: string): Promise<boolean> {
  const sql = openPostgres(url, { max: 1, connect_timeout: PROBE_MS / 1000, onnotice: () => {} });
  try {
    const [row] = await sql`SELECT pg_is_in_recovery() AS standby`;
    return row?.standby === false; // a standby answers questions and takes no writes
  } catch (error) {
    // The server answers, our database is not made yet: the stack makes it next.
    return (error as { code?: string }).code === "3D000";
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/**
 * Kafka's Metadata request: the only cheap question whose answer names living brokers.
 * size 21 · api 3 · version 9 · correlation 1 · client "ready" · no tags · no topics · three flags off · no tags
 */
const METADATA = Buffer.from(
  "00000015" + "0003" + "0009" + "00000001" + "00057265616479" + "00" + "01" + "000000" + "00",
  "hex",
);

/** How many brokers are alive, as the first broker that answers sees it; 0 when none answers. */
export async function brokersOf(brokers: string): Promise<number> {
  try {
    return await firstAnswer(brokers.split(","), async (broker) => {
      const { host, port } = hostAndPort(broker, 9092);
      const answer = await ask(host, port, METADATA);
      // size int32, correlation int32, tag buffer, throttle int32, then the brokers as a compact array (length + 1).
      return answer.length > 13 ? answer[13]! - 1 : 0;
    });
  } catch {
    return 0; // none is up yet, or all are away
  }
}

async function httpReady(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
  await answer.arrayBuffer();
  return answer.status === 200;
}

/** Whether a service can be used now. Never throws. */
export async function isReady(service: ServiceName, context: Pick<StackContext, "env" | "ports">): Promise<boolean> {
  const { env, ports } = context;
  try {
    switch (service) {
      case "redis":
        return await redisReady(env.REDIS_URL);
      case "postgres":
        return await postgresReady(env.DATABASE_URL);
      case "kafka":
        return (await brokersOf(env.KAFKA_BROKERS)) > 0;
      case "payment-simulator":
        return await httpReady(`http://127.0.0.1:${ports.paymentSimulator}/health/ready`);
      case "gateway":
        return await httpReady(`http://127.0.0.1:${ports.machine}/health/ready`);
      case "consumers":
        return await httpReady(`http://127.0.0.1:${ports.consumers}/health/ready`);
    }
  } catch {
    return false;
  }
}
