/** Milliseconds since 1970, by the clock of the Redis that gave the id of a stream's entry. */
export function idTime(id: string): number {
  return Number.parseInt(id, 10);
}

/** As numbers: "9-0" comes before "10-0". Both parts are below 2^53 (milliseconds, entries in one of them). */
export function compareIds(a: string, b: string): number {
  const [dashA, dashB] = [a.indexOf("-"), b.indexOf("-")];
  const byTime = Number(a.slice(0, dashA)) - Number(b.slice(0, dashB));
  return byTime !== 0 ? byTime : Number(a.slice(dashA + 1)) - Number(b.slice(dashB + 1));
}

/** Whether the entry with id `a` lies behind the one with id `b`. */
export function isLater(a: string, b: string): boolean {
  return compareIds(a, b) > 0;
}
