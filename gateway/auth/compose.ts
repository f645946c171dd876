import { activeBlocks, blocksVersion } from "../../db/blocks/change.ts";
import { BLOCKS_CHANNEL } from "../../lua/keys.ts";
import type { GatewayConfig } from "../config.ts";
import type { GatewayConnections } from "../connections.ts";
import { createAuthenticate } from "./authenticate.ts";
import { type FollowedBlocks, followBlocks } from "./blocked.ts";
import type { Authenticate } from "./identity.ts";
import { openKeys } from "./open-keys.ts";

/** Who calls, and who may not. */
export interface AuthDomain {
  readonly authenticate: Authenticate;
  readonly blocks: FollowedBlocks;
  /** Stops following keys and blocks. */
  stop(): void;
}

/** Opens the keys of tokens and follows the operators' blocks. @throws Error if a file of keys has a mistake */
export async function composeAuth(connections: GatewayConnections, config: GatewayConfig): Promise<AuthDomain> {
  const { sql, subscriber, guarded, log, onError } = connections;
  const keys = await openKeys(config.auth, log);
  const blocks = followBlocks(
    {
      version: () => guarded(() => blocksVersion(sql)),
      all: () => guarded(() => activeBlocks(sql)),
      subscribe(hear) {
        subscriber.on("message", (channel: string) => {
          if (channel === BLOCKS_CHANNEL) hear();
        });
        subscriber.subscribe(BLOCKS_CHANNEL).catch(onError);
      },
    },
    onError,
  );
  return {
    authenticate: createAuthenticate(keys.groups, blocks),
    blocks,
    stop() {
      keys.stop();
      blocks.stop();
    },
  };
}
