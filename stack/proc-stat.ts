import { readFileSync } from "node:fs";

/**
 * What Linux tells of a process in /proc/<pid>/stat (proc(5)), from its state on: [0] is the state, which proc(5) counts as
 * field 3. The program's name before it may itself hold spaces and parentheses, so fields are counted after the last one.
 * @throws the system's error: no such process, or no /proc here
 */
export function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
