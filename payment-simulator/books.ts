import type { ChargeRequest, RefundRequest } from "../contracts/payments/api.ts";
import { charge, voided } from "./behaviour.ts";
import { announce, capture, type Entry, newEntry, refundedOf } from "./entry.ts";
import { openJournal } from "./journal.ts";
import type { ProviderRefusalCode } from "./refusals.ts";

export interface BooksOptions {
  /** Empty: in memory only. */
  readonly file: string;
  readonly slowMs: number;
  readonly lateMs: number;
  /** The entry owes a webhook. Called again for the same ones after a restart. */
  readonly onWebhooks: (entry: Entry) => void;
}

/** All payments. What is answered is in the file before. */
export class PaymentBooks {
  readonly #entries = new Map<string, Entry>();
  readonly #order: string[] = [];
  readonly #append: (entry: Entry) => void;
  readonly #options: BooksOptions;

  constructor(options: BooksOptions) {
    this.#options = options;
    const { items, journal } = openJournal<Entry>(options.file);
    this.#append = journal.append;
    for (const entry of items) this.#remember(entry);
    for (const entry of this.#entries.values()) {
      // Who worked on it is gone, and nothing was taken.
      if (entry.status === "PENDING") this.#write({ ...entry, status: "NONE" });
      if (entry.lateAt !== null) this.#captureLate(entry.key, entry.lateAt);
      if (entry.webhooks.some(({ left }) => left > 0)) options.onWebhooks(entry);
    }
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** In the order in which they came, from the n-th on. */
  page(from: number, limit: number): Entry[] {
    return this.#order.slice(from, from + limit).map((key) => this.#entries.get(key)!);
  }

  /** @returns null: its caller shall never hear */
  async charge({ key, ...terms }: ChargeRequest): Promise<Entry | ProviderRefusalCode | null> {
    const known = this.#entries.get(key) ?? newEntry(key, `pay_${crypto.randomUUID().slice(0, 13)}`);
    if (known.status !== "NONE") {
      // A void may have come before any charge: then it knows no terms.
      const same = known.calls === 0 || (known.amount === terms.amount && known.currency === terms.currency);
      return same ? known : "MISMATCH";
    }
    const { entry, answer } = charge({ ...known, ...terms, calls: known.calls + 1 }, Date.now());
    this.#write(entry);
    if (entry.webhooks.length > 0) this.#options.onWebhooks(entry);
    if (answer === "never") return null;
    if (answer === "slowly") {
      await Bun.sleep(this.#options.slowMs);
      const now = this.#entries.get(key)!;
      if (now.status === "PENDING") this.#write(capture(now));
    } else if (answer !== "now") {
      return answer;
    }
    return this.#entries.get(key)!;
  }

  void(key: string): Entry {
    const known = this.#entries.get(key) ?? newEntry(key, `pay_${crypto.randomUUID().slice(0, 13)}`);
    const entry = voided(known, Date.now(), this.#options.lateMs);
    if (entry !== this.#entries.get(key)) this.#write(entry);
    if (entry !== known && entry.lateAt !== null) this.#captureLate(key, entry.lateAt);
    return entry;
  }

  refund(key: string, refund: RefundRequest): Entry | ProviderRefusalCode {
    const known = this.#entries.get(key);
    if (known === undefined || known.captured === 0) return "NOT_FOUND";
    const before = known.refunds[refund.key];
    if (before !== undefined) return before === refund.amount ? known : "MISMATCH";
    if (refundedOf(known) + refund.amount > known.captured) return "TOO_MUCH";
    const next: Entry = { ...known, refunds: { ...known.refunds, [refund.key]: refund.amount } };
    const entry: Entry = { ...next, status: refundedOf(next) === next.captured ? "REFUNDED" : "CAPTURED" };
    this.#write(entry);
    return entry;
  }

  /** The provider's staff refunds by hand, without a request under a key; a webhook tells of it. */
  refundAtDesk(key: string, amount: number): Entry | ProviderRefusalCode {
    const entry = this.refund(key, { key: `desk:${crypto.randomUUID()}`, amount: amount as RefundRequest["amount"] });
    if (typeof entry === "string") return entry;
    const told = this.#write(announce(entry, 1, Date.now(), "REFUNDED"));
    this.#options.onWebhooks(told);
    return told;
  }

  /** A webhook was taken. */
  delivered(key: string, webhookId: string): Entry {
    const entry = this.#entries.get(key)!;
    const webhooks = entry.webhooks.map((one) => (one.body.id === webhookId ? { ...one, left: one.left - 1 } : one));
    return this.#write({ ...entry, webhooks });
  }

  #captureLate(key: string, at: number): void {
    const timer = setTimeout(
      () => this.#options.onWebhooks(this.#write(announce(capture(this.#entries.get(key)!), 1, Date.now()))),
      Math.max(0, at - Date.now()),
    );
    timer.unref();
  }

  #write(entry: Entry): Entry {
    this.#append(entry);
    return this.#remember(entry);
  }

  #remember(entry: Entry): Entry {
    if (!this.#entries.has(entry.key)) this.#order.push(entry.key);
    this.#entries.set(entry.key, entry);
    return entry;
  }
}
