import type { Registry } from "prom-client";
import { metricMakers } from "../engine/metric-makers.ts";

export interface NotifyMetrics {
  /** Messages that were not told, because they are older than an inbox lives. */
  oldNews(messages: number): void;
  /** Messages whose owners cannot be told now. */
  waitingNews(messages: number): void;
}

export function createNotifyMetrics(registry: Registry): NotifyMetrics {
  const { counter, gauge } = metricMakers(registry);
  const old = counter("stampede_old_news_total", "Messages too old to be told: an inbox would have forgotten them");
  const waiting = gauge("stampede_waiting_news", "Messages in hand whose owners' part of Redis does not answer");
  return { oldNews: (count) => old.inc(count), waitingNews: (count) => waiting.set(count) };
}
