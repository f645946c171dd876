type HeaderRecord = Readonly<Record<string, string>>;

/**
 * The headers of every answer. `nosniff`: a browser must not guess that a problem document is a page. They are added here, so
 * that no route can forget them. Frozen headers are prepared once, so an answer from memory does not pay for them.
 */
const STANDING: HeaderRecord = Object.freeze({ "x-content-type-options": "nosniff" });

/** An answer's headers with those that every answer has. */
export const withStanding = (headers: HeaderRecord | undefined): HeaderRecord =>
  headers === undefined ? STANDING : { ...headers, ...STANDING };
