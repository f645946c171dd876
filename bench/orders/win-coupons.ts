import type { Connections } from "./connections.ts";
import type { OrderPlan } from "./plan.ts";

/** A sale that was just created is loaded within a second or two. */
const PATIENCE_MS = 30_000;
const AGAIN_MS = 200;

/**
 * Every user claims a coupon of each sale over HTTP, and wins it: the sales have one for each user.
 * @throws Error when a claim is refused for good
 */
export async function winCoupons(
  connections: Connections,
  { goods }: OrderPlan,
  people: readonly { readonly userId: string; readonly head: string }[],
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  const wins = goods.sales.flatMap((sale) => people.map(({ head }) => claimOf(sale, head)));
  let next = 0;
  /** As many as there are connections, so that requests are made when they are sent. */
  const atOnce = Math.min(wins.length, 256);
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < wins.length) await win(wins[next++]!);
    }),
  );

  async function win(request: () => Buffer): Promise<void> {
    for (;;) {
      const answer = await connections.ask(request());
      if (answer?.status === 202 || answer?.status === 200) return;
      const mayWork = answer === null || answer.status === 503 || answer.status === 429;
      if (!mayWork || performance.now() > deadline) {
        throw new Error(`a coupon could not be won: ${answer?.text.slice(answer.bodyAt) ?? "no answer"}`);
      }
      await Bun.sleep(AGAIN_MS);
    }
  }
}

const claimOf = (sale: string, head: string) => () =>
  Buffer.from(`POST /coupons/${sale}/issue${head}content-length: 0\r\n\r\n`);
