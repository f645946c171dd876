type HeaderRecord = Readonly<Record<string, string>>;

/**
 * What every answer of a transport carries. `nosniff`: a browser shall not guess that a problem document is a page. Added here,
 * where no route can forget it; frozen headers are prepared once, so an answer from memory does not pay for it.
 */
const STANDING: HeaderRecord = Object.freeze({ "x-content-type-options": "nosniff" });

/** An answer's headers with those that every answer has. */
export const withStanding = (headers: HeaderRecord | undefined): HeaderRecord =>
  headers === undefined ? STANDING : { ...headers, ...STANDING };
