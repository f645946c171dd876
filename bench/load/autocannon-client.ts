import autocannon from "autocannon";
import { urlHost } from "../../contracts/wire/address.ts";
import { createMint } from "../tokens.ts";
import type { LoadClient } from "./client.ts";
import type { LoadPlan } from "./plan.ts";
import { Tally } from "./tally.ts";

/**
 * The same load by autocannon, a program that others wrote: to see that our own client measures what is there. It needs
 * about twice our client's CPU, which on a small machine the gateway then lacks.
 * autocannon divides `amount` evenly among the connections, so the last ones finish alone.
 */
export async function createAutocannonClient(plan: LoadPlan): Promise<LoadClient> {
  const tally = new Tally(plan);
  const mint = createMint(plan);
  const users = plan.users;
  const tokens = users === null ? [] : Array.from({ length: users.count }, (_, i) => mint(`${users.prefix}${users.from + i}`)); // biome-ignore format: one thought
  let sent = 0;

  interface Context {
    request: number;
    sentAt: number;
  }
  const request: autocannon.Request = {
    method: plan.method,
    path: plan.path,
    setupRequest(defaults, context) {
      const mine = context as Context;
      mine.request = sent++;
      mine.sentAt = performance.now();
      const token = tokens[mine.request % Math.max(1, tokens.length)];
      return token === undefined ? defaults : { ...defaults, headers: { authorization: `Bearer ${token}` } };
    },
    onResponse(status, body, context) {
      const { request, sentAt } = context as Context;
      tally.note(request, status, performance.now() - sentAt, () => body);
    },
  };
  return {
    progress: () => tally.progress(),
    async run() {
      tally.start();
      const { errors } = await autocannon({
        url: `http://${urlHost(plan.host)}:${plan.port}`,
        connections: plan.connections,
        requests: [request],
        ...(plan.amount === null ? { duration: plan.seconds ?? 10 } : { amount: plan.amount }),
      });
      tally.errors = errors;
      return tally.result();
    },
  };
}
