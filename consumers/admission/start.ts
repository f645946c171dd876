import type { Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { flashSnapshot } from "../../db/shop/flash-snapshot.ts";
import { createAdmission } from "../../lua/admission.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { type LeftOutParts, leftOutOf } from "../engine/left-out-of.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../engine/start-consuming.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import { type LoadDeps, loadAdmission } from "./load.ts";
import { admissionRelease } from "./release-role.ts";

export interface AdmissionParts extends ConsumingParts, LeftOutParts {
  readonly config: ConsumingParts["config"] & { readonly LOADER_EVERY_MS: number };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  readonly metrics: ConsumingParts["metrics"] & LeftOutParts["metrics"];
}

/** How long a gateway may take between admitting an order and storing it, milliseconds. Its timeouts are a tenth of that. */
const STRAY_MS = 30_000;

/** Role admission: gives back what cancelled orders held, and keeps Redis' stock in line with PostgreSQL's. */
export function startAdmission(parts: AdmissionParts): RunningRole {
  const release = startConsuming("admission", admissionRelease(createAdmission(parts.redis).release), parts);
  const loader = startAdmissionLoader(parts);
  return {
    ...release,
    async stop(graceMs) {
      await Promise.all([release.stop(graceMs), loader.stop()]);
    },
  };
}

/** The loader of role admission: one look a second at all flash products, by one process of all. */
function startAdmissionLoader(parts: AdmissionParts): { stop(): Promise<void> } {
  const { config, db, redis, log } = parts;
  const admission = createAdmission(redis);
  const deps: LoadDeps = {
    admission,
    leftOut: leftOutOf("admission", parts),
    snapshot: (orderIds) => flashSnapshot(db.sql, orderIds),
    strayMs: STRAY_MS,
    seen: new Map(),
  };
  const round = () => withLeases(db.leases, LEASES.admission, ["all"], () => loadAdmission(deps));
  const ticker = startTicker(config.LOADER_EVERY_MS, round, logFailedRounds(log, "admission"));
  return { stop: () => ticker.stop() };
}
