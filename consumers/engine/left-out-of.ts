import { LeftOut } from "../../contracts/wire/left-out.ts";
import type { RoleName } from "../role-names.ts";
import type { Log } from "./log.ts";
import type { EngineMetrics } from "./metrics.ts";

export interface LeftOutParts {
  readonly log: Log;
  readonly metrics: Pick<EngineMetrics, "leftOut">;
}

/** What a role leaves out of its rounds goes into the log and the metrics under the role's name. */
export const leftOutOf = (role: RoleName, { log, metrics }: LeftOutParts): LeftOut =>
  new LeftOut({
    complain: (complaint) => log.error({ role, ...complaint }, "left out; the others go on"),
    count: (things) => metrics.leftOut(role, things),
  });
