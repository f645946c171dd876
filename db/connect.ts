import postgres from "postgres";
import { hostAndPort } from "../contracts/wire/address.ts";

const DEFAULT_PORT = 5432;

/** The hosts of a URL that names an IPv6 address, which the driver would cut at its first colon; else nothing. */
export function addressesOf(url: string): { host?: string[]; port?: number[] } {
  const authority = /^[a-z]+:\/\/(?:[^@/?]*@)?([^/?]*)/i.exec(url)?.[1] ?? "";
  if (!authority.includes("[")) return {};
  const nodes = authority.split(",").map((node) => hostAndPort(node, DEFAULT_PORT));
  return { host: nodes.map(({ host }) => host), port: nodes.map(({ port }) => port) };
}

export type OpenOptions = postgres.Options<Record<string, postgres.PostgresType>> & {
  /** Statements that begin each session, e.g. `SET …`: a pooler refuses most settings as start-up parameters (patches/). */
  readonly session?: string;
};

/** A client of the driver: the only place that hands a URL to it. Opens nothing yet. */
export const openPostgres = (url: string, options: OpenOptions) =>
  postgres(url, { ...options, ...addressesOf(url) } as postgres.Options<Record<string, postgres.PostgresType>>);
