import { redisMembers } from "./members.ts";
import type { StackContext } from "./service.ts";

const SLOTS = 16_384;
const PROBE_MS = 2_000;

/** What one member knows of itself and of the others. */
interface Member {
  readonly client: Bun.RedisClient;
  readonly port: number;
  readonly busPort: number;
  readonly id: string;
  readonly knownNodes: number;
  /** Slots that have an owner, as this member sees it. */
  readonly assigned: number;
  readonly epoch: number;
  readonly ok: boolean;
  readonly isMaster: boolean;
  /** A master with a replica, or a replica that has caught up with its master. */
  readonly inStep: boolean;
}

const field = (info: string, name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "";

async function ask(port: number, busPort: number, password: string): Promise<Member> {
  const client = new Bun.RedisClient(`redis://default:${password}@127.0.0.1:${port}`, {
    connectionTimeout: PROBE_MS,
    autoReconnect: false,
  });
  try {
    const [id, cluster, replication] = await Promise.all(
      [
        ["CLUSTER", "MYID"],
        ["CLUSTER", "INFO"],
        ["INFO", "replication"],
      ].map(async ([name, word]) => String(await client.send(name!, [word!]))),
    );
    const isMaster = field(replication!, "role") === "master";
    return {
      client,
      port,
      busPort,
      id: id!,
      knownNodes: Number(field(cluster!, "cluster_known_nodes")),
      assigned: Number(field(cluster!, "cluster_slots_assigned")),
      epoch: Number(field(cluster!, "cluster_my_epoch")),
      ok: field(cluster!, "cluster_state") === "ok",
      isMaster,
      inStep: isMaster
        ? Number(field(replication!, "connected_slaves")) > 0
        : field(replication!, "master_link_status") === "up",
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

/**
 * Makes a cluster of members that do not know each other yet: equal parts of the slots to the first half, all members introduced
 * to the first, the second half as replicas. Takes only the steps that are missing, so an interrupted call does no harm. If a
 * member knows an owner for every slot, the cluster was made before, and Redis itself decides who owns them.
 */
async function form(members: readonly Member[]): Promise<void> {
  const masters = members.slice(0, members.length / 2);
  const isMade = members.some(({ assigned }) => assigned === SLOTS);
  for (const [i, { client, epoch, assigned }] of masters.entries()) {
    if (isMade || assigned > 0) continue;
    // With different epochs from the start the masters need not resolve a conflict of epochs.
    if (epoch === 0) await client.send("CLUSTER", ["SET-CONFIG-EPOCH", String(i + 1)]);
    const [from, to] = [i, i + 1].map((part) => Math.floor((part * SLOTS) / masters.length));
    await client.send("CLUSTER", ["ADDSLOTSRANGE", String(from), String(to! - 1)]);
  }
  for (const { client, knownNodes } of members.slice(1)) {
    if (knownNodes === members.length) continue;
    await client.send("CLUSTER", ["MEET", "127.0.0.1", String(members[0]!.port), String(members[0]!.busPort)]);
  }
  for (const [i, { client, knownNodes, isMaster }] of members.slice(masters.length).entries()) {
    // Only when it knows all members: Redis refuses a replica of an unknown master.
    if (knownNodes < members.length || !isMaster || (await ownsSlots(client))) continue;
    await client.send("CLUSTER", ["REPLICATE", masters[i]!.id]);
  }
}

/** Whether this member took a master's place. */
async function ownsSlots(client: Bun.RedisClient): Promise<boolean> {
  const nodes = String(await client.send("CLUSTER", ["NODES"]));
  const own = nodes.split("\n").find((line) => line.includes("myself"));
  return (own?.split(" ").length ?? 0) > 8; // its slot ranges follow the eight fields that each node has
}

/** Whether all members serve and every master has its replica; takes the next step towards it. Never throws. */
export async function redisClusterStands({ ports, passwords }: StackContext): Promise<boolean> {
  const asked = await Promise.allSettled(
    redisMembers(ports, "cluster").map(({ port, busPort }) => ask(port, busPort!, passwords.REDIS_PASSWORD)),
  );
  const members = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  try {
    if (members.length < asked.length) return false; // one of them does not answer yet
    if (members.every(({ ok, inStep, assigned }) => ok && inStep && assigned === SLOTS)) return true;
    await form(members);
    return false;
  } catch {
    return false; // what a member refuses now (it is just being introduced) is asked again
  } finally {
    for (const { client } of members) client.close();
  }
}
