import type postgres from "postgres";
import type { Facts } from "./history.ts";

/** What PostgreSQL holds of a sale, with its times moved onto this process's monotonic clock. */
export async function readFacts(sql: postgres.Sql, couponId: string): Promise<Facts> {
  const [sale] = await sql`SELECT total FROM coupons WHERE id = ${couponId}`;
  const rows = await sql`
    SELECT user_id, request_id, slot, status = 'REVOKED' AS revoked, epoch FROM user_coupons
    WHERE coupon_id = ${couponId}`;
  const aliases = await sql`
    SELECT request_id, original_request_id, user_id FROM request_aliases WHERE coupon_id = ${couponId}`;
  const fences = await sql`
    SELECT (detail ->> 'epoch')::int AS epoch, at FROM audit_log
    WHERE action = 'sale.recovering' AND target = ${couponId} ORDER BY at`;
  const sinceStart = performance.now() - Date.now();
  return {
    total: sale!.total,
    rows: rows.map(({ user_id, request_id, slot, revoked, epoch }) => {
      return { userId: user_id, requestId: request_id, slot, revoked, epoch };
    }),
    aliases: aliases.map(({ request_id, original_request_id, user_id }) => {
      return { requestId: request_id, originalRequestId: original_request_id, userId: user_id };
    }),
    fences: fences.map(({ epoch, at }) => ({ epoch, at: at.getTime() + sinceStart })),
  };
}
