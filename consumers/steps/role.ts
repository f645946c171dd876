import { groupOf } from "../../contracts/groups.ts";
import { STEP_GROUPS, type Step } from "../../contracts/orders/steps.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { Sql } from "../../db/client.ts";
import type { IncomingRecord, Producer } from "../../kafka/kafka.ts";
import { failureKind } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import { readBatch } from "../engine/read-batch.ts";
import { ORDER_PACE_MS, type Rejected, type Role } from "../engine/role.ts";
import type { RoleName } from "../role-names.ts";
import { answers } from "./answers.ts";
import { BREAKERS, createStepBreaker, type StepBreakerRule } from "./breaker.ts";
import { type ParkedFor, park } from "./park.ts";
import { RequestParser, type StepCommand, type StepRequest } from "./request.ts";
import { type DecidedSteps, decideSteps } from "./settle.ts";
import type { StepWork } from "./step-work.ts";

export interface StepDeps {
  readonly sql: Sql;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  readonly observe?: {
    parked(step: Step, reason: ParkedFor, commands: number): void;
    stepBreaker(step: Step, open: boolean): void;
  };
  /** Default: the step's own, if it has one. */
  readonly breaker?: StepBreakerRule;
  /** Where a process may be killed, for tests. */
  readonly fault?: Fault;
}

/**
 * Carries out one step of orders: decides and writes a batch in one transaction, then answers every request from its row,
 * then the offsets are committed. After a crash in between, the batch comes again, finds its rows and repeats the answers.
 */
export function stepRole<S extends Step>(name: RoleName, work: StepWork<S>, deps: StepDeps): Role {
  const { sql, producer, log, observe, breaker: rule = BREAKERS[work.step] } = deps;
  const { step } = work;
  const parser = new RequestParser(step);
  const parse = (record: IncomingRecord) => parser.parse(record);
  const breaker =
    rule &&
    createStepBreaker(rule, (open) => {
      observe?.stepBreaker(step, open);
      log.error({ role: name, step, open }, open ? "batches keep failing: requests are parked" : "batches work again");
    });
  async function putAside(requests: readonly StepRequest<S>[], reason: ParkedFor, atLeastMs?: number) {
    await park(sql, step, requests, reason, atLeastMs);
    observe?.parked(step, reason, requests.length);
  }
  return {
    name,
    ...groupOf(STEP_GROUPS[step]),
    // A database that is away must not fail an order: the role waits for it.
    patience: "wait",
    maxBatch: 1_000,
    lingerMs: 0,
    paceMs: ORDER_PACE_MS,
    concurrency: 1, // within a partition, first come is first served
    async handle(records) {
      const { messages: requests, rejected } = readBatch(records, parse);
      for (const one of requests) if (one.kind === "broken") rejected.push({ record: one.record, error: one.error });
      if (requests.length === 0) return rejected;
      const attempt = () => settleOrFail(sql, work, requests, rule?.lockMs ?? 0);
      const result = breaker === undefined ? await attempt() : await breaker.run(attempt);
      if (result === null) {
        await putAside(requests, "BREAKER_OPEN", rule!.openMs);
        return rejected;
      }
      const { settled, failed } = result;
      deps.fault?.("step:committed");
      await producer.sendAll(answers(step, requests, settled.rows));
      const still = settled.waiting.length === 0 ? [] : await seeAboutWaiting(work, deps, settled.waiting);
      if (still.length > 0) await putAside(still, "NOT_THERE_YET");
      return [...rejected, ...failed];
    },
  };
}

/**
 * After a permanent error the engine divides the batch. A command that alone causes the error fails its order for good, and a
 * dead letter tells why. A restore never fails: it becomes a dead letter, and the saga asks again.
 */
async function settleOrFail<S extends Step>(
  sql: Sql,
  work: StepWork<S>,
  requests: readonly StepRequest<S>[],
  lockMs: number,
): Promise<{ readonly settled: DecidedSteps<S>; readonly failed: readonly Rejected[] }> {
  try {
    return { settled: await decideSteps(sql, work, requests, { lockMs }), failed: [] };
  } catch (error) {
    const [only, ...others] = requests;
    if (others.length > 0 || only!.kind !== "command" || failureKind(error) !== "permanent") throw error;
    const { orderId, record } = only!;
    return {
      settled: await decideSteps(sql, work, [{ kind: "broken", orderId, record, error }]),
      failed: [{ record, error }],
    };
  }
}

/** Answers the waiting commands that are refused after all. @returns the others */
async function seeAboutWaiting<S extends Step>(
  work: StepWork<S>,
  { sql, producer }: StepDeps,
  waiting: readonly StepCommand<S>[],
): Promise<readonly StepCommand<S>[]> {
  const refused = (await work.lookElsewhere?.(waiting)) ?? new Map();
  const over = waiting.filter(({ orderId }) => refused.has(orderId));
  if (over.length > 0) {
    const settled = await decideSteps(sql, work, over, { refused });
    await producer.sendAll(answers(work.step, over, settled.rows));
  }
  return waiting.filter(({ orderId }) => !refused.has(orderId));
}
