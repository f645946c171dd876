import type { CliConfig } from "./config.ts";
import type { Layout, Ports } from "./layout.ts";
import type { ProcessCommand } from "./processes.ts";
import type { Progress } from "./progress.ts";
import type { RuntimeName } from "./runtime.ts";
import type { Passwords } from "./secrets.ts";
import type { ServiceName } from "./service-names.ts";
import type { Shape } from "./shape.ts";

/** Addresses and secrets, under the names that every process of Stampede reads. */
export type StackEnv = Readonly<Record<string, string>> & {
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
  readonly KAFKA_BROKERS: string;
  readonly JWT_SECRET: string;
  readonly RECEIPT_KEYS_FILE: string;
  readonly GATEWAY_PORT: string;
  readonly ADMIN_PORT: string;
  readonly MACHINE_PORT: string;
  readonly PAYMENT_PROVIDER_URL: string;
  readonly PAYMENT_WEBHOOK_SECRET: string;
};

export interface StackContext {
  readonly layout: Layout;
  readonly ports: Ports;
  readonly config: CliConfig;
  readonly env: StackEnv;
  /** Of the stack's own Redis and PostgreSQL. */
  readonly passwords: Passwords;
  /** Whether the database is the stack's, which then makes the roles of gateway and consumers. */
  readonly isOwnDatabase: boolean;
  readonly progress: Progress;
  readonly shape: Shape;
  /** Whether PostgreSQL may leave flushing to the operating system: its data then survives a kill of it, but no power cut. */
  readonly mayLoseData: boolean;
}

/** How one service runs as a native process. What is common to all (process ids, logs, waiting) is in stack.ts. */
export interface NativeService {
  readonly name: ServiceName;
  /** Debian packages without which it can't run here; empty if all is there. @throws CliError if what is there is too old */
  missingPackages(context: StackContext): Promise<string[]>;
  /**
   * How many processes it is where each is another one (brokers, nodes); they are numbered from 0. Absent: as many workers
   * as asked for, which are alike and share their port.
   */
  members?(context: StackContext): number;
  /** What happens before `members` start (initdb, format, fetching jars). Does little the second time. */
  prepare?(context: StackContext, members: readonly number[]): Promise<void>;
  command(context: StackContext, runtime: RuntimeName, member: number): ProcessCommand;
  /** Ports that a member listens on, each with the variable that moves it. */
  ports(context: StackContext, member: number): readonly { readonly port: number; readonly variable: string }[];
  /** Whether its members found each other; asked until they did. Never throws. */
  joined?(context: StackContext): Promise<boolean>;
  readonly stopSignal: NodeJS.Signals;
  /** Seconds it may take until it answers; measured on 2 cores, times ten. */
  readonly startTimeoutS: number;
  /** Seconds it may take to stop before it is killed. */
  readonly stopTimeoutS: number;
}
