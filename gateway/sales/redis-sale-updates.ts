import type { CouponId } from "../../contracts/wire/ids.ts";
import { SALES_CHANNEL } from "../../lua/keys.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { readSale, readWinners } from "../../lua/sale-reading.ts";
import { parseAnnouncement } from "../../lua/sale-scripts.ts";
import type { SaleUpdateSources } from "./follow-sales.ts";
import { collectWinners, type WinnersFilter } from "./winners-filter.ts";

/**
 * Updates of sales from Redis: the announcements that its scripts publish, and the sale's hash.
 * @param announced called with each sale that is announced, before the board hears of it
 * @param swapped called when a sale has other scripts
 */
export function redisSaleUpdates(
  redis: RedisConnection,
  subscriber: RedisConnection,
  announced: (couponId: CouponId) => void,
  swapped: (couponId: CouponId) => void,
  onError: (error: unknown) => void,
): SaleUpdateSources {
  return {
    subscribe(hear) {
      subscriber.on("message", (channel: string, text: string) => {
        if (channel !== SALES_CHANNEL) return;
        try {
          const { couponId, scripts, ...news } = parseAnnouncement(text);
          announced(couponId);
          if (scripts === true) swapped(couponId);
          hear(couponId, news);
        } catch (error) {
          onError(error); // a message of another program on this channel: ignored
        }
      });
      subscriber.subscribe(SALES_CHANNEL).catch(onError);
    },
    async read(couponId) {
      const sale = await readSale(redis, couponId);
      if (sale === null) return null;
      const { epoch, version, state, left } = sale;
      return { epoch, version, state, soldOut: left === 0 };
    },
  };
}

/** The filter of a sale's winners, from an HSCAN that begins now; null: it would take more than `maxBytes`. */
export function readWinnersFilter(
  redis: RedisConnection,
  couponId: CouponId,
  maxBytes: number,
): Promise<WinnersFilter | null> {
  async function* userIds() {
    for await (const portion of readWinners(redis, couponId)) for (const { userId } of portion) yield userId;
  }
  return collectWinners(userIds(), maxBytes);
}
