import type { Consumer, Kafka, TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";
import { type BatchWorkerDeps, processBatch, RETRYING, type Retrying } from "./batch-worker.ts";
import { CommitQueue } from "./commit-queue.ts";
import { failureCode } from "./failure.ts";
import type { Log } from "./log.ts";
import { pause, within } from "./pause.ts";
import { type PolledBatch, RecordBuffer } from "./record-buffer.ts";
import { RejoinTimer } from "./rejoin-timer.ts";
import type { HeldRecords, Role } from "./role.ts";

export interface RunnerDeps {
  readonly kafka: Kafka;
  readonly producer: BatchWorkerDeps["producer"];
  readonly log: Log;
  readonly retrying?: Retrying;
  readonly observe: BatchWorkerDeps["observe"] & {
    batch(records: number, seconds: number): void;
  };
  /** Told when the runner has met a mistake of ours and stands still for good. */
  readonly ended?: (error: unknown) => void;
}

export interface Runner {
  readonly name: string;
  /** Records that were taken and whose offsets are not committable yet. */
  inHand(): number;
  /** Stops polling, lets running batches finish for at most `graceMs`, commits, leaves the group. */
  stop(graceMs: number): Promise<void>;
}

/** How long a poll waits for a first record. */
const POLL_MS = 500;
/** A batch that takes longer keeps its consumer polling (paused), so that the group does not think us dead. */
const SLOW_MS = 1_000;
/**
 * Between two commits of offsets. Each is a record in a log of the broker's; without a rest ten roles make thousands a second.
 * After a crash the uncommitted records are delivered again; every handler is idempotent.
 */
const REST_MS = 250;
/**
 * So long a record keeps its role's next batch waiting, up to the role's `paceMs`: a lone order is not slowed down by its
 * own events, and from 250 records a second the whole pace is kept.
 */
const PACE_PER_RECORD_MS = 4;
const AFTER_POLL_ERROR_MS = 1_000;

/**
 * Runs a role: poll → handle → produce → commit. Up to `role.concurrency` batches are at work, offsets become committable
 * in the order of the polls, and nothing is polled while all hands are full: that is the back-pressure.
 */
export function startRunner(role: Role, deps: RunnerDeps): Runner {
  const stopping = new AbortController();
  const { log, observe } = deps;
  const worker: BatchWorkerDeps = {
    role,
    producer: deps.producer,
    log,
    retrying: deps.retrying ?? RETRYING,
    observe,
  };
  const rejoinTimer = new RejoinTimer();
  let consumer: Consumer = open();
  const commits = new CommitQueue(
    (offsets) => consumer.commit(offsets),
    (error) => log.warn({ role: role.name, ...failureCode(error) }, "offsets could not be committed yet"),
    role.waiting && ((partition) => role.waiting?.firstOf(partition)),
    REST_MS,
  );
  const atWork = new Set<Promise<void>>();
  const buffer = new RecordBuffer(commits);
  /** Paused because too much of them waits in the role's hand. */
  const heldBack = new Map<string, TopicPartition>();
  let inHand = 0;
  /** When the next batch may begin, by the role's pace. */
  let nextAt = 0;
  let before: Promise<boolean> = Promise.resolve(true);

  function open(): Consumer {
    return deps.kafka.consumer({
      groupId: role.groupId,
      topics: role.topics,
      onRebalance(change, partitions) {
        if (change === "revoked") {
          commits.revoked(partitions);
          buffer.revoked(partitions);
          role.waiting?.revoked(partitions);
          for (const partition of partitions) heldBack.delete(keyOf(partition)); // a pause ends with the assignment
          rejoinTimer.revoked(consumer.assignment().length, performance.now());
        } else rejoinTimer.assigned();
        const names = partitions.map(({ topic, partition }) => `${topic}/${partition}`);
        log.info({ role: role.name, partitions: names }, `partitions ${change}`);
      },
    });
  }

  async function replace(): Promise<void> {
    await consumer.close().catch((cause) => log.warn(failureCode(cause), "the consumer did not close"));
    heldBack.clear();
    while (!stopping.signal.aborted) {
      try {
        consumer = open();
        return;
      } catch (error) {
        log.error({ role: role.name, ...failureCode(error) }, "there can be no new consumer yet");
        await pause(AFTER_POLL_ERROR_MS, stopping.signal);
      }
    }
  }

  /** Pauses the partitions of which the role has too much in hand, and resumes them when it has not. */
  function holdBack(waiting: HeldRecords): void {
    const overfull = new Map((waiting.overfull?.() ?? []).map((partition) => [keyOf(partition), partition]));
    const paused = [...overfull].filter(([key]) => !heldBack.has(key));
    const resumed = [...heldBack].filter(([key]) => !overfull.has(key));
    if (paused.length > 0) consumer.pause(paused.map(([, partition]) => partition));
    if (resumed.length > 0) consumer.resume(resumed.map(([, partition]) => partition));
    for (const [key, partition] of paused) heldBack.set(key, partition);
    for (const [key] of resumed) heldBack.delete(key);
  }

  /** Gathers what comes next, until there are `max` records. */
  async function poll(max: number, timeoutMs: number): Promise<void> {
    try {
      buffer.add(await consumer.poll(Math.max(1, max - buffer.size), timeoutMs));
    } catch (error) {
      log.error({ role: role.name, ...failureCode(error) }, "polling failed");
      const { code } = failureCode(error);
      if (code === "FATAL" || code === "FENCED" || code === "CLOSED") await replace();
      await pause(AFTER_POLL_ERROR_MS, stopping.signal);
    }
  }

  const isDue = () => role.waiting?.due(performance.now()) === true;

  /** A batch: what is there, and under load (more than one record) what comes within `lingerMs` or until a hand is free. */
  async function collect(): Promise<PolledBatch> {
    if (buffer.size === 0) await poll(role.maxBatch, isDue() ? 1 : POLL_MS);
    if (buffer.size > 0 && role.paceMs !== undefined) await keepPace();
    else if (buffer.size > 1) await linger();
    return buffer.take();
  }

  async function linger(): Promise<void> {
    const until = performance.now() + role.lingerMs;
    while (buffer.size < role.maxBatch && !stopping.signal.aborted) {
      const left = until - performance.now();
      if (left < 1) return;
      await poll(role.maxBatch, Math.ceil(left));
    }
  }

  /** Gathers what comes until the role's next batch may begin. */
  async function keepPace(): Promise<void> {
    const left = nextAt - performance.now();
    if (left < 1 || buffer.size >= role.maxBatch) return;
    await pause(left, stopping.signal);
    await poll(role.maxBatch, 1);
  }

  function begin({ records, positions }: PolledBatch): void {
    const startedAt = performance.now();
    nextAt = startedAt + Math.min(role.paceMs ?? 0, records.length * PACE_PER_RECORD_MS);
    const earlier = before;
    inHand += records.length;
    // A batch is committable when it and all before it are dealt with; one that was abandoned holds back the later ones.
    const done = Promise.all([earlier, processBatch(worker, records, stopping.signal)]).then(([was, is]) => {
      inHand -= records.length;
      if (was && is) {
        commits.done(positions);
        observe.batch(records.length, (performance.now() - startedAt) / 1_000);
      }
      return was && is;
    });
    before = done;
    const task: Promise<void> = done.then(
      () => void atWork.delete(task),
      (error) => {
        // processBatch answers for its errors; whatever else comes here is a mistake of ours and must not look like success.
        log.error({ role: role.name, ...failureCode(error) }, "the runner stops: a batch ended in an unknown state");
        atWork.delete(task);
        endWith(error);
      },
    );
    atWork.add(task);
  }

  /** Keeps the membership alive while all hands are full: partitions paused, polls go on. */
  async function holdOn(): Promise<void> {
    await within(SLOW_MS, Promise.race(atWork));
    if (atWork.size < role.concurrency) return;
    const paused = new Map<string, TopicPartition>();
    while (atWork.size >= role.concurrency) {
      const assigned = consumer.assignment();
      consumer.pause(assigned);
      for (const one of assigned) paused.set(keyOf(one), one);
      // Records can come of partitions that were assigned in this moment.
      await Promise.all([poll(buffer.size + role.maxBatch, 100), within(250, Promise.race(atWork))]);
    }
    consumer.resume([...paused.values()].filter((partition) => !heldBack.has(keyOf(partition))));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (atWork.size >= role.concurrency) {
        await holdOn();
        continue;
      }
      if (role.waiting) holdBack(role.waiting);
      const batch = await collect();
      if (batch.records.length > 0 || isDue()) begin(batch);
      else {
        await commits.flush();
        if (!rejoinTimer.isDue(performance.now()) || stopping.signal.aborted) continue;
        log.error({ role: role.name }, "without partitions for long: joining the group anew");
        await replace();
      }
    }
  }
  /** Nothing is polled or committed any more; somebody has to start the role anew. */
  function endWith(error: unknown): void {
    if (stopping.signal.aborted) return;
    stopping.abort();
    deps.ended?.(error);
  }
  const running = run().catch((error) => {
    if (stopping.signal.aborted) return; // closed under its hands
    log.error({ role: role.name, ...failureCode(error) }, "the runner stops: a mistake of ours");
    endWith(error);
  });

  return {
    name: role.name,
    inHand: () => inHand,
    async stop(graceMs) {
      // Also ends every pause between tries: what a batch holds that waits for its neighbour is safe in the log.
      stopping.abort();
      await within(graceMs, Promise.all([running, ...atWork]));
      await commits.flush();
      await consumer.close();
    },
  };
}
