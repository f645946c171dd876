import { existsSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface Journal<Item> {
  /** Returns when the operating system has it: a killed process loses nothing, a power cut may. */
  append(item: Item): void;
}

/** Opens a file of JSON lines and reads what it holds. No file name: nothing is kept. A half-written line is skipped. */
export function openJournal<Item>(file: string): { readonly items: Item[]; readonly journal: Journal<Item> } {
  if (file === "") return { items: [], journal: { append() {} } };
  const items: Item[] = [];
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      items.push(JSON.parse(line) as Item);
    } catch {
      // The process died in the middle of it, so no caller was answered for what it says.
    }
  }
  mkdirSync(dirname(file), { recursive: true });
  const handle = openSync(file, "a");
  if (text !== "" && !text.endsWith("\n")) writeSync(handle, "\n");
  return { items, journal: { append: (item) => void writeSync(handle, `${JSON.stringify(item)}\n`) } };
}
