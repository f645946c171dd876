import { type Admin, type Kafka, KafkaError } from "./kafka.ts";

/** Milliseconds. A failure that took longer was no broker's answer. */
const SILENCE_MS = 1_000;

export type LagReader = Pick<Admin, "endOffsets" | "groupLag">;

/**
 * Reads a group's lag during the whole life of a process. A librdkafka client can be stuck for ever: one that forgot all
 * brokers (librdkafka #5301) lets every request time out. So after a request that timed out, the next one goes through a new
 * client. A quick error, for example "not ready", shows that a broker answers: the client is kept.
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
      return; // for example too many open files. The caller gets the request's own error; the next timeout tries again
    }
    used.close().catch(() => {}); // its requests have failed; closing only frees its memory
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
