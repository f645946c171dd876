import type { Kafka, TopicPartition } from "../../kafka/kafka.ts";
import { type BatchWorkerDeps, processBatch, RETRYING, type Retrying } from "./batch-worker.ts";
import { CommitQueue } from "./commit-queue.ts";
import { failureCode } from "./failure.ts";
import { GroupConsumer } from "./group-consumer.ts";
import type { Log } from "./log.ts";
import { pause, within } from "./pause.ts";
import { type PolledBatch, RecordBuffer } from "./record-buffer.ts";
import type { Role } from "./role.ts";

export interface RunnerDeps {
  readonly kafka: Kafka;
  readonly producer: BatchWorkerDeps["producer"];
  readonly log: Log;
  readonly retrying?: Retrying;
  readonly observe: BatchWorkerDeps["observe"] & {
    batch(records: number, seconds: number): void;
  };
  /** Called when the runner has met a bug of ours and stands still for good. */
  readonly ended?: (error: unknown) => void;
}

export interface Runner {
  readonly name: string;
  /** Records that were polled and whose offsets cannot be committed yet. */
  inHand(): number;
  /** Stops polling, lets running batches finish for at most `graceMs`, commits, leaves the group. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a role: poll → handle → produce → commit, until it is stopped. */
export const startRunner = (role: Role, deps: RunnerDeps): Runner => new RoleRunner(role, deps);

/** How long a poll waits for a first record, milliseconds. */
const POLL_MS = 500;
/**
 * When batches take longer than this, milliseconds, the runner polls again with all partitions paused. Without polls the
 * group would take this member for dead after max.poll.interval.ms.
 */
const SLOW_MS = 1_000;
/**
 * Between two commits of offsets, milliseconds. Each commit is a record in a log of the broker's; without a rest ten roles
 * make thousands a second. After a crash the records that were not committed come again, and every handler allows that.
 */
const REST_MS = 250;
/**
 * Each record of a batch delays the role's next batch by this, milliseconds, up to the role's `paceMs`: a single order is not
 * slowed down by its own events, and from 250 records a second on the whole pace is kept.
 */
const PACE_PER_RECORD_MS = 4;

/**
 * Up to `role.concurrency` batches run at the same time, and offsets become committable in the order of the polls. While all
 * places are taken, nothing is handed to the role: that is the backpressure.
 */
class RoleRunner implements Runner {
  readonly name: string;
  readonly #role: Role;
  readonly #deps: RunnerDeps;
  readonly #worker: BatchWorkerDeps;
  readonly #stopping = new AbortController();
  readonly #commits: CommitQueue;
  readonly #buffer: RecordBuffer;
  readonly #consumer: GroupConsumer;
  readonly #batches = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #inHand = 0;
  /** When the next batch may begin, by the role's pace. */
  #nextAt = 0;
  /** Whether the batch before, and all before it, were dealt with. */
  #before: Promise<boolean> = Promise.resolve(true);

  constructor(role: Role, deps: RunnerDeps) {
    const { producer, log, observe, retrying = RETRYING } = deps;
    this.name = role.name;
    this.#role = role;
    this.#deps = deps;
    this.#worker = { role, producer, log, retrying, observe };
    this.#commits = new CommitQueue(
      (offsets) => this.#consumer.commit(offsets),
      (error) => log.warn({ role: role.name, ...failureCode(error) }, "offsets could not be committed yet"),
      role.waiting && ((partition) => role.waiting?.firstOf(partition)),
      () => pause(REST_MS),
    );
    this.#buffer = new RecordBuffer(this.#commits);
    this.#consumer = new GroupConsumer(deps.kafka, role, log, this.#stopping.signal, {
      polled: (records) => this.#buffer.add(records),
      revoked: (partitions) => {
        this.#commits.revoked(partitions);
        this.#buffer.revoked(partitions);
        role.waiting?.revoked(partitions);
      },
    });
    this.#loop = this.#run().catch((error) => {
      if (this.#stopping.signal.aborted) return; // stop() closed the consumer during a poll
      log.error({ role: role.name, ...failureCode(error) }, "the runner stops: a mistake of ours");
      this.#endWith(error);
    });
  }

  inHand(): number {
    return this.#inHand;
  }

  async stop(graceMs: number): Promise<void> {
    // This also ends every pause between two tries: the records of a batch that waits for a service are safe in the log.
    this.#stopping.abort();
    await within(graceMs, Promise.all([this.#loop, ...this.#batches]));
    await this.#commits.flush();
    await this.#consumer.close();
  }

  async #run(): Promise<void> {
    const { concurrency, waiting } = this.#role;
    while (!this.#stopping.signal.aborted) {
      if (this.#batches.size >= concurrency) {
        await this.#waitForPlace();
        continue;
      }
      if (waiting) this.#consumer.holdBack(waiting);
      const batch = await this.#collect();
      if (batch.records.length > 0 || this.#isHeldDue()) this.#begin(batch);
      else {
        await this.#commits.flush();
        await this.#consumer.rejoinIfDue();
      }
    }
  }

  /** Records that the role holds are to be tried again now. */
  #isHeldDue(): boolean {
    return this.#role.waiting?.due(performance.now()) === true;
  }

  /** A batch: what is there, and under load (more than one record) what comes within `lingerMs` or until the pace allows. */
  async #collect(): Promise<PolledBatch> {
    const { maxBatch, paceMs } = this.#role;
    if (this.#buffer.size === 0) await this.#poll(maxBatch, this.#isHeldDue() ? 1 : POLL_MS);
    if (this.#buffer.size > 0 && paceMs !== undefined) await this.#keepPace();
    else if (this.#buffer.size > 1) await this.#linger();
    return this.#buffer.take();
  }

  async #linger(): Promise<void> {
    const { maxBatch, lingerMs } = this.#role;
    const until = performance.now() + lingerMs;
    while (this.#buffer.size < maxBatch && !this.#stopping.signal.aborted) {
      const left = until - performance.now();
      if (left < 1) return;
      await this.#poll(maxBatch, Math.ceil(left));
    }
  }

  /** Collects what comes until the role's next batch may begin. */
  async #keepPace(): Promise<void> {
    const left = this.#nextAt - performance.now();
    if (left < 1 || this.#buffer.size >= this.#role.maxBatch) return;
    await pause(left, this.#stopping.signal);
    await this.#poll(this.#role.maxBatch, 1);
  }

  /** Polls until the buffer has at most `max` records. */
  #poll(max: number, timeoutMs: number): Promise<void> {
    return this.#consumer.poll(Math.max(1, max - this.#buffer.size), timeoutMs);
  }

  #begin({ records, positions }: PolledBatch): void {
    const { log, observe } = this.#deps;
    const startedAt = performance.now();
    this.#nextAt = startedAt + Math.min(this.#role.paceMs ?? 0, records.length * PACE_PER_RECORD_MS);
    this.#inHand += records.length;
    // Committable is a batch that is dealt with, as are all before it. One that was abandoned holds back the later ones.
    const processed = processBatch(this.#worker, records, this.#stopping.signal);
    const done = Promise.all([this.#before, processed]).then(([areEarlierDone, isDone]) => {
      this.#inHand -= records.length;
      if (areEarlierDone && isDone) {
        this.#commits.done(positions);
        observe.batch(records.length, (performance.now() - startedAt) / 1_000);
      }
      return areEarlierDone && isDone;
    });
    this.#before = done;
    const batch: Promise<void> = done.then(
      () => void this.#batches.delete(batch),
      (error) => {
        // processBatch handles the role's errors; another error is a bug of ours and must not look like success.
        log.error({ role: this.name, ...failureCode(error) }, "the runner stops: a batch ended in an unknown state");
        this.#batches.delete(batch);
        this.#endWith(error);
      },
    );
    this.#batches.add(batch);
  }

  /** Waits until one of the running batches ends. Polls meanwhile, with all partitions paused, to stay in the group. */
  async #waitForPlace(): Promise<void> {
    const { concurrency, maxBatch } = this.#role;
    await within(SLOW_MS, Promise.race(this.#batches));
    if (this.#batches.size < concurrency) return;
    const paused = new Map<string, TopicPartition>();
    while (this.#batches.size >= concurrency) {
      this.#consumer.pauseAll(paused);
      // Partitions that are assigned during the poll are not paused yet: their records may come.
      const more = this.#poll(this.#buffer.size + maxBatch, 100);
      await Promise.all([more, within(250, Promise.race(this.#batches))]);
    }
    this.#consumer.resume(paused);
  }

  /** Nothing is polled or committed any more; the role must be started again. */
  #endWith(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#deps.ended?.(error);
  }
}
