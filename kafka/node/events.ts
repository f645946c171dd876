import { type ClientOptions, KafkaError } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import type { NativeEvent } from "./addon.ts";

const LOG_LEVELS = ["error", "error", "error", "error", "warn", "info", "info", "debug"] as const;

/** The addon hands over an error event's text without its number; these two texts have not changed since 2016. */
const FATAL = "Local: Fatal error";
const ALL_BROKERS_DOWN = "Local: All broker connections are down";

const ERR_FATAL = -150;

/** Logs, errors and statistics of one librdkafka client: whether a broker is connected and whether it can go on. */
export class ClientEvents {
  readonly #log: NonNullable<ClientOptions["log"]>;
  connected = false;
  /** Set once the client can never work again. */
  fatal: KafkaError | undefined;

  constructor(log: ClientOptions["log"]) {
    this.#log = log ?? (() => {});
  }

  readonly handle = (type: string, event: NativeEvent): void => {
    // Only a broker's state is written in capitals; parsing the whole document would cost a hundred times more.
    if (type === "stats") this.connected = event.message.includes('"state":"UP"');
    else if (type === "log") {
      this.#log(LOG_LEVELS[event.severity ?? 7] ?? "debug", `kafka: ${event.fac}: ${event.message}`);
    } else if (type === "error") this.#onError(event.message);
  };

  #onError(text: string): void {
    if (text === ALL_BROKERS_DOWN) this.connected = false;
    if (text === FATAL)
      this.fatal ??= new KafkaError("FATAL", "librdkafka reported a fatal error (see its log)", ERR_FATAL);
    this.#log(text === FATAL ? "error" : "warn", `kafka: ${text}`);
  }
}

/** As the addon takes them: its librdkafka is the one it was built with, so it knows the newer names too. */
export function addonProperties(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name.replace(/\?$/, ""), value]));
}
