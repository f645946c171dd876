import { readFileSync } from "node:fs";
import { plainLine } from "./logs.ts";

const LONGEST = 300;
/** Bun ends the report of a crash with its own name. */
const SIGNATURE = /^Bun v\d/;
const COMPLAINT = /\b(error|fatal|exception|not valid|cannot|could not)\b/i;

/** What follows "The environment is not valid.": a line for each variable. */
const VARIABLE = /^\s+[A-Z][A-Z0-9_]+(?:=|: | is missing)/;

const cut = (words: string) => (words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words);

/** What a program that stopped said of the reason: its last complaint with the variables that it names, else its last line. */
export function lastWords(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !SIGNATURE.test(line.trim()));
  const said = lines.map((line) => (VARIABLE.test(line) ? "" : plainLine(line.trim())));
  const at = said.findLastIndex((line) => COMPLAINT.test(line));
  if (at < 0) return cut(said.at(-1) || lines.at(-1)?.trim() || "it said nothing");
  const after = lines.slice(at + 1);
  const end = after.findIndex((line) => !VARIABLE.test(line));
  const variables = end < 0 ? after : after.slice(0, end);
  const named = variables.map((line) => cut(line.trim())).join("; ");
  return named === "" ? cut(said[at]!) : `${cut(said[at]!)} ${named}`;
}

/** The same, of a log from a byte on. */
export function lastWordsOf(logFile: string, fromByte = 0): string {
  try {
    return lastWords(readFileSync(logFile).subarray(fromByte).toString("utf8"));
  } catch {
    return "it said nothing";
  }
}
