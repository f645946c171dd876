/** Text that PostgreSQL's jsonb can hold: no zero byte, no half of a surrogate pair. Only for an order it has refused. */
export function storable<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, member) =>
    typeof member === "string" ? member.toWellFormed().replaceAll("\0", "�") : member,
  );
}
