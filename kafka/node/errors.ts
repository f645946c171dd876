import { codeOf } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import type { Addon, Done, NativeError } from "./addon.ts";

/** The addon's error as a KafkaError. */
export function fromNative(error: NativeError, what: string): KafkaError {
  return new KafkaError(codeOf(error.code), `${what}: ${error.message}`, error.code);
}

/** A librdkafka error number as our error. */
export function kafkaError(addon: Addon, native: number, what: string): KafkaError {
  return new KafkaError(codeOf(native), `${what}: ${addon.err2str(native)}`, native);
}

/** One asynchronous call of the addon as a promise. @throws KafkaError (as a rejection) */
export function called<T>(what: string, call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(fromNative(error, what));
      else resolve(result);
    });
  });
}

/** Builds one of the addon's classes. @throws KafkaError INVALID with librdkafka's message about a property */
export function made<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new KafkaError("INVALID", error instanceof Error ? error.message : String(error));
  }
}
