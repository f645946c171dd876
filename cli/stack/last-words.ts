import { readFileSync } from "node:fs";
import { plainLine } from "./logs.ts";

const LONGEST = 300;
/** Bun ends the report of a crash with its own name. */
const SIGNATURE = /^Bun v\d/;
const COMPLAINT = /\b(error|fatal|exception|not valid|cannot|could not)\b/i;

/** What a program that stopped said of the reason: its last complaint, else its last line. */
export function lastWords(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "" && !SIGNATURE.test(line)).map(plainLine);
  const words = said.findLast((line) => COMPLAINT.test(line)) ?? said.at(-1) ?? "it said nothing";
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}

/** The same, of a log from a byte on. */
export function lastWordsOf(logFile: string, fromByte = 0): string {
  try {
    return lastWords(readFileSync(logFile).subarray(fromByte).toString("utf8"));
  } catch {
    return "it said nothing";
  }
}
