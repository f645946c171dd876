/** Version 00 of W3C Trace Context: version, trace id, parent id, flags, in lower-case hexadecimal digits; no id is all zeros. */
const VERSION_00 = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * A valid `traceparent`; undefined for every other text. Clients write it, and it is copied into every record that follows
 * from the request, so a text of another form is dropped, as the specification requires. Several headers arrive joined by a
 * comma and are dropped. A later version is dropped too, because its format is not known here.
 */
export function readTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && VERSION_00.test(header) ? header : undefined;
}
