import { insertCalls } from "../../db/settings/audit.ts";
import { listAudit } from "../../db/settings/list-audit.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import { AuditedCalls } from "./audited-calls.ts";
import { CallLog } from "./call-log.ts";
import { auditEndpoint } from "./list-audit.ts";
import { SecurityLog } from "./security-log.ts";

/** Who did what, and who was refused. */
export interface Audit {
  readonly endpoints: readonly Endpoint[];
  readonly calls: AuditedCalls;
  readonly security: SecurityLog;
  /** Writes the lines that wait; call it before the connections are closed. */
  stop(): Promise<void>;
}

/** The audit log on PostgreSQL, and the security log. */
export function composeAudit(
  { sql, orm, log, guarded, onError }: GatewayConnections,
  metrics: Pick<GatewayMetrics, "gauge" | "counts">,
): Audit {
  const lines = new CallLog({ insert: (batch) => insertCalls(sql, batch), onError });
  const calls = new AuditedCalls((line) => lines.add(line));
  const security = new SecurityLog(log);
  metrics.counts("stampede_security_events_total", "Refusals that may be attacks, by kind", "event", () =>
    security.totals(),
  );
  metrics.counts(
    "stampede_audit_calls_total",
    "Calls for the audit log: written, dropped for want of room or of a database, left out of a flood of strangers",
    "fate",
    () => [
      ["written", lines.written],
      ["dropped", lines.dropped],
      ["left-out", calls.leftOut],
    ],
  );
  metrics.gauge("stampede_audit_waiting", "Calls that wait to be written to the audit log", () => lines.waiting);
  return {
    endpoints: [auditEndpoint((filter, cursor, limit) => guarded(() => listAudit(orm, filter, cursor, limit)))],
    calls,
    security,
    async stop() {
      await lines.stop();
      if (lines.dropped > 0) log.error({ calls: lines.dropped }, "calls that the audit log does not have");
    },
  };
}
