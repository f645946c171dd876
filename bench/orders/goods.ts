/** What there is to order. */
export interface Goods {
  readonly products: readonly PricedProduct[];
  /** Of this one there is nothing. */
  readonly soldOut: string;
  /** Sales that every user wins once before the first order; a user's n-th order takes the n-th coupon. */
  readonly sales: readonly string[];
  /** What every user has at the beginning. */
  readonly points: number;
}

export interface PricedProduct {
  readonly id: string;
  /** Minor units. */
  readonly price: number;
}
