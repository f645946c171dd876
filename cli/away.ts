import { awaySentence } from "../contracts/wire/address.ts";
import { isAway } from "../db/errors.ts";
import { KafkaError } from "../kafka/kafka.ts";
import { CliError } from "../stack/errors.ts";

async function whileAnswering<T>(
  service: string,
  url: string,
  is: (error: unknown) => boolean,
  work: () => Promise<T>,
) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError || !is(error)) throw error;
    throw new CliError(awaySentence(service, url, error instanceof Error ? error.message : String(error)), {
      cause: error,
    });
  }
}

/** @throws CliError with the service's address if it does not answer; any other error of `work` as it is */
export const needsPostgres = <T>(url: string, work: () => Promise<T>) =>
  whileAnswering("PostgreSQL", url, isAway, work);

/** As `needsPostgres`. */
export const needsKafka = <T>(brokers: string, work: () => Promise<T>) =>
  whileAnswering("Kafka", brokers, (error) => error instanceof KafkaError && error.retryable, work);
