import { RESULTS } from "../../contracts/wire/result-codes.ts";
import type { ServerMessage } from "../../contracts/wire/socket-messages.ts";
import type { TestSocket } from "./socket.ts";
import { until } from "./until.ts";

type Answered = Extract<ServerMessage, { type: "claim.accepted" | "claim.refused" }>;

const AGAIN_MS = 100;

/** Claims over a socket, again and again while the answer is a 503 or 429. @returns the last answer */
export async function claimOnSocket(socket: TestSocket, couponId: string, patienceMs: number): Promise<Answered> {
  const deadline = performance.now() + patienceMs;
  for (let turn = 1; ; turn++) {
    const ref = `${couponId}/${turn}`;
    socket.send({ type: "claim", couponId, ref });
    const answer = await until(
      `an answer to claim ${ref}`,
      () => [...socket.all("claim.accepted"), ...socket.all("claim.refused")].find((message) => message.ref === ref),
      patienceMs,
    );
    if (answer.type === "claim.accepted" || performance.now() > deadline) return answer;
    if (RESULTS[answer.code].status < 500 && answer.code !== "RATE_LIMITED") return answer;
    await Bun.sleep(AGAIN_MS);
  }
}
