/** The sentence about a service that does not answer, with its address but without the password in it. */
export function awaySentence(service: string, address: string, why: string): string {
  const shown = address.replace(/\/\/[^@/]*@/, "//");
  return `${service} does not answer at ${shown || "(no address given)"}: ${why}. Start it with ./dev up`;
}

/** A host for a socket: an IPv6 address without the brackets that URLs need. */
export const bareHost = (host: string): string => /^\[(.*)\]$/.exec(host)?.[1] ?? host;

/** A host for a URL: an IPv6 address in brackets. */
export const urlHost = (host: string): string => (bareHost(host).includes(":") ? `[${bareHost(host)}]` : host);

/** Splits `host`, `host:port`, `[address]` or `[address]:port`. */
export function hostAndPort(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return { host: bareHost(host ?? text), port: port === undefined ? defaultPort : Number(port) };
}

const BROKER = /^(?:[A-Za-z_]+:\/\/)?(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\s:,;/[\]]+)(?::(\d{1,5}))?$/;
const isPort = (text: string | undefined) => text === undefined || (Number(text) >= 1 && Number(text) <= 65_535);
const isNode = (text: string) => {
  const parts = BROKER.exec(text.trim());
  return parts !== null && isPort(parts[1]);
};
const areNodes = (list: string) => list.split(",").every(isNode);

/** A `#` would begin a fragment; most often it stands in a password that is not percent-encoded. */
const isUrl = (text: string) => !text.includes("#") && !/\s/.test(text) && URL.canParse(text);

/** Several nodes in one text. A URL has one host, so each node is parsed separately. */
const isUrlOfNodes = (text: string) => {
  const [, before, nodes, after] = /^([a-z+]+:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (before === undefined) return false;
  return (nodes === "" || areNodes(nodes!)) && isUrl(`${before}${nodes!.split(",")[0]}${after}`);
};

function isRedis(text: string): boolean {
  if (text.startsWith("/")) return true;
  if (/^rediss?\+cluster:\/\/./i.test(text)) return !/:\/\/([^@]*@)?\/?$/.test(text) && isUrlOfNodes(text);
  if (/^rediss?:\/\//i.test(text)) return isUrl(text);
  return isNode(text) && !text.includes("://"); // ioredis takes a bare host:port as well
}

/** The forms of addresses in variables: how each is recognized, and how the error message describes it. */
export const ADDRESSES = {
  "redis-address": {
    is: isRedis,
    form: "redis://host:port, rediss://…, redis+cluster://host:port,host:port, or a socket's path; in a password # is %23, @ is %40, / is %2F",
  },
  "postgres-address": {
    is: (text: string) => /^postgres(?:ql)?:\/\//i.test(text) && isUrlOfNodes(text),
    form: "postgres://user:password@host:port/database; in a password # is %23, @ is %40, / is %2F",
  },
  "kafka-brokers": { is: areNodes, form: "host:port,host:port" },
  "http-address": {
    is: (text: string) => text === "" || (/^https?:\/\//i.test(text) && isUrl(text)),
    form: "http://host:port or https://host",
  },
} as const;
export type AddressForm = keyof typeof ADDRESSES;
