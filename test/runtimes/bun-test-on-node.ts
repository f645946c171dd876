import {
  after,
  afterEach as afterEachOnNode,
  before,
  beforeEach as beforeEachOnNode,
  describe as describeOnNode,
  test as testOnNode,
} from "node:test";
import { expect } from "expect";
import { LIST_MARK, LIST_ONLY, type ListedTest, PATH_SEPARATOR, ROOT_NAME } from "./node-result.ts";

/**
 * `bun:test` for a suite that runs under Node: registers with node:test, asserts with Jest's `expect`. The bundle calls
 * `begin` after all of the suite's files have registered.
 */
export { expect };

type Body = () => void | Promise<void>;
type HookKind = "before" | "after" | "beforeEach" | "afterEach";
type Options = number | { readonly timeout?: number };

interface Test {
  readonly name: string;
  readonly body: Body;
  readonly timeoutMs: number | undefined;
}

interface Suite {
  readonly name: string;
  /** Whether its tests, and those of the suites in it, run side by side. */
  readonly concurrent: boolean;
  readonly children: (Test | Suite)[];
  readonly hooks: { readonly kind: HookKind; readonly body: Body }[];
}

const root: Suite = { name: ROOT_NAME, concurrent: false, children: [], hooks: [] };
let current = root;
let defaultTimeoutMs = 60_000; // what ./dev test gives to Bun

export function setDefaultTimeout(ms: number): void {
  defaultTimeoutMs = ms;
}

const group =
  (isConcurrent: boolean) =>
  (name: string, body: () => void): void => {
    const parent = current;
    const suite: Suite = { name, concurrent: isConcurrent || parent.concurrent, children: [], hooks: [] };
    parent.children.push(suite);
    current = suite;
    body();
    current = parent;
  };

export const describe = Object.assign(group(false), { concurrent: group(true) });

function register(name: string, body: Body, options?: Options): void {
  current.children.push({ name, body, timeoutMs: typeof options === "number" ? options : options?.timeout });
}

/** `%s` and friends of a table's names, and rows that are arrays: as in Bun and Jest. */
function each(table: readonly unknown[]) {
  return (name: string, body: (...row: never[]) => void | Promise<void>, options?: Options): void => {
    for (const row of table) {
      const values = Array.isArray(row) ? row : [row];
      let index = 0;
      const filled = name.replace(/%[sdifjop]/g, (sign) =>
        sign === "%j" ? JSON.stringify(values[index++]) : String(values[index++]),
      );
      register(filled, () => body(...(values as never[])), options);
    }
  };
}

export const test = Object.assign(register, { each });
export const it = test;

const hook = (kind: HookKind) => (body: Body) => void current.hooks.push({ kind, body });
export const beforeAll = hook("before");
export const afterAll = hook("after");
export const beforeEach = hook("beforeEach");
export const afterEach = hook("afterEach");

/** Lists or runs what was registered. */
export function begin(): void {
  if (process.env[LIST_ONLY]) console.log(LIST_MARK + JSON.stringify(list(root, [])));
  else hand(root, []);
}

const REGISTER = { before, after, beforeEach: beforeEachOnNode, afterEach: afterEachOnNode };
const isSuite = (child: Test | Suite): child is Suite => "children" in child;
const timeoutOf = (test: Test) => test.timeoutMs ?? defaultTimeoutMs;

function list(suite: Suite, path: readonly string[]): ListedTest[] {
  return suite.children.flatMap((child) =>
    isSuite(child)
      ? list(child, [...path, child.name])
      : [{ name: [...path, child.name].join(PATH_SEPARATOR), timeoutMs: timeoutOf(child) }],
  );
}

function hand(suite: Suite, path: readonly string[]): void {
  describeOnNode(suite.name, { concurrency: suite.concurrent }, () => {
    for (const { kind, body } of suite.hooks) REGISTER[kind](() => body(), { timeout: defaultTimeoutMs });
    for (const child of suite.children) {
      const here = [...path, child.name];
      if (isSuite(child)) hand(child, here);
      // The wrapper takes no arguments: with one, node:test would wait for a callback.
      else testOnNode(here.join(PATH_SEPARATOR), { timeout: timeoutOf(child) }, () => child.body());
    }
  });
}
