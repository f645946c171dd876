import type { Producer } from "../../kafka/kafka.ts";
import type { LagReader } from "../../kafka/renewed-admin.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { pause } from "../engine/pause.ts";
import { DrainPace } from "./drain-pace.ts";

/** A record with this header has no content. Consumers of the topic skip it. */
export const DRAIN_MARKER = "drain-marker";

const LOOK_MS = 200;
/** Milliseconds without progress after which the group may have no record left to read. */
const STUCK_MS = 5_000;
const REMIND_MS = 10_000;

/**
 * Waits until the group has committed everything that the topic held at the call. It also waits while Kafka does not answer,
 * because claims that it missed may exist nowhere else.
 * A group commits only what it has read. If retention has deleted the records after its position (or its offsets, after
 * a week without a commit), it would never reach the end. One empty marker record per such partition gives it something to read.
 * @param report called once a second with the milliseconds that are left, estimated from the group's pace so far
 * @returns false when `stopping` ended it
 */
export async function drain(
  admin: LagReader,
  producer: Pick<Producer, "sendAll">,
  topic: string,
  groupId: string,
  log: Log,
  stopping: AbortSignal,
  report: (remainingMs: number) => void = () => {},
): Promise<boolean> {
  let ends: ReadonlyMap<number, number> | undefined;
  const pace = new DrainPace(report);
  let moved = { sum: -1, at: performance.now(), nudged: false };
  let remindAt = performance.now() + REMIND_MS;
  const remind = (fields: object, message: string) => {
    if (performance.now() < remindAt) return;
    remindAt = performance.now() + REMIND_MS;
    log.warn(fields, message);
  };
  while (!stopping.aborted) {
    try {
      ends ??= new Map((await admin.endOffsets(topic)).map(({ partition, offset }) => [partition, offset]));
      const lag = await admin.groupLag(groupId, [topic]);
      const committed = new Map(lag.map((one) => [one.partition, one.committed]));
      const behind = [...ends].filter(([partition, end]) => end > 0 && (committed.get(partition) ?? -1) < end);
      if (behind.length === 0) return true;
      const read = (partition: number) => Math.max(0, committed.get(partition) ?? 0);
      pace.records(behind.reduce((total, [partition, end]) => total + end - read(partition), 0));
      const sum = behind.reduce((total, [partition]) => total + (committed.get(partition) ?? -1), 0);
      if (sum !== moved.sum) moved = { ...moved, sum, at: performance.now() };
      if (!moved.nudged && performance.now() - moved.at >= STUCK_MS) {
        moved.nudged = true;
        const markers = behind.map(([partition]) => {
          return { topic, partition, value: null, headers: { [DRAIN_MARKER]: "1" } };
        });
        await producer.sendAll(markers);
      }
      remind({ topic, groupId, behind }, "a recovery waits until the log is persisted");
    } catch (error) {
      remind({ topic, groupId, ...failureCode(error) }, "a recovery waits for Kafka");
      pace.unknown();
    }
    await pause(LOOK_MS, stopping);
  }
  return false;
}
