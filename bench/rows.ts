import { createDatabase, type Database } from "../db/client.ts";

export interface IssuedRow {
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number;
}

/** What PostgreSQL holds of a sale, read by a client of the bench's own. */
export interface Rows {
  count(couponId: string): Promise<number>;
  all(couponId: string): Promise<IssuedRow[]>;
  /** Seconds between the first and the last transaction that inserted rows of the sale. */
  insertSeconds(couponId: string): Promise<number>;
  /** Resolves with the time (performance.now) at which `wanted` rows were first seen; null after `timeoutMs`. */
  reach(couponId: string, wanted: number, timeoutMs: number, onCount?: (count: number) => void): Promise<number | null>;
  close(): Promise<void>;
}

/** A look every 20 ms costs an index scan of the sale's rows; above this many rows looks get rarer. */
const LOOK_MS = 20;

export function openRows(databaseUrl: string): Rows {
  const database: Database = createDatabase(databaseUrl, { max: 1, name: "bench", statementTimeoutMs: 60_000 });
  const { sql } = database;
  async function count(couponId: string): Promise<number> {
    const [row] = await sql<{ n: number }[]>`
      SELECT count(*)::integer AS n FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
    return row!.n;
  }
  return {
    count,
    async all(couponId) {
      return sql<IssuedRow[]>`SELECT user_id AS "userId", request_id AS "requestId", slot FROM user_coupons
        WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
    },
    async insertSeconds(couponId) {
      const [row] = await sql<{ seconds: number }[]>`
        SELECT extract(epoch FROM max(issued_at) - min(issued_at))::double precision AS seconds
        FROM user_coupons WHERE coupon_id = ${couponId}`;
      return row!.seconds;
    },
    async reach(couponId, wanted, timeoutMs, onCount) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const n = await count(couponId);
        const now = performance.now();
        onCount?.(n);
        if (n >= wanted) return now;
        if (now > deadline) return null;
        await Bun.sleep(Math.max(LOOK_MS, n / 200));
      }
    },
    close: () => database.close(),
  };
}
