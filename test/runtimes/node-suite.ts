import { afterAll, describe, test } from "bun:test";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { bundleSuite } from "./node-bundle.ts";
import { LIST_MARK, LIST_ONLY, type ListedTest, type NodeResult, RESULT_MARK } from "./node-result.ts";

/** How much longer Bun waits than Node: for the start and the hooks before the first test, which Node limits itself. */
const PATIENCE_MS = 120_000;
/** A suite that closed everything it opened lets its process end. */
const END_LIMIT_MS = 10_000;

export interface NodeSuiteOptions {
  /** Added to the environment of the Node process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a suite that is written for `bun:test` under Node, and reports each of its tests as a test of this file. Use:
 *
 *     // test/transports/uws.int.test.ts, run by Bun
 *     await nodeSuite("uws", `${import.meta.dir}/uws.suite.ts`);
 *
 *     // test/transports/uws.suite.ts, run by Node
 *     transportContract("uws", listenUws);
 *
 * The suite file is bundled for Node with a stand-in for `bun:test`: describe, describe.concurrent, test, test.each, the four hooks,
 * setDefaultTimeout, and Jest's `expect`. It and what it imports may use node: modules and Web APIs, no `Bun.*`; packages stay
 * external. `STAMPEDE_NODE` names another Node than the one of the PATH.
 *
 * @param suiteFile absolute path
 * @throws Error if there is no Node, or if the suite has no tests or two of one name
 */
export async function nodeSuite(name: string, suiteFile: string, options: NodeSuiteOptions = {}): Promise<void> {
  const { program, reporter } = await bundleSuite(name, suiteFile);
  const node = process.env.STAMPEDE_NODE ?? Bun.which("node");
  if (!node) throw new Error("Node.js is not installed: the adapters for Node cannot be tested");
  const spawn = (args: string[], env: Record<string, string>) =>
    // Node 20 has the WebSocket client behind a flag.
    Bun.spawn([node, "--enable-source-maps", "--no-warnings", "--experimental-websocket", ...args, program], {
      env: { ...process.env, ...options.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });

  const tests = await listed(spawn([], { [LIST_ONLY]: "1" }), name);
  const waiting = new Map(tests.map((listedTest) => [listedTest.name, Promise.withResolvers<void>()]));
  for (const { promise } of waiting.values()) promise.catch(() => {}); // the code that awaits it gets the error

  // Only now, so that no test runs for a file that could not be read to its end.
  const child = spawn([`--test-reporter=${reporter}`, "--test-reporter-destination=stdout"], {});
  let outside = ""; // failures of hooks
  const read = (async () => {
    for await (const line of linesOf(child.stdout)) {
      if (!line.startsWith(RESULT_MARK)) {
        console.log(line);
        continue;
      }
      const result: NodeResult = JSON.parse(line.slice(RESULT_MARK.length));
      const test = waiting.get(result.name);
      if (test === undefined) outside += result.failure === null ? "" : `${result.name}: ${result.failure}\n`;
      else if (result.failure === null) test.resolve();
      else test.reject(asError(result.failure));
    }
    const code = await child.exited;
    for (const { reject } of waiting.values()) reject(new Error(`not run; Node ended with ${code}\n${outside}`));
  })();

  describe(`on Node: ${name}`, () => {
    afterAll(() => child.kill("SIGKILL"));
    for (const { name: of, timeoutMs } of tests) {
      test(of, () => waiting.get(of)!.promise, timeoutMs + PATIENCE_MS);
    }
    test(
      `${name}: nothing is left behind, the process ends by itself`,
      async () => {
        const late = Bun.sleep(END_LIMIT_MS).then(() => "still running");
        const ended = await Promise.race([read.then(() => "ended"), late]);
        if (ended !== "ended") throw new Error("Node goes on: a socket, timer or thread was not closed");
        if (outside !== "") throw new Error(`A hook failed\n${outside}`);
      },
      END_LIMIT_MS * 2,
    );
  });
}

const linesOf = (stream: ReadableStream<Uint8Array>) =>
  createInterface({ input: Readable.fromWeb(stream as never), crlfDelay: Number.POSITIVE_INFINITY });

async function listed(child: Bun.Subprocess<"ignore", "pipe", "inherit">, name: string): Promise<ListedTest[]> {
  let tests: ListedTest[] | undefined;
  for await (const line of linesOf(child.stdout)) {
    if (!line.startsWith(LIST_MARK)) continue;
    tests = JSON.parse(line.slice(LIST_MARK.length));
    child.kill("SIGKILL"); // whatever the suite's files have opened at their top
  }
  if (tests === undefined) throw new Error(`Suite ${name} could not be loaded by Node (see above)`);
  if (tests.length === 0) throw new Error(`Suite ${name} has no tests`);
  const names = new Set(tests.map((test) => test.name));
  if (names.size < tests.length) throw new Error(`Suite ${name} has two tests of one name`);
  return tests;
}

/** The stack of the other process, in place of ours. */
function asError(failure: string): Error {
  const error = new Error(failure.split("\n    at ")[0]);
  error.stack = failure;
  return error;
}
