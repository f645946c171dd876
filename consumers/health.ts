/** One dependency's state: resolves when it answers. */
export type Probe = () => Promise<unknown>;

export interface Health {
  readonly status: "ready" | "not ready" | "stopping";
  readonly roles: readonly string[];
  readonly dependencies: Readonly<Record<string, "up" | "down">>;
}

const PROBE_MS = 1_000;

async function ask(probe: Probe): Promise<"up" | "down"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"down">((resolve) => {
    timer = setTimeout(() => resolve("down"), PROBE_MS);
  });
  try {
    return await Promise.race([probe().then(() => "up" as const), late]);
  } catch {
    return "down"; // which is the answer; who needed the dependency has logged why
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether the roles can work now. A consumer that is not ready has stopped moving, not lost anything, and nobody routes
 * requests to it: the answer is for people and for `up`, which waits for it.
 */
export async function lookAtHealth(
  roles: readonly string[],
  probes: Readonly<Record<string, Probe>>,
  stopping: boolean,
): Promise<Health> {
  const names = Object.keys(probes);
  const answers = await Promise.all(names.map((name) => ask(probes[name]!)));
  const dependencies = Object.fromEntries(names.map((name, i) => [name, answers[i]!]));
  const up = answers.every((answer) => answer === "up");
  return { status: stopping ? "stopping" : up ? "ready" : "not ready", roles, dependencies };
}
