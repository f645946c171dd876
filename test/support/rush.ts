import { type ApiAnswer, claim, type TokenMaker } from "./client.ts";

/** What one user of a rush was told, in order. A connection that broke stands here with status 0 and the error's code. */
export interface UserStory {
  readonly userId: string;
  readonly answers: ApiAnswer[];
}

export interface RushOptions {
  readonly couponId: string;
  readonly users: readonly string[];
  /** Asked anew for each try, because gateways come and go. */
  readonly gatewayFor: (userIndex: number, attempt: number) => string;
  readonly token: TokenMaker;
  /** Users who ask at the same time. Default 64. */
  readonly atOnce?: number;
  /** How long one user keeps asking after 503, 429 or a broken connection; 0: asks once. Default a minute. */
  readonly patienceMs?: number;
  /** Called before each user's first try, which waits for the promise it may return. */
  readonly begins?: (userIndex: number) => unknown;
}

/** Between two tries of one user. */
const AGAIN_MS = 50;
/** A machine that stands still for two seconds costs claims their answer: a user who asks again has the same win. */
const PATIENCE_MS = 60_000;

const isFinal = ({ status }: ApiAnswer): boolean => status !== 0 && status !== 503 && status !== 429;

/** A claim whose connection may break. */
export async function tryClaim(url: string, couponId: string, token: string): Promise<ApiAnswer> {
  try {
    return await claim(url, couponId, token);
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    return { status: 0, headers: new Headers(), body: { code: code ?? name } };
  }
}

/** Users as they are: each asks until a final answer comes, and keeps everything that was said. */
export async function rush(options: RushOptions): Promise<UserStory[]> {
  const { couponId, users, gatewayFor, token, atOnce = 64, patienceMs = PATIENCE_MS, begins } = options;
  const stories: UserStory[] = users.map((userId) => ({ userId, answers: [] }));
  let next = 0;
  const hand = async () => {
    for (let index = next++; index < stories.length; index = next++) {
      const { userId, answers } = stories[index]!;
      await begins?.(index);
      const bearer = token(userId);
      const deadline = performance.now() + patienceMs;
      for (let attempt = 0; ; attempt++) {
        const answer = await tryClaim(gatewayFor(index, attempt), couponId, bearer);
        answers.push(answer);
        if (isFinal(answer) || performance.now() >= deadline) break;
        await Bun.sleep(AGAIN_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, users.length) }, hand));
  return stories;
}

/** `prefix-0`, `prefix-1`, … */
export const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

/** What all of them were told on the way, the last word included: codes, and the status where there is none. */
export const everyWord = (stories: readonly UserStory[]): Set<string> =>
  new Set(stories.flatMap(({ answers }) => answers.map(wordOf)));

const wordOf = ({ status, body }: ApiAnswer): string => body.code ?? String(status);

/** A win that was found by asking again, because the answer to the first try was lost, counts as one: 202. */
function lastWordOf({ answers }: UserStory): string {
  const last = answers.at(-1);
  if (last === undefined) return "not asked";
  return last.status === 200 && answers.slice(0, -1).some(({ status }) => status === 0 || status === 503)
    ? "202"
    : wordOf(last);
}

/** How often each code (or status) was the last word. */
export function lastWords(stories: readonly UserStory[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const story of stories) {
    const word = lastWordOf(story);
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
