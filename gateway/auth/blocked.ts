import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Blocked } from "./authenticate.ts";

/** A block as PostgreSQL has it. */
export interface StoredBlock {
  readonly kind: "USER" | "TOKEN";
  readonly subject: string;
  readonly until: Date | null;
}

export interface BlockSources {
  /** Grows with every change. */
  version(): Promise<number>;
  /** All blocks that have not ended. */
  all(): Promise<readonly StoredBlock[]>;
  /** Calls back when a message says that blocks changed; messages may be missed. */
  subscribe(hear: () => void): void;
}

/** Blocks in this gateway's memory. */
export interface FollowedBlocks extends Blocked {
  /** Reads the blocks if they changed. @throws the error of reading */
  look(): Promise<void>;
  /** Calls back after every change, with the new blocks in force. */
  onChange(hear: () => void): void;
  size(): number;
  stop(): void;
}

/** How often the version is read, because a message may be missed. */
const LOOK_MS = 500;

/**
 * Follows the operators' blocks: at once on a message, and by reading their version twice a second. While PostgreSQL does not
 * answer, the blocks that are known hold.
 */
export function followBlocks(sources: BlockSources, onError: (error: unknown) => void): FollowedBlocks {
  // Until when, milliseconds since 1970.
  let users: ReadonlyMap<string, number> = new Map();
  let tokens: ReadonlyMap<string, number> = new Map();
  let known = 0;
  let changed = () => {};

  const isIn = (map: ReadonlyMap<string, number>, subject: string): boolean => {
    const until = map.get(subject);
    return until !== undefined && until > Date.now();
  };

  const look = sharedLook(async () => {
    // Before the blocks: a change in between is read again at the next look.
    const version = await sources.version();
    if (version === known) return;
    const blocks = await sources.all();
    const of = (kind: StoredBlock["kind"]) =>
      new Map(
        blocks
          .filter((block) => block.kind === kind)
          .map(({ subject, until }) => [subject, until?.getTime() ?? Number.POSITIVE_INFINITY]),
      );
    users = of("USER");
    tokens = of("TOKEN");
    known = version;
    changed();
  });
  sources.subscribe(() => void look().catch(onError));
  let isLooking = false;
  const timer = setInterval(async () => {
    if (isLooking) return; // so that a slow look that fails is logged once, not once each half second
    isLooking = true;
    await look().catch(onError);
    isLooking = false;
  }, LOOK_MS);
  return {
    hasUser: (userId: UserId) => users.size > 0 && isIn(users, userId),
    hasToken: (tokenId) => tokens.size > 0 && isIn(tokens, tokenId),
    look,
    onChange(hear) {
      changed = hear;
    },
    size: () => users.size + tokens.size,
    stop: () => clearInterval(timer),
  };
}
