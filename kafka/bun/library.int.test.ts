import { expect, test } from "bun:test";
import { KafkaError } from "../kafka.ts";
import { openLibrary } from "./library.ts";

test("a librdkafka that cannot be opened is one sentence that says what to install", () => {
  const open = () => openLibrary("/no/such/librdkafka.so.1");
  expect(open).toThrow(KafkaError);
  expect(open).toThrow(/apt-get install librdkafka1.*LIBRDKAFKA_PATH.*\/no\/such\/librdkafka\.so\.1/s);
});

test("the librdkafka that is found is version 2 or newer", () => {
  expect(openLibrary(process.env.LIBRDKAFKA_PATH).version).toMatch(/^([2-9]|\d\d)\./);
});
