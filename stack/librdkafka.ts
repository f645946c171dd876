import type { StackContext } from "./service.ts";

/** The Debian package with librdkafka, unless one can be opened already; asked by opening it, which is the only sure way. */
export async function missingLibrdkafka(context: StackContext): Promise<string[]> {
  const { openLibrary } = await import("../kafka/bun/library.ts");
  try {
    openLibrary(context.config.LIBRDKAFKA_PATH);
    return [];
  } catch {
    return ["librdkafka1"];
  }
}
