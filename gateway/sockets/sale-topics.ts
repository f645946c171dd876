import { LRUCache } from "lru-cache";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import { reply } from "./delivery.ts";
import { errorText, saleText, subscribedText } from "./replies.ts";
import { type SaleStart, SaleStarts, type SaleStartsParts } from "./sale-starts.ts";
import type { ClientSocket } from "./user-socket.ts";

const topicOf = (couponId: CouponId) => `sale:${couponId}`;

export interface SaleTopics {
  /** `subscribe`: to an existing sale. A sale that is sold out already says so at once. Rejects as `viewSale` does. */
  subscribe(socket: ClientSocket, couponId: string, ref: string | undefined): Promise<void>;
  /** Follows a sale because of a claim, if there is room for one more. Returns whether it did not follow it before. */
  follow(socket: ClientSocket, couponId: CouponId): boolean;
  unfollow(socket: ClientSocket, couponId: CouponId): void;
  /** A claim came before the sale's start: the sockets that follow the sale are told when it starts. */
  expectOpening(couponId: CouponId): void;
  /** The socket is closed: it follows nothing any more. */
  forget(socket: ClientSocket): void;
  /** Sends a message to all sockets that follow the sale. */
  announce(couponId: CouponId, change: "opened" | "soldout"): void;
  stop(): void;
}

/** Which sockets follow which sale. */
export function createSaleTopics(
  sources: Pick<SaleStartsParts, "viewSale" | "saleTime">,
  publish: (topic: string, text: string) => number,
  maxPerSocket: number,
): SaleTopics {
  // For a socket that subscribes after the announcement, a lookup that began before the sale sold out is outdated.
  const soldOut = new LRUCache<CouponId, true>({ max: 1000 });
  /** Sockets that follow each sale. */
  const followers = new Map<string, number>();
  const openings = new SaleStarts({
    ...sources,
    isFollowed: (couponId) => followers.has(couponId),
    opened: (couponId) => publish(topicOf(couponId), saleText("opened", couponId)),
  });

  function count(couponId: string, change: 1 | -1): void {
    const left = (followers.get(couponId) ?? 0) + change;
    if (left > 0) followers.set(couponId, left);
    else followers.delete(couponId);
  }

  function follow(socket: ClientSocket, couponId: CouponId): boolean {
    const connection = socket.data;
    connection.sales ??= new Set();
    if (connection.sales.has(couponId) || connection.sales.size >= maxPerSocket) return false;
    connection.sales.add(couponId);
    count(couponId, 1);
    socket.subscribe(topicOf(couponId));
    return true;
  }

  function unfollow(socket: ClientSocket, couponId: CouponId): void {
    if (!socket.data.sales?.delete(couponId)) return;
    count(couponId, -1);
    socket.unsubscribe(topicOf(couponId));
  }

  return {
    follow,
    unfollow,
    expectOpening: (couponId) => openings.expect(couponId),
    forget(socket) {
      for (const couponId of socket.data.sales ?? []) count(couponId, -1);
      socket.data.sales = null;
    },
    async subscribe(socket, couponId, ref) {
      if (!isCouponId(couponId)) {
        reply(socket, errorText("COUPON_NOT_FOUND", undefined, ref));
        return;
      }
      const isNew = follow(socket, couponId); // before the lookup, so that no announcement is missed
      if (!isNew && !socket.data.sales!.has(couponId)) {
        reply(socket, errorText("RATE_LIMITED", `A socket may follow ${maxPerSocket} sales`, ref));
        return;
      }
      let sale: SaleStart | null = null;
      try {
        sale = await sources.viewSale(couponId);
      } finally {
        if (sale === null && isNew) unfollow(socket, couponId);
      }
      if (sale?.state === "SCHEDULED") openings.expect(couponId);
      if (sale === null) reply(socket, errorText("COUPON_NOT_FOUND", undefined, ref));
      else if (reply(socket, subscribedText(couponId, ref)) && (sale.state === "SOLD_OUT" || soldOut.has(couponId))) {
        reply(socket, saleText("soldout", couponId));
      }
    },
    announce(couponId, change) {
      if (change === "soldout") soldOut.set(couponId, true);
      else soldOut.delete(couponId);
      if (!followers.has(couponId)) return;
      if (change === "opened") openings.reopened(couponId);
      else publish(topicOf(couponId), saleText(change, couponId));
    },
    stop: () => openings.stop(),
  };
}
