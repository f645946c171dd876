import { expect, test } from "bun:test";
import { kafkaStartup, postgresProgress } from "./starting.ts";

const NOT_YET = "the database system is not yet accepting connections";
const refused = `2026-11-30 20:16:42.530 UTC [20830] stampede@stampede FATAL:  ${NOT_YET}\n`;
const redo = (seconds: string, place: string) =>
  `2026-11-30 20:16:42.561 UTC [20571] LOG:  redo in progress, elapsed time: ${seconds} s, current LSN: ${place}\n`;

test("PostgreSQL gets on by the place that it has replayed, not by the time that passed or by whom it refused", () => {
  const log = refused + redo("1.00", "0/19E43658") + refused;
  const first = postgresProgress(NOT_YET, log);
  expect(first.doing).toBe("redo in progress, at 0/19E43658");
  expect(postgresProgress(NOT_YET, log + redo("2.00", "0/19E43658") + refused).mark).toBe(first.mark!);
  expect(postgresProgress(NOT_YET, log + redo("3.00", "0/330AC8D0")).mark).not.toBe(first.mark!);
});

test("PostgreSQL that has not said how far it is says at least that it starts", () => {
  expect(postgresProgress(NOT_YET, refused)).toEqual({ doing: NOT_YET, mark: null });
});

test("Kafka gets on by each log that it has loaded and each segment that it has checked", () => {
  expect(kafkaStartup("INFO Registered signal handlers (LoggingSignalHandler)\n")).toBeNull();
  const begun = "INFO Loading logs from log dirs ArrayBuffer(/data/logs) (LogManager)\n";
  const segment =
    "INFO [LogLoader partition=a-0, dir=/d] Recovering unflushed segment 0. 0/2 recovered for a-0. (LogLoader)\n";
  const loaded =
    "INFO Completed load of Log(dir=/d/a-0) with 2 segments (3/170 completed in /data/logs) (LogManager)\n";
  const marks = [begun, begun + segment, begun + segment + loaded].map((log) => kafkaStartup(log)?.mark);
  expect(new Set(marks).size).toBe(3);
  expect(kafkaStartup(begun + segment + loaded)?.doing).toBe("reading its logs, 3 of 170 partitions");
});
