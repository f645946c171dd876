import type { TObject } from "@sinclair/typebox";
import { ConsumersEnvironment } from "../consumers/config.ts";
import { takesFile } from "../contracts/wire/environment-files.ts";
import { GatewayEnvironment } from "../gateway/config.ts";
import { PaymentSimulatorEnvironment } from "../payment-simulator/config.ts";
import type { ServiceName } from "./service-names.ts";

type Environment = Readonly<Record<string, string>>;

/** What every program may need of its surroundings: paths, language, time zone, temporary files, certificates. */
const SURROUNDINGS = /^(PATH|HOME|TZ|LANG|LC_[A-Z]+|TMPDIR|SSL_CERT_(FILE|DIR))$/;
/** Settings of the runtimes, the size of Node's thread pool, and the proxy through which a provider or an issuer is reached. */
const RUNTIME = /^((NODE|BUN)_[A-Z_]+|UV_THREADPOOL_SIZE|(HTTP|HTTPS|NO)_PROXY|(http|https|no)_proxy)$/;
const JAVA = /^(JAVA_HOME|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS)$/;

const SCHEMAS: Partial<Record<ServiceName, TObject>> = {
  "payment-simulator": PaymentSimulatorEnvironment,
  gateway: GatewayEnvironment,
  consumers: ConsumersEnvironment,
};

/** The variables that a schema names, and the `_FILE` forms of those that have one. */
const namesOf = (schema: TObject): string[] =>
  Object.entries(schema.properties).flatMap(([name, one]) => (takesFile(one) ? [name, `${name}_FILE`] : [name]));

const NAMES = new Map(Object.entries(SCHEMAS).map(([service, schema]) => [service, new Set(namesOf(schema!))]));

/**
 * The part of an environment that a service's process gets: what its schema names and what its runtime needs. Other secrets of the
 * operator's shell, and those of other processes of the stack, are left out.
 */
export function environmentFor(service: ServiceName, environment: Environment): Record<string, string> {
  const names = NAMES.get(service);
  const isWanted = (name: string) =>
    SURROUNDINGS.test(name) || (names ? names.has(name) || RUNTIME.test(name) : service === "kafka" && JAVA.test(name));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isWanted(name)));
}
