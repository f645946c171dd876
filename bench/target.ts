import { bareHost, urlHost } from "../contracts/wire/address.ts";
import type { LoadClientName } from "./load/plan.ts";
import type { TokenTerms } from "./tokens.ts";

/** The addresses and secrets of a running stack, under the names that every process reads. */
export type BenchEnvironment = Readonly<Record<string, string | undefined>>;

/** What is measured, as the load sees it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  /** Where operators' calls go. */
  readonly adminUrl: string;
  readonly tokens: TokenTerms;
  /** Folder of the process ids; null: unknown, so no CPU time can be measured. */
  readonly runDir: string | null;
  readonly env: BenchEnvironment;
  readonly client: LoadClientName;
}

/** @throws Error if the environment lacks the secret that tokens are signed with */
export function targetOf(env: BenchEnvironment, client: LoadClientName = "sockets"): Target {
  const host = bareHost(env.GATEWAY_HOST ?? "127.0.0.1");
  const port = Number(env.GATEWAY_PORT ?? 8080);
  if (!env.JWT_SECRET) throw new Error("JWT_SECRET is not set: without it no token can be made");
  return {
    host,
    port,
    url: `http://${urlHost(host)}:${port}`,
    adminUrl: `http://127.0.0.1:${env.ADMIN_PORT ?? port}`,
    tokens: {
      secret: env.JWT_SECRET,
      issuer: env.JWT_ISSUER ?? "stampede",
      audience: env.JWT_AUDIENCE ?? "stampede",
    },
    runDir: env.STAMPEDE_RUN_DIR ?? null,
    env,
    client,
  };
}
