import { runRush } from "../rush.ts";
import type { Scenario } from "../scenario.ts";

const CROWD = { users: 50_000, coupons: 1000, connections: 512, sockets: 300 };

/** 50,000 people claim once each, for 1,000 coupons, from the moment the sale starts. */
export const rush: Scenario = {
  name: "rush",
  variants: [
    {
      name: "50,000 people, 1,000 coupons, 512 connections, 300 sockets",
      budgets: [
        { figure: "seconds", atMost: 2 },
        { figure: "p99_ms", atMost: 50 },
        { figure: "max_ms", atMost: 150 },
        { figure: "winners", atLeast: CROWD.coupons, atMost: CROWD.coupons },
        { figure: "oversold", atMost: 0 },
        { figure: "lost", atMost: 0 },
      ],
      async run(target) {
        const result = await runRush(target, CROWD);
        return {
          couponId: result.couponId,
          wrong: result.wrong,
          figures: {
            ...result.figures,
            winners: result.winners,
            oversold: result.oversold,
            duplicates: result.duplicates,
            lost: result.lost,
            sold_out_s: result.soldOutS,
            persisted_s: result.persistedS,
            told_s: result.sockets.lastToldS,
            sold_out_spread_ms: result.sockets.soldOutSpreadMs,
          },
        };
      },
    },
  ],
};
