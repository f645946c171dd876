import { describe, expect, test } from "bun:test";
import { allTopics, TOPICS } from "../contracts/topics.ts";
import type { ConfiguredTopic } from "./kafka.ts";
import { byHand, describeDifference, differences, topicCompression, wantedTopic } from "./topics.ts";

const one = { replicationFactor: 1, minInsyncReplicas: 1 };
const wanted = [...allTopics()].map(([name, spec]) => wantedTopic(name, spec, one));
const asWanted = () => new Map<string, ConfiguredTopic>(wanted.map((topic) => [topic.name, topic]));
const change = (name: string, to: Partial<ConfiguredTopic>) => {
  const present = asWanted();
  present.set(name, { ...present.get(name)!, ...to });
  return present;
};

describe("the declared topics", () => {
  test("keep records as long as declared, in milliseconds", () => {
    const days = (name: string) =>
      Number(wanted.find((topic) => topic.name === name)!.config["retention.ms"]) / 86_400_000;
    expect(days("coupon-issue-requests")).toBe(7);
    expect(days("notification-events")).toBe(1);
    expect(days("stock-events.DLT")).toBe(30);
  });

  test("take the broker's clock only where the sale's window is judged by it", () => {
    const byBroker = wanted.filter(({ config }) => config["message.timestamp.type"] === "LogAppendTime");
    expect(byBroker.map(({ name }) => name)).toEqual(["coupon-requests"]);
  });

  test("never elect a leader that lacks acknowledged records", () => {
    expect(new Set(wanted.map(({ config }) => config["unclean.leader.election.enable"]))).toEqual(new Set(["false"]));
  });

  test("have fewer partitions where one broker serves them all, except where their number is part of a promise", () => {
    const three = { replicationFactor: 3, minInsyncReplicas: 2 };
    const partitions = (name: "order-events" | "coupon-requests", cluster: typeof three) =>
      wantedTopic(name, TOPICS[name], cluster).partitions;
    expect([partitions("order-events", one), partitions("order-events", three)]).toEqual([1, 16]);
    expect([partitions("coupon-requests", one), partitions("coupon-requests", three)]).toEqual([6, 6]);
  });

  test("name the codec of every topic", () => {
    expect(topicCompression()).toMatchObject({ "coupon-requests": "snappy", "coupon-issue-requests": "lz4" });
  });
});

describe("differences", () => {
  test("there are none when the cluster is as declared, nor when it has more partitions or settings", () => {
    expect(differences(wanted, asWanted())).toEqual([]);
    const config = { ...wanted[0]!.config, "segment.bytes": "1000000" };
    expect(differences(wanted, change(wanted[0]!.name, { partitions: 99, config }))).toEqual([]);
  });

  test("a missing topic is one, and only one", () => {
    const present = asWanted();
    present.delete("order-events");
    expect(differences(wanted, present)).toMatchObject([{ kind: "missing", topic: "order-events" }]);
  });

  test("too few partitions, another replication factor and changed or missing settings are one each", () => {
    const { "min.insync.replicas": _, ...config } = wanted[0]!.config;
    const found = differences(
      wanted,
      change(wanted[0]!.name, { partitions: 1, replicationFactor: 3, config: { ...config, "retention.ms": "1" } }),
    );
    expect(found.map(describeDifference)).toEqual([
      "coupon-requests: 1 partitions, wanted 6",
      "coupon-requests: replication factor 3, wanted 1 (reassign by hand)",
      "coupon-requests: retention.ms is 1, wanted 604800000",
      "coupon-requests: min.insync.replicas is not set, wanted 1",
    ]);
  });
});

describe("what is left to an operator", () => {
  const durable = { replicationFactor: 3, minInsyncReplicas: 2 };
  const three = [...allTopics()].map(([name, spec]) => wantedTopic(name, spec, durable));
  /** All partitions, but copies as on one broker. */
  const fewCopies = (copies: number) =>
    new Map<string, ConfiguredTopic>(
      three.map((topic) => {
        const config = { ...topic.config, "min.insync.replicas": "1" };
        return [topic.name, { ...topic, replicationFactor: copies, config }];
      }),
    );

  test("a topic with fewer copies than wanted keeps the number that must be in sync: more would stop all writing", () => {
    const present = fewCopies(1);
    present.set("order-events", { ...present.get("order-events")!, partitions: 1 });
    const { doable, left } = byHand(differences(three, present));
    expect(doable.map(describeDifference)).toEqual(["order-events: 1 partitions, wanted 16"]);
    expect(left.filter(({ topic }) => topic === "order-events").map(describeDifference)).toEqual([
      "order-events: replication factor 1, wanted 3 (reassign by hand)",
      "order-events: min.insync.replicas is 1, wanted 2",
    ]);
    expect(left).toHaveLength(2 * three.length);
  });

  test("once it has its copies, the rest is done", () => {
    const { doable, left } = byHand(differences(three, fewCopies(3)));
    expect(left).toEqual([]);
    expect(new Set(doable.map((one) => one.kind === "config" && one.name))).toEqual(new Set(["min.insync.replicas"]));
  });
});
