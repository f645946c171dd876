import { LRUCache } from "lru-cache";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import { reply } from "./delivery.ts";
import { errorText, saleText, subscribedText } from "./replies.ts";
import { SaleFeed, type SaleFeedParts } from "./sale-feed.ts";
import { type SaleStart, SaleStarts, type SaleStartsParts } from "./sale-starts.ts";
import type { ClientSocket } from "./user-socket.ts";

const topicOf = (couponId: CouponId) => `sale:${couponId}`;
/** Of those who subscribed. Who follows a sale because of a claim is told openings and ends alone. */
const watchTopicOf = (couponId: CouponId) => `watch:${couponId}`;
/** How old the sale may be that a new subscriber is told. */
const SEEN_MS = 500;

export interface SaleTopics {
  /**
   * `subscribe`: to an existing sale. It says at once how the sale is. Rejects as `viewSale` does.
   * @returns whether the socket follows the sale
   */
  subscribe(socket: ClientSocket, couponId: string, ref: string | undefined): Promise<boolean>;
  /** Follows a sale because of a claim, if there is room for one more. Returns whether it did not follow it before. */
  follow(socket: ClientSocket, couponId: CouponId): boolean;
  unfollow(socket: ClientSocket, couponId: CouponId): void;
  /** A claim came before the sale's start: the sockets that follow the sale are told when it starts. */
  expectOpening(couponId: CouponId): void;
  /** The socket is closed: it follows nothing any more. */
  forget(socket: ClientSocket): void;
  /** Sends a message to all sockets that follow the sale. */
  announce(couponId: CouponId, change: "opened" | "soldout"): void;
  /** Something of the sale changed: those who subscribed are told soon. */
  changed(couponId: CouponId): void;
  stop(): void;
}

export interface SaleTopicsSources extends Pick<SaleStartsParts, "viewSale" | "saleTime"> {
  /** The sale as visitors see it, at most so many milliseconds old. */
  readonly currentSale: SaleFeedParts["look"];
}

/** Who subscribed to which sale, and what they are told. */
class Watchers {
  readonly #feed: SaleFeed;
  readonly #counts = new Map<CouponId, number>();

  constructor(
    private readonly look: SaleFeedParts["look"],
    publish: (topic: string, text: string) => number,
  ) {
    this.#feed = new SaleFeed({ look, publish: (couponId, text) => publish(watchTopicOf(couponId), text) });
  }

  add(socket: ClientSocket, couponId: CouponId): void {
    const connection = socket.data;
    connection.watched ??= new Set();
    if (connection.watched.has(couponId)) return;
    connection.watched.add(couponId);
    const others = this.#counts.get(couponId) ?? 0;
    this.#counts.set(couponId, others + 1);
    if (others === 0) this.#feed.begin(couponId);
    socket.subscribe(watchTopicOf(couponId));
  }

  forget(socket: ClientSocket): void {
    for (const couponId of socket.data.watched ?? []) {
      const left = this.#counts.get(couponId)! - 1;
      if (left > 0) this.#counts.set(couponId, left);
      else {
        this.#counts.delete(couponId);
        this.#feed.end(couponId);
      }
    }
    socket.data.watched = null;
  }

  /** Tells a socket that has just subscribed how the sale is. */
  async greet(socket: ClientSocket, couponId: CouponId): Promise<void> {
    const seen = await this.look(couponId, SEEN_MS);
    if (seen !== null && socket.data.isOpen) reply(socket, this.#feed.latest(couponId, seen));
  }

  changed(couponId: CouponId): void {
    this.#feed.changed(couponId);
  }

  stop(): void {
    this.#feed.stop();
  }
}

/** Which sockets follow which sale. */
export function createSaleTopics(
  sources: SaleTopicsSources,
  publish: (topic: string, text: string) => number,
  maxPerSocket: number,
): SaleTopics {
  // For a socket that subscribes after the announcement, a lookup that began before the sale sold out is outdated.
  const soldOut = new LRUCache<CouponId, true>({ max: 1000 });
  const watchers = new Watchers(sources.currentSale, publish);
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
      watchers.forget(socket);
    },
    async subscribe(socket, couponId, ref) {
      if (!isCouponId(couponId)) {
        reply(socket, errorText("COUPON_NOT_FOUND", undefined, ref));
        return false;
      }
      const isNew = follow(socket, couponId); // before the lookup, so that no announcement is missed
      if (!isNew && !socket.data.sales!.has(couponId)) {
        reply(socket, errorText("RATE_LIMITED", `A socket may follow ${maxPerSocket} sales`, ref));
        return false;
      }
      let sale: SaleStart | null = null;
      try {
        sale = await sources.viewSale(couponId);
      } finally {
        if (sale === null && isNew) unfollow(socket, couponId);
      }
      if (sale?.state === "SCHEDULED") openings.expect(couponId);
      if (sale === null) {
        reply(socket, errorText("COUPON_NOT_FOUND", undefined, ref));
        return false;
      }
      if (!socket.data.isOpen || !reply(socket, subscribedText(couponId, ref))) return false;
      if (sale.state === "SOLD_OUT" || soldOut.has(couponId)) reply(socket, saleText("soldout", couponId));
      watchers.add(socket, couponId);
      await watchers.greet(socket, couponId);
      return true;
    },
    changed: (couponId) => watchers.changed(couponId),
    announce(couponId, change) {
      if (change === "soldout") soldOut.set(couponId, true);
      else soldOut.delete(couponId);
      if (!followers.has(couponId)) return;
      if (change === "opened") openings.reopened(couponId);
      else publish(topicOf(couponId), saleText(change, couponId));
    },
    stop() {
      openings.stop();
      watchers.stop();
    },
  };
}
