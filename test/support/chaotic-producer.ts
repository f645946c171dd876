import type { OutgoingRecord, Producer } from "../../kafka/kafka.ts";

/**
 * Keeps what it is given and hands it on later, each record alone: in any order, once, twice or three times. What its users
 * say to each other arrives in every order that topics, partitions and consumers could bring about, and in some that they
 * could not.
 */
export interface ChaoticProducer extends Pick<Producer, "sendAll"> {
  /** Records that are still to be handed on. */
  waiting(): number;
  /** How often something was handed on, and how much of it a second time or late. */
  readonly counts: { sent: number; repeated: number; overtaken: number };
}

/** Most come within so long, milliseconds, */
const SOON_MS = 150;
/** one in ten as late as this. */
const LATE_MS = 3_000;

export function createChaoticProducer(real: Pick<Producer, "send">): ChaoticProducer {
  let waiting = 0;
  let given = 0;
  let newest = 0;
  const counts = { sent: 0, repeated: 0, overtaken: 0 };
  const delay = () => Math.random() * (Math.random() < 0.1 ? LATE_MS : SOON_MS);
  async function later(record: OutgoingRecord, serial: number): Promise<void> {
    await Bun.sleep(delay());
    if (serial < newest) counts.overtaken++;
    newest = Math.max(newest, serial);
    counts.sent++;
    for (;;) {
      try {
        await real.send(record);
        return;
      } catch {
        await Bun.sleep(100); // nothing that was given to it is lost
      }
    }
  }
  return {
    counts,
    waiting: () => waiting,
    async sendAll(records) {
      for (const record of records) {
        const serial = ++given;
        const copies = 1 + Math.floor(Math.random() * 3);
        counts.repeated += copies - 1;
        for (let copy = 0; copy < copies; copy++) {
          waiting++;
          void later(record, serial).finally(() => waiting--);
        }
      }
    },
  };
}
