import { type KeyGroup, sharedSecret } from "./authenticate.ts";
import type { Realm } from "./claims.ts";
import type { AuthConfig, KeyConfig, RealmConfig } from "./environment.ts";
import { type KeyLog, type KeySource, openFileKeys, openUrlKeys } from "./key-source.ts";
import { rolesOfOperatorToken, rolesOfSharedToken } from "./roles.ts";

export interface OpenKeys {
  readonly groups: readonly KeyGroup[];
  stop(): void;
}

/**
 * Opens the keys of the configuration. A JWKS URL that does not answer does not prevent the start: its keys are fetched again
 * and again. @throws Error if a JWKS file has a mistake
 */
export async function openKeys(config: AuthConfig, log: KeyLog): Promise<OpenKeys> {
  const { customers, operators, maxAgeS } = config;
  const realmOf = ({ issuer, audience }: RealmConfig, rest: Pick<Realm, "isCustomer" | "rolesOf">): Realm => {
    return { issuer, audience, maxAgeS, ...rest };
  };
  const opened: KeySource[] = [];
  const groupOf = async (keys: KeyConfig, realms: readonly Realm[]): Promise<KeyGroup> => {
    const sources: KeySource[] = [];
    if (keys.file.path !== "") sources.push(await openFileKeys(keys.file.variable, keys.file.path, log));
    if (keys.url !== "") sources.push(await openUrlKeys(keys.url, config, log));
    opened.push(...sources);
    return { secret: keys.secret.isSet ? sharedSecret(keys.secret.reveal()) : null, sources, realms };
  };
  const customer = realmOf(customers, {
    isCustomer: true,
    rolesOf: operators === null ? ({ role, operator_role }) => rolesOfSharedToken(role, operator_role) : () => [],
  });
  const groups: KeyGroup[] = [];
  if (operators === null) groups.push(await groupOf(customers.keys, [customer]));
  else {
    const operator = realmOf(operators, {
      isCustomer: false,
      rolesOf: ({ operator_role }) => rolesOfOperatorToken(operator_role),
    });
    if (operators.keys === null) groups.push(await groupOf(customers.keys, [customer, operator]));
    else groups.push(await groupOf(customers.keys, [customer]), await groupOf(operators.keys, [operator]));
  }
  return {
    groups,
    stop() {
      for (const source of opened) source.stop();
    },
  };
}
