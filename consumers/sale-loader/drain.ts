import type { Admin } from "../../kafka/kafka.ts";
import { failureCode } from "../failure.ts";
import type { Log } from "../log.ts";
import { pause } from "../pause.ts";

const LOOK_MS = 200;
const REMIND_MS = 10_000;

/**
 * Waits until the group has committed everything that the topic held when this was called. While Kafka does not answer it
 * waits too: the claims it would miss may be nowhere else.
 * @returns false when `stopping` ended it
 */
export async function drain(
  admin: Admin,
  topic: string,
  groupId: string,
  log: Log,
  stopping: AbortSignal,
): Promise<boolean> {
  let ends: ReadonlyMap<number, number> | undefined;
  let remindAt = Date.now() + REMIND_MS;
  const remind = (fields: object, message: string) => {
    if (Date.now() < remindAt) return;
    remindAt = Date.now() + REMIND_MS;
    log.warn(fields, message);
  };
  while (!stopping.aborted) {
    try {
      ends ??= new Map((await admin.endOffsets(topic)).map(({ partition, offset }) => [partition, offset]));
      const lag = await admin.groupLag(groupId, [topic]);
      const committed = new Map(lag.map((one) => [one.partition, one.committed]));
      const behind = [...ends].filter(([partition, end]) => end > 0 && (committed.get(partition) ?? -1) < end);
      if (behind.length === 0) return true;
      remind({ topic, groupId, behind }, "a recovery waits until the log is persisted");
    } catch (error) {
      remind({ topic, groupId, ...failureCode(error) }, "a recovery waits for Kafka");
    }
    await pause(LOOK_MS, stopping);
  }
  return false;
}
