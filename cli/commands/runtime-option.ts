import { Option } from "commander";
import { RUNTIMES } from "../../stack/runtime.ts";

/** `--runtime`, the same for every command that may start the gateway. */
export const runtimeOption = (): Option =>
  new Option("--runtime <name>", "what runs gateway and consumers; default as before, at first bun").choices(RUNTIMES);
