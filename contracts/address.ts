/** A host as sockets take it: an IPv6 address without the brackets that URLs need. */
export const bareHost = (host: string): string => /^\[(.*)\]$/.exec(host)?.[1] ?? host;

/** A host as URLs take it: an IPv6 address in brackets. */
export const urlHost = (host: string): string => (bareHost(host).includes(":") ? `[${bareHost(host)}]` : host);

/** `host`, `host:port`, `[address]` or `[address]:port` apart. */
export function hostAndPort(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return { host: bareHost(host ?? text), port: port === undefined ? defaultPort : Number(port) };
}
