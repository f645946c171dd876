import { perRequest } from "../demo-report.ts";
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
        const { load, latency, sockets } = result;
        return {
          couponId: result.couponId,
          wrong: result.wrong,
          figures: {
            requests: load.requests,
            seconds: load.seconds,
            rps: load.requests / load.seconds,
            p50_ms: latency.percentile(50) / 1000,
            p99_ms: latency.percentile(99) / 1000,
            max_ms: latency.max / 1000,
            cpu_us_per_request: perRequest(result),
            winners: result.winners,
            oversold: result.oversold,
            duplicates: result.duplicates,
            lost: result.lost,
            sold_out_s: result.soldOutS,
            persisted_s: result.persistedS,
            told_s: sockets.lastToldS,
            sold_out_spread_ms: sockets.soldOutSpreadMs,
          },
        };
      },
    },
  ],
};
