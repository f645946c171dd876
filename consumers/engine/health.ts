import { refusalOf } from "../../db/pooling.ts";

/** One dependency's state: resolves when it answers. */
export type DependencyProbe = () => Promise<unknown>;

export interface Health {
  readonly status: "ready" | "not ready" | "stopping";
  readonly roles: readonly string[];
  readonly dependencies: Readonly<Record<string, "up" | "down" | "refused">>;
  /** Of a dependency that answers and does not let us in: a sentence for an operator. */
  readonly why?: string;
}

const PROBE_MS = 1_000;

interface Answer {
  readonly state: "up" | "down" | "refused";
  readonly why?: string;
}

async function ask(probe: DependencyProbe): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({ state: "down" }), PROBE_MS);
  });
  try {
    return await Promise.race([probe().then((): Answer => ({ state: "up" })), late]);
  } catch (error) {
    const why = refusalOf(error);
    return why === null ? { state: "down" } : { state: "refused", why }; // who needed the dependency has logged why
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the roles can work now. A process that is not ready has stopped consuming and lost nothing. No load balancer asks:
 * the answer is for operators, and for `./dev up`, which waits for it.
 */
export async function lookAtHealth(
  roles: readonly string[],
  probes: Readonly<Record<string, DependencyProbe>>,
  stopping: boolean,
): Promise<Health> {
  const names = Object.keys(probes);
  const answers = await Promise.all(names.map((name) => ask(probes[name]!)));
  const dependencies = Object.fromEntries(names.map((name, i) => [name, answers[i]!.state]));
  const up = answers.every(({ state }) => state === "up");
  const why = answers.find((answer) => answer.why !== undefined)?.why;
  const status = stopping ? "stopping" : up ? "ready" : "not ready";
  return { status, roles, dependencies, ...(why === undefined ? {} : { why }) };
}
