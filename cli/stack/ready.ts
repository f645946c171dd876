import { connect } from "node:net";
import postgresClient from "postgres";
import type { ServiceName, StackContext } from "./service.ts";

/** One probe may take so long, milliseconds; then it counts as no. */
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

async function redisReady(url: string): Promise<boolean> {
  // Of a cluster, the first node speaks for all.
  const one = url.replace(/^redis\+cluster:/, "redis:").split(",")[0]!;
  const client = new Bun.RedisClient(one, { connectionTimeout: PROBE_MS, autoReconnect: false });
  try {
    return (await client.ping()) === "PONG";
  } finally {
    client.close();
  }
}

async function postgresReady(url: string): Promise<boolean> {
  const sql = postgresClient(url, { max: 1, connect_timeout: PROBE_MS / 1000, onnotice: () => {} });
  try {
    await sql`select 1`;
    return true;
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

async function kafkaReady(brokers: string): Promise<boolean> {
  const [host, port] = brokers.split(",")[0]!.split(":");
  const answer = await ask(host!, Number(port ?? 9092), METADATA);
  // size int32, correlation int32, tag buffer, throttle int32, then the brokers as a compact array (length + 1).
  return answer.length > 13 && answer[13]! > 1;
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
        return await kafkaReady(env.KAFKA_BROKERS);
      case "gateway":
        return await httpReady(`http://${env.GATEWAY_HOST ?? "127.0.0.1"}:${ports.gateway}/health/ready`);
      case "consumers":
        return await httpReady(`http://127.0.0.1:${ports.consumers}/health/ready`);
    }
  } catch {
    return false;
  }
}
