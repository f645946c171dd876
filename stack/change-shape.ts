import { ADDRESS_VARIABLE } from "./env.ts";
import { CliError } from "./errors.ts";
import { ownAddresses } from "./members.ts";
import { readRecord } from "./processes.ts";
import type { StackContext } from "./service.ts";
import { SERVICES, type ServiceName } from "./service-names.ts";
import { dependsOnShape, forgetShape, hasShape, rememberedShape, rememberShape } from "./shape.ts";

/** A cluster is our own processes. @throws CliError where the environment names another Redis or Kafka */
export function refuseOtherAddresses({ ports, shape, env, passwords }: StackContext): void {
  if (shape === "single") return;
  const own = ownAddresses(ports, shape, passwords);
  for (const name of SERVICES.filter(hasShape)) {
    const variable = ADDRESS_VARIABLE[name];
    if (env[variable] === own[variable]) continue;
    throw new CliError(`--cluster starts a separate ${name}, and ${variable} names another: unset ${variable}`);
  }
}

/**
 * Stops what runs in the other shape (it uses the same ports) and remembers this one. Data stays, for when the other is
 * wanted again.
 * @throws CliError if this call asked for no change, so another one must have made it
 */
export async function takeShape(
  { layout, shape }: StackContext,
  isWanted: boolean,
  stop: (name: ServiceName) => Promise<boolean>,
): Promise<void> {
  if (rememberedShape(layout) === shape) return;
  if (!isWanted) throw new CliError("another ./dev changed the stack meanwhile: try again");
  for (const name of SERVICES.filter(dependsOnShape).toReversed()) await stop(name);
  rememberShape(layout, shape);
}

/** Once nothing is left of a shape, the next `up` begins as a first one does. */
export function forgetIdleShape({ layout }: StackContext): void {
  if (!SERVICES.some((name) => dependsOnShape(name) && readRecord(layout, name) !== null)) forgetShape(layout);
}
