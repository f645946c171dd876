import { createDatabase, type Database } from "../db/client.ts";

export interface IssuedRow {
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number;
}

export interface RowWatch {
  readonly wanted: () => number;
  readonly deadline: () => number;
  readonly onCount?: (count: number) => void;
}

/** What PostgreSQL holds of a sale, read by a client of the bench's own. */
export interface Rows {
  count(couponId: string): Promise<number>;
  all(couponId: string): Promise<IssuedRow[]>;
  /** Seconds between the first and the last transaction that inserted rows of the sale. */
  insertSeconds(couponId: string): Promise<number>;
  /**
   * Counts until `wanted()` rows are there (asked anew each time) and resolves with the time (performance.now) at which
   * they were first seen; null when `deadline()` (performance.now) has passed.
   */
  reach(couponId: string, watch: RowWatch): Promise<number | null>;
  close(): Promise<void>;
}

/** A look scans the index over the sale's rows, so with many rows looks get rarer: 5 ms a thousand. */
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
    async reach(couponId, { wanted, deadline, onCount }) {
      for (;;) {
        const n = await count(couponId);
        const now = performance.now();
        onCount?.(n);
        if (n >= wanted()) return now;
        if (now > deadline()) return null;
        await Bun.sleep(LOOK_MS + n / 200);
      }
    },
    close: () => database.close(),
  };
}
