import { writeFileSync } from "node:fs";
import { verify } from "../cli/verify/verify.ts";
import { demoTable, servicesLine, whatNext } from "./demo-report.ts";
import type { LoadClientName } from "./load/plan.ts";
import { progressLine } from "./progress-line.ts";
import { type RushOptions, runRush } from "./rush.ts";
import { type BenchEnvironment, targetOf } from "./target.ts";

export interface DemoOptions extends Partial<RushOptions> {
  /** File for the result as JSON. */
  readonly json?: string;
  readonly client?: LoadClientName;
}

/**
 * The demo: a crowd fights for coupons, then a checker proves that all is right. The stack must be up.
 * @returns the exit code: 0 when everything is as promised, else 1
 */
export async function runDemo(options: DemoOptions, env: BenchEnvironment): Promise<0 | 1> {
  const { users = 50_000, coupons = 1000, connections = 512, sockets = 300 } = options;
  const target = targetOf(env, options.client);
  const line = progressLine(process.stdout, users);
  const result = await runRush(target, { users, coupons, connections, sockets }, {
    onStep: (text) => console.log(`· ${text}`),
    onProgress: line.show,
  }); // biome-ignore format: the options are one thought
  line.end();
  console.log("· checking every promise …\n");
  const report = await verify(env, { couponId: result.couponId });
  const wrong = [...result.wrong, ...report.checks.filter((check) => !check.ok).map((c) => `${c.name}: ${c.detail}`)];
  const table = [servicesLine(env), ...demoTable(result, report)];
  for (const { label, shown } of table) console.log(`  ${label.padEnd(36)}${shown}`);
  console.log(wrong.length === 0 ? "\n✓ exactly as promised\n" : `\n✗ ${wrong.join("\n✗ ")}\n`);
  console.log(whatNext(target, result.couponId));
  if (options.json !== undefined) {
    const figures = Object.fromEntries(table.map(({ name, value }) => [name, value]));
    const summary = { ok: wrong.length === 0, wrong, ...figures, couponId: result.couponId, verify: report };
    writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  }
  return wrong.length === 0 ? 0 : 1;
}
