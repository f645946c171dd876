import type { TestEvent } from "node:test/reporters";
import { type NodeResult, RESULT_MARK } from "./node-result.ts";

/** node:test's reporter for the harness: one line of JSON for every test and suite that ended. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (type === "test:fail" && CONSEQUENCES.has(failureType(data.details.error))) continue;
    const failure = type === "test:pass" ? null : explain(data.details.error);
    yield `${RESULT_MARK}${JSON.stringify({ name: data.name, failure } satisfies NodeResult)}\n`;
  }
}

/** Of a failed test for its suite, and of a suite's failed hook for its tests: the cause has a separate line. */
const CONSEQUENCES: ReadonlySet<unknown> = new Set(["subtestsFailed", "cancelledByParent"]);
const failureType = (error: Error & { failureType?: unknown }) => error.failureType;

/** node:test wraps what the test threw. */
function explain(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : `${error.message} ${cause ?? ""}`.trim();
}
