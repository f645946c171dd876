import { StampedeError } from "../../contracts/wire/errors.ts";
import { classify, type ErrorKind, isDatabaseError } from "../../db/errors.ts";
import { loggable } from "../../db/loggable-error.ts";
import { KafkaError } from "../../kafka/kafka.ts";

/** Errors that our own code makes when the data is not what it expects: the same data will do it again. */
const OUR_MISTAKE = [TypeError, RangeError, SyntaxError, ReferenceError];

/** Whether a retry can help after this error of a handler, whichever service it came from. */
export function failureKind(error: unknown): ErrorKind {
  if (error instanceof StampedeError) return error.retryable ? "transient" : "permanent";
  if (error instanceof KafkaError) return kafkaKind(error);
  if (isDatabaseError(error)) return classify(error);
  return OUR_MISTAKE.some((kind) => error instanceof kind) ? "permanent" : "unknown";
}

function kafkaKind(error: KafkaError): ErrorKind {
  switch (error.code) {
    case "RECORD_TOO_LARGE":
    case "INVALID":
      return "permanent";
    case "UNKNOWN_TOPIC": // the cluster is not set up; the records are not at fault
    case "CLOSED":
      return "unknown";
    default: // FENCED and FATAL among them: kafka/renewed-producer.ts has a new client within a second
      return "transient";
  }
}

/** A code and a sentence for the dead letter's headers and the log. Never the record's own content. */
export function failureCode(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = loggable(error);
  return { code, message };
}
