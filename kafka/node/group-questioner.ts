import type { BrokerLog } from "../broker-log.ts";
import type { Questioner } from "../group-offsets.ts";
import type { ClientOptions } from "../kafka.ts";
import { questionerProperties } from "../properties.ts";
import type { Addon, NativePartition } from "./addon.ts";
import { called, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";

/** Each request holds one of Node's worker threads until the broker has answered. The client may only be closed after that. */
export function groupQuestioner(
  addon: Addon,
  options: ClientOptions,
  brokerLog: BrokerLog,
  groupId: string,
): Questioner {
  const native = made(
    () => new addon.KafkaConsumer(addonProperties(questionerProperties(options, groupId)), undefined),
  );
  native.configureCallbacks(true, { global: {}, topic: {}, event: { event_cb: new ClientEvents(brokerLog).handle } });
  const connected = called("start", (done) => native.connect(done));
  return {
    async committed(partitions, timeoutMs) {
      await connected;
      const found = await called<NativePartition[]>(`committed offsets of ${groupId}`, (done) =>
        native.committed(partitions, timeoutMs, done),
      );
      return found.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset ?? -1 }));
    },
    async close() {
      await connected.catch(() => {});
      await called("close", (done) => native.disconnect(done)).catch(() => {});
    },
  };
}
