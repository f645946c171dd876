import { expect, test } from "bun:test";
import { verify } from "../support/verify.ts";

test("a service that is away is a sentence that says what to do, without the password, and no other check claims to hold", async () => {
  const report = await verify({
    REDIS_URL: "redis://127.0.0.1:1",
    DATABASE_URL: "postgres://stampede:s3cret@127.0.0.1:1/stampede",
    KAFKA_BROKERS: "127.0.0.1:1",
  });
  expect(report.ok).toBe(false);
  expect(report.checks.map((check) => [check.name, check.ok, check.count])).toEqual([["reachable", false, 3]]);
  const { detail } = report.checks[0]!;
  for (const part of ["Redis does not answer", "PostgreSQL does not answer", "Kafka does not answer", "./dev up"]) {
    expect(detail).toContain(part);
  }
  expect(JSON.stringify(report)).not.toContain("s3cret");
});
