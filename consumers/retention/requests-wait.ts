import type { LagReader } from "../../kafka/renewed-admin.ts";

/** Whether the log holds a request that role coupon-decide has not settled, of whichever queued sale. @throws KafkaError */
export async function requestsWait(
  admin: Pick<LagReader, "groupLag">,
  topic: string = "coupon-requests",
  groupId: string = "coupon-decide",
): Promise<boolean> {
  const lags = await admin.groupLag(groupId, [topic]);
  return lags.some(({ lag }) => lag > 0);
}
