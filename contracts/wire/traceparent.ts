/** Version 00 of W3C Trace Context: version, trace id, parent id, flags, in lower-case hexadecimal digits; no id is all zeros. */
const VERSION_00 = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * A `traceparent` that may travel on; undefined for any other text. Clients write it, and it is copied into every record
 * that follows from the request: so it is one of 55 known characters each, or dropped, as the specification asks for.
 * (Several headers come joined by a comma, and are none. A later version is dropped too: nobody writes one yet, and to pass
 * it on one would have to know it.)
 */
export function readTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && VERSION_00.test(header) ? header : undefined;
}
