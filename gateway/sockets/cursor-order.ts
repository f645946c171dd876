/** Whether position `a` lies behind `b`. Cursors are `<milliseconds>-<number>.<tag of the Redis that gave it>`. */
export function isAfter(a: string, b: string): boolean {
  const [dotA, dotB] = [a.indexOf("."), b.indexOf(".")];
  // Another Redis: its clock may differ, so what it says now counts as newer than what was known before.
  if (a.slice(dotA) !== b.slice(dotB)) return true;
  const [dashA, dashB] = [a.indexOf("-"), b.indexOf("-")];
  // As numbers: "9-0" comes before "10-0". Both parts are below 2^53 (milliseconds, entries in one of them).
  const byTime = Number(a.slice(0, dashA)) - Number(b.slice(0, dashB));
  return byTime !== 0 ? byTime > 0 : Number(a.slice(dashA + 1, dotA)) > Number(b.slice(dashB + 1, dotB));
}
