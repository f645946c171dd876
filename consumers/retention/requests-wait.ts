import type { LagReader } from "../../kafka/renewed-admin.ts";
import { DECIDE_GROUP, REQUESTS_TOPIC } from "../claims/decide/role.ts";

/** Whether the log holds a request that role coupon-decide has not settled, of whichever queued sale. @throws KafkaError */
export async function requestsWait(
  admin: Pick<LagReader, "groupLag">,
  topic: string = REQUESTS_TOPIC,
  groupId: string = DECIDE_GROUP,
): Promise<boolean> {
  const lags = await admin.groupLag(groupId, [topic]);
  return lags.some(({ lag }) => lag > 0);
}
