import { afterEach, expect, test } from "bun:test";
import type { PipelineChoice, PipelineView } from "../../contracts/claims/pipeline.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { followPipeline, type PipelineSwitch, pipelineOf, type StoredPipeline } from "./pipeline-switch.ts";

const ANN = "ann" as UserId;
let pipelines: PipelineSwitch | undefined;
afterEach(() => pipelines?.stop());

const stored = (value: unknown, version: number): StoredPipeline => ({
  value,
  version,
  changedBy: "olga",
  changedAt: new Date(0),
});

function follow(start: PipelineChoice, requireKafka = false) {
  const store: { now: StoredPipeline | null | Error } = { now: null };
  const changes: PipelineView[] = [];
  const errors: unknown[] = [];
  let hear = () => {};
  pipelines = followPipeline(
    {
      async read() {
        if (store.now instanceof Error) throw store.now;
        return store.now;
      },
      subscribe: (callback) => {
        hear = callback;
      },
    },
    { start, requireKafka, onChange: (view) => changes.push(view), onError: (error) => errors.push(error) },
  );
  return { pipelines, store, changes, errors, hear: () => hear() };
}

test("the environment's choice holds until an operator's is found", async () => {
  const { pipelines, store, changes } = follow("redis");
  await pipelines.look();
  expect(pipelines.of(ANN)).toBe("redis");
  expect(pipelines.view()).toEqual({ pipeline: "redis", redisPercent: 100, from: "environment" });
  store.now = stored("kafka", 1);
  await pipelines.look();
  expect(pipelines.of(ANN)).toBe("kafka");
  expect(pipelines.view()).toMatchObject({ pipeline: "kafka", from: "operator", changedBy: "olga" });
  await pipelines.look();
  expect(changes).toHaveLength(1);
});

test("an answer that is older than what is known changes nothing", async () => {
  const { pipelines, store } = follow("kafka");
  store.now = stored(70, 3);
  await pipelines.look();
  store.now = stored("kafka", 2);
  await pipelines.look();
  expect(pipelines.percent()).toBe(70);
});

test("what cannot be read, or is no pipeline, is an error, and the last choice holds", async () => {
  const { pipelines, store, errors, hear } = follow("kafka");
  store.now = stored("redis", 1);
  await pipelines.look();
  store.now = new Error("away");
  hear();
  await Bun.sleep(1);
  store.now = stored("kafkaa", 2);
  hear();
  await Bun.sleep(1);
  expect(errors.map(String)).toEqual(["Error: away", 'Error: the stored pipeline is not valid: "kafkaa"']);
  expect(pipelines.of(ANN)).toBe("redis");
});

test("heard of a change it looks at once; unheard, within a second", async () => {
  const { pipelines, store, hear } = follow("kafka");
  store.now = stored("redis", 1);
  hear();
  await Bun.sleep(1);
  expect(pipelines.percent()).toBe(100);
  store.now = stored("kafka", 2);
  await Bun.sleep(700);
  expect(pipelines.percent()).toBe(0);
});

test("who promises Kafka's word stays with Kafka, and still shows what was chosen", async () => {
  const { pipelines, store } = follow("kafka", true);
  store.now = stored("redis", 1);
  await pipelines.look();
  expect(pipelines.of(ANN)).toBe("kafka");
  expect(pipelines.percent()).toBe(0);
  expect(pipelines.view().redisPercent).toBe(100);
});

test("0 and 100 per cent hold for all users", () => {
  for (let i = 0; i < 1_000; i++) {
    expect(pipelineOf(`u${i}` as UserId, 0)).toBe("kafka");
    expect(pipelineOf(`u${i}` as UserId, 100)).toBe("redis");
  }
});

test("a growing share moves users to Redis and none back", () => {
  for (let i = 0; i < 1_000; i++) {
    const ways = Array.from({ length: 101 }, (_, percent) => pipelineOf(`u${i}` as UserId, percent));
    const moved = ways.indexOf("redis");
    expect(ways.slice(moved).every((way) => way === "redis")).toBe(true);
  }
});
