import { afterAll, beforeAll, expect, test } from "bun:test";
import { claim } from "../support/client.ts";
import { commandsOf, samplesOf } from "../support/samples.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("samples", { payments: {} });
}, 180_000);
afterAll(() => system?.close());

interface Ran {
  readonly command: string;
  readonly status: number;
  readonly body: Record<string, string>;
}

/** What a reader's shell holds: tokens, and ids that they take from the answers. */
class Shell {
  readonly variables: Record<string, string> = {
    TOKEN: system.token("user-42"),
    OPERATOR: system.operator,
  };

  async run(command: string): Promise<Ran> {
    const address = new URL(system.url).host;
    const text = command
      .replaceAll(/localhost:80[89]0/g, address)
      .replaceAll("curl -s ", "curl -s -w '\\n%{http_code}' ");
    const env = { PATH: process.env.PATH ?? "", ...this.variables };
    const shell = Bun.spawn(["bash", "-euc", text], { env, stdout: "pipe", stderr: "pipe" });
    const [out, errors] = await Promise.all([new Response(shell.stdout).text(), new Response(shell.stderr).text()]);
    if ((await shell.exited) !== 0) throw new Error(`${command}${out}${errors}`);
    const end = out.lastIndexOf("\n");
    return { command, status: Number(out.slice(end + 1)), body: JSON.parse(out.slice(0, end)) };
  }

  /** The ids that later samples name. */
  learn({ command, body }: Ran): void {
    const isTo = (path: string) => new RegExp(`POST \\S*${path} `).test(command);
    if (isTo("/admin/coupons")) this.variables.ID = body.couponId!;
    if (isTo("/issue")) this.variables.REQUEST = body.requestId!;
    if (isTo("/admin/products")) this.variables.PRODUCT = body.id!;
    if (isTo("/orders")) this.variables.ORDER = body.orderId!;
  }
}

test("every curl of the README does what it says, one after the other", async () => {
  const shell = new Shell();
  const commands = (await samplesOf("README.md", "sh")).flatMap(commandsOf);
  const ran: [string, number][] = [];
  for (const command of commands) {
    if (command.includes("./dev token")) continue; // for the stack on this machine; the test's stack has other tokens
    if (!command.includes("curl")) continue;
    if (command.includes("/orders ")) {
      // The win of the samples before was revoked, and its sale is paused: the order takes the coupon of another one.
      const sale = await system.createSale({ total: 1 });
      expect((await claim(system.url, sale.id, shell.variables.TOKEN!)).status).toBe(202);
      shell.variables.ID = sale.id;
    }
    const result = await shell.run(command);
    shell.learn(result);
    ran.push([command, result.status]);
  }
  expect(ran.length).toBeGreaterThanOrEqual(15);
  // An order may have gone too far to be cancelled by the time of the request.
  const isFine = ([command, status]: [string, number]) =>
    (status >= 200 && status < 300) || (command.includes("/cancel") && status === 409);
  expect(ran.filter((one) => !isFine(one))).toEqual([]);
}, 180_000);

/** A page with README's socket sample, until it is left. */
async function openPage(couponId: string, token: string, localStorage: Record<string, string>) {
  const [sample] = (await samplesOf("README.md", "js")).filter((code) => code.includes("new WebSocket"));
  const said: unknown[][] = [];
  const sockets: WebSocket[] = [];
  let isLeft = false;
  const page = {
    WebSocket: class extends WebSocket {
      constructor(url: string) {
        super(url.replace("localhost:8080", new URL(system.url).host));
        sockets.push(this);
      }
    },
    localStorage,
    console: { log: (...words: unknown[]) => said.push(words) },
    setTimeout: (work: () => void, ms: number) => setTimeout(() => isLeft || work(), ms),
    token,
    couponId,
  };
  new Function(...Object.keys(page), sample!)(...Object.values(page));
  return {
    said,
    /** The connection breaks. */
    cut: () => sockets.at(-1)!.close(),
    says: (word: unknown, times = 1) =>
      until(`the page says ${word}`, () => said.filter((words) => words.includes(word)).length >= times),
    leave() {
      isLeft = true;
      for (const socket of sockets) socket.close();
    },
  };
}

test("README's socket sample claims when the sale starts, after a reload, and after a connection broke", async () => {
  const token = system.token("sampler");
  const localStorage: Record<string, string> = {};
  const first = await system.createSale({ total: 5, startsInMs: 3_000 });
  const page = await openPage(first.id, token, localStorage);
  await page.says("NOT_STARTED");
  await page.says("ACCEPTED");
  await page.says("it is yours:");
  page.cut();
  await page.says("ACCEPTED", 2); // the same win again
  expect(page.said.filter(([word]) => word === "it is yours:")).toHaveLength(1);
  page.leave();

  const second = await system.createSale({ total: 5 });
  const again = await openPage(second.id, token, localStorage);
  await again.says("ACCEPTED");
  await again.says("it is yours:");
  expect(again.said.filter(([word]) => word === "it is yours:")).toHaveLength(1);
  again.leave();
  await system.settled(second.id);
  expect(await system.violations()).toEqual([]);
}, 180_000);
