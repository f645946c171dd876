import { expect, test } from "bun:test";
import { BrokerLog } from "./broker-log.ts";

const CONNECT = "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused";

function listen() {
  const said: string[] = [];
  const clock = { now: 0 };
  const log = (level: string, message: string) => void said.push(`${level} ${message}`);
  const brokerLog = new BrokerLog({ brokers: "127.0.0.1:9092", clientId: "x", log }, () => clock.now);
  return { brokerLog, said, clock };
}

test("ten minutes without a broker are said once and then every 30 s; its return is said once", () => {
  const { brokerLog, said, clock } = listen();
  for (; clock.now < 600_000; clock.now += 50) brokerLog.unreachable();
  expect(said[0]).toBe("warn kafka: no broker answers (127.0.0.1:9092)");
  expect(said[1]).toBe("warn kafka: no broker answers for 30 s (127.0.0.1:9092)");
  expect(said).toHaveLength(20);
  clock.now += 2_000;
  brokerLog.reachable();
  brokerLog.reachable();
  expect(said.slice(20)).toEqual(["info kafka: a broker answers again, after 602 s"]);
});

test("while some clients have not found the broker yet, it is not back", () => {
  const { brokerLog, said, clock } = listen();
  brokerLog.unreachable();
  for (; clock.now < 5_000; clock.now += 500) {
    brokerLog.reachable();
    brokerLog.unreachable();
  }
  expect(said).toHaveLength(1);
  clock.now += 2_000;
  brokerLog.reachable();
  expect(said.at(-1)).toContain("answers again");
});

test("a second outage is said at once, however soon it comes", () => {
  const { brokerLog, said, clock } = listen();
  brokerLog.unreachable();
  clock.now = 2_500;
  brokerLog.reachable();
  clock.now = 3_000;
  brokerLog.unreachable();
  expect(said.map((line) => line.split(" ")[0])).toEqual(["warn", "info", "warn"]);
});

test("a broker that answers without having been away is no news", () => {
  const { brokerLog, said } = listen();
  brokerLog.reachable();
  expect(said).toEqual([]);
});

test("a failed connection is said once for all clients, whichever thread and however long it took", () => {
  const { brokerLog, said } = listen();
  brokerLog.line(3, "FAIL", `[thrd:127.0.0.1:9092/1]: ${CONNECT} (after 0ms in state CONNECT)`);
  brokerLog.error(`${CONNECT} (after 0ms in state CONNECT)`);
  brokerLog.line(3, "FAIL", `[thrd:main]: ${CONNECT} (after 7ms in state CONNECT, 3 identical error(s) suppressed)`);
  expect(said).toEqual([`error kafka: FAIL: [thrd:127.0.0.1:9092/1]: ${CONNECT} (after 0ms in state CONNECT)`]);
});

test("another broker's failure is logged separately, and a repetition after 30 s says how often it was", () => {
  const { brokerLog, said, clock } = listen();
  brokerLog.error("a: refused");
  brokerLog.error("b: refused");
  brokerLog.error("a: refused");
  clock.now = 30_000;
  brokerLog.error("a: refused");
  expect(said).toEqual([
    "warn kafka: a: refused",
    "warn kafka: b: refused",
    "warn kafka: a: refused (1 times more meanwhile)",
  ]);
});

test("severities become levels; a fatal error is an error", () => {
  const { brokerLog, said } = listen();
  for (const severity of [0, 3, 4, 5, 6, 7]) brokerLog.line(severity, "X", `severity ${severity}`);
  brokerLog.error("fenced", true);
  expect(said.map((line) => line.split(" ")[0])).toEqual(["error", "error", "warn", "info", "info", "debug", "error"]);
});

test("a flood of different texts does not fill the memory, and is not held back", () => {
  const { brokerLog, said } = listen();
  for (let i = 0; i < 1_000; i++) brokerLog.error(`text ${i}`);
  expect(said).toHaveLength(1_000);
  brokerLog.error("text 999");
  expect(said).toHaveLength(1_000);
  brokerLog.error("text 0"); // forgotten, so said again
  expect(said).toHaveLength(1_001);
});
