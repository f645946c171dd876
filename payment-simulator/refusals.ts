/** Errors that the simulator answers with, as `{code}`: their status and, in seconds, their Retry-After. */
export const REFUSALS = {
  NOT_FOUND: { status: 404 },
  MISMATCH: { status: 422 },
  TOO_MUCH: { status: 422 },
  UNSUPPORTED_CARD: { status: 422 },
  UNAUTHORIZED: { status: 401 },
  CONFLICT: { status: 409 },
  TOO_MANY: { status: 429, retryAfterS: 1 },
  ERROR: { status: 500 },
} as const satisfies Record<string, { readonly status: number; readonly retryAfterS?: number }>;
export type ProviderRefusalCode = keyof typeof REFUSALS;

export function refuse(code: ProviderRefusalCode): Response {
  const { status, retryAfterS }: { readonly status: number; readonly retryAfterS?: number } = REFUSALS[code];
  const headers = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  return Response.json({ code }, { status, headers });
}
