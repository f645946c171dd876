import { LEASES, withLeases } from "../../db/leases.ts";
import { flashSnapshot } from "../../db/shop/flash-snapshot.ts";
import { createAdmission } from "../../lua/admission.ts";
import { startTicker } from "../engine/ticker.ts";
import { complainer, leftOutOf, type Neighbours, type RunningRole } from "../neighbours.ts";
import { type LoadDeps, loadAdmission } from "./load.ts";

/** So long a gateway may take between admitting an order and storing it; its own timeouts are a tenth of that. */
const STRAY_MS = 30_000;

/** The loader of role admission: one look a second at all flash products, by one process of all. */
export function startAdmissionLoader(neighbours: Neighbours): Pick<RunningRole, "stop"> {
  const { config, db, redis, log } = neighbours;
  const admission = createAdmission(redis);
  const deps: LoadDeps = {
    admission,
    leftOut: leftOutOf("admission", neighbours),
    snapshot: (orderIds) => flashSnapshot(db.sql, orderIds),
    strayMs: STRAY_MS,
    seen: new Map(),
  };
  const round = () => withLeases(db.leases, LEASES.admission, ["all"], () => loadAdmission(deps));
  const ticker = startTicker(config.LOADER_EVERY_MS, round, complainer(log, "admission"));
  return { stop: () => ticker.stop() };
}
