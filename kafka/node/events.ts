import type { BrokerLog } from "../broker-log.ts";
import { KafkaError } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import type { NativeEvent } from "./addon.ts";

/** The addon hands over an error event's text without its number; these texts have not changed since 2016. */
const FATAL = "Local: Fatal error";
const ALL_BROKERS_DOWN = "Local: All broker connections are down";
/** After this error a line of librdkafka's log names the broker and the reason. */
const CONNECTION_FAILED = "Local: Broker transport failure";

const ERR_FATAL = -150;

/** Logs, errors and statistics of one librdkafka client: whether a broker is connected and whether it can go on. */
export class ClientEvents {
  readonly #brokerLog: BrokerLog;
  #connected = false;
  /** Set once the client can never work again. */
  fatal: KafkaError | undefined;

  constructor(brokerLog: BrokerLog) {
    this.#brokerLog = brokerLog;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** A broker answered just now, which is newer than the last statistics. */
  answered(): void {
    this.#connected = true;
    this.#brokerLog.reachable();
  }

  readonly handle = (type: string, event: NativeEvent): void => {
    if (type === "stats") this.#onStatistics(event.message);
    else if (type === "log") this.#brokerLog.line(event.severity ?? 7, event.fac ?? "", event.message);
    else if (type === "error") this.#onError(event.message);
  };

  #onStatistics(document: string): void {
    // Only a broker's state is written in capitals. Parsing the whole document would cost a hundred times as much.
    this.#connected = document.includes('"state":"UP"');
    if (this.#connected) this.#brokerLog.reachable();
  }

  #onError(text: string): void {
    if (text === CONNECTION_FAILED) return;
    if (text === ALL_BROKERS_DOWN) {
      this.#connected = false;
      this.#brokerLog.unreachable();
      return;
    }
    const isFatal = text === FATAL;
    if (isFatal) this.fatal ??= new KafkaError("FATAL", "librdkafka reported a fatal error (see its log)", ERR_FATAL);
    this.#brokerLog.error(text, isFatal);
  }
}

/** Properties for the addon. It has its own librdkafka, which also knows the names that end in `?`. */
export function addonProperties(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name.replace(/\?$/, ""), value]));
}
