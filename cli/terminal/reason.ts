import { InvalidArgumentError } from "commander";

/** An operator's reason for what can't be undone. @throws InvalidArgumentError */
export function reasonOf(text: string): string {
  if (text.trim() !== "" && text.length <= 500) return text;
  throw new InvalidArgumentError("Say why, in 1–500 characters: the audit log keeps it.");
}
