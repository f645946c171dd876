import { type Admin, type Kafka, KafkaError } from "./kafka.ts";

/** A failure that took longer came from nobody. */
const SILENCE_MS = 1_000;

export type LagReader = Pick<Admin, "endOffsets" | "groupLag">;

/**
 * Reads a group's lag for as long as a process lives. A client of librdkafka's can be stuck for good: one that forgot all
 * brokers (librdkafka #5301) answers every question with its time limit. So after a question that met silence the next one
 * goes through a new client. Who answers at once, if only that it is not ready, is alive: then the client stays.
 */
export function createRenewedAdmin(
  kafka: Pick<Kafka, "admin">,
  silenceMs = SILENCE_MS,
): LagReader & Pick<Admin, "close"> {
  let current = kafka.admin();
  function renew(used: Admin): void {
    try {
      current = kafka.admin();
    } catch {
      return; // too many open files, say; the question's own failure is the brokerLog, and the next silence tries again
    }
    used.close().catch(() => {}); // what was asked has failed; closing only frees its memory
  }
  async function asked<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const used = current;
    const begun = performance.now();
    try {
      return await question(used);
    } catch (error) {
      const silence =
        error instanceof KafkaError && error.code === "UNAVAILABLE" && performance.now() - begun >= silenceMs;
      if (silence && used === current) renew(used);
      throw error;
    }
  }
  return {
    endOffsets: (topic) => asked((admin) => admin.endOffsets(topic)),
    groupLag: (groupId, topics) => asked((admin) => admin.groupLag(groupId, topics)),
    close: () => current.close(),
  };
}
