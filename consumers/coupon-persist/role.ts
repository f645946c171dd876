import { StampedeError } from "../../contracts/errors.ts";
import type { Topic } from "../../contracts/topics.ts";
import type { IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { pause } from "../pause.ts";
import type { Rejected, Role } from "../role.ts";
import { DRAIN_MARKER } from "../sale-loader/drain.ts";
import type { Claim } from "./outcome.ts";
import { parseClaim } from "./parse-claim.ts";
import { type Settling, settleClaims } from "./settle-claims.ts";

export const CLAIMS_TOPIC: Topic = "coupon-issue-requests";
/** The group whose committed offsets a recovery waits for. */
export const PERSIST_GROUP = "coupon-persist";

/** How often a claim was put back to the end of the topic already. */
const DEFERRALS = "deferrals";
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2_000;

/** Claims from the log into PostgreSQL. Their order means nothing (the slot is decided), so batches run side by side. */
export function couponPersist(settling: Settling): Role {
  return {
    name: "coupon-persist",
    groupId: PERSIST_GROUP,
    topics: [CLAIMS_TOPIC],
    patience: "wait",
    maxBatch: 1_000,
    // Small batches cost three times the CPU a row; 5 ms are nothing to somebody who has their 202.
    lingerMs: 5,
    concurrency: 3,
    async handle(records, signal) {
      const rejected: Rejected[] = [];
      const claims: Claim[] = [];
      const recordOf = new Map<string, IncomingRecord>();
      for (const record of records) {
        if (record.value === null && record.headers[DRAIN_MARKER] !== undefined) continue;
        try {
          const claim = parseClaim(record).data;
          claims.push(claim);
          recordOf.set(claim.requestId, record);
        } catch (error) {
          rejected.push({ record, error });
        }
      }
      const { deferred, unknown } = await settleClaims(settling, claims);
      for (const { requestId, couponId } of unknown) {
        const error = new StampedeError("COUPON_NOT_FOUND", `PostgreSQL has no sale ${couponId}`);
        rejected.push({ record: recordOf.get(requestId)!, error });
      }
      await putBack(
        settling,
        deferred.map(({ requestId }) => recordOf.get(requestId)!),
        signal,
      );
      return rejected;
    },
  };
}

/**
 * Claims that cannot be decided now go to the end of the topic, after a pause: they must not hold up the others behind
 * them, least of all the recovery of their own sale, which waits until the group has read past the claims of the old epoch.
 */
async function putBack(settling: Settling, records: readonly IncomingRecord[], signal: AbortSignal): Promise<void> {
  if (records.length === 0) return;
  const counts = records.map((record) => Number(new TextDecoder().decode(record.headers[DEFERRALS]) || 0));
  await pause(Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(...counts)), signal);
  const copies = records.map(({ topic, value, headers }, i): OutgoingRecord => {
    return { topic, value, headers: { ...headers, [DEFERRALS]: String(counts[i]! + 1) } };
  });
  await settling.producer.sendAll(copies);
}
