import { SIGNATURE_HEADER, signWebhook } from "../contracts/payments/webhook.ts";
import type { DueWebhook, Entry } from "./entry.ts";

export interface WebhookOptions {
  /** Empty: no webhook is sent. */
  readonly url: string;
  readonly secret: string;
  /** How late they are, milliseconds. */
  readonly lateMs: number;
  readonly delivered: (key: string, webhookId: string) => Entry;
}

const TIMEOUT_MS = 5_000;
const MAX_PAUSE_MS = 60_000;

/** Delivers what entries owe, again and again until it is taken; signed anew each time, as replay windows want it. */
export function createWebhooks({ url, secret, lateMs, delivered }: WebhookOptions): (entry: Entry) => void {
  const underWay = new Set<string>();

  async function send({ body }: DueWebhook): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify(body));
    const signature = signWebhook(secret, bytes, Math.floor(Date.now() / 1_000));
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", [SIGNATURE_HEADER]: signature },
        body: bytes,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false; // not there, or too slow: the next try tells
    }
  }

  async function deliver(webhook: DueWebhook): Promise<void> {
    await Bun.sleep(lateMs);
    for (let left = webhook.left, pauseMs = 250; left > 0; ) {
      if (await send(webhook)) {
        left--;
        delivered(webhook.body.key, webhook.body.id);
      } else {
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs);
      }
    }
  }

  return (entry) => {
    if (url === "") return;
    for (const webhook of entry.webhooks) {
      if (webhook.left < 1 || underWay.has(webhook.body.id)) continue;
      underWay.add(webhook.body.id);
      void deliver(webhook).finally(() => underWay.delete(webhook.body.id));
    }
  };
}
