import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "./date-time.ts";
import { UserIdSchema } from "./ids.ts";
import { Page } from "./page.ts";
import { Why } from "./text.ts";

/** The `jti` of a token. */
const TokenId = Type.String({ pattern: "^[!-~]{1,256}$", description: "The `jti` of a token" });

/** A user or a token, one of the two. */
export const BlockSubject = {
  userId: Type.Optional(UserIdSchema),
  tokenId: Type.Optional(TokenId),
};

/** Body of POST /admin/blocks. */
export const CreateBlock = Type.Object(
  {
    ...BlockSubject,
    until: Type.Optional(Timestamp),
    why: Why,
  },
  { $id: "CreateBlock", additionalProperties: false },
);
export type CreateBlock = Static<typeof CreateBlock>;

export const Block = Type.Object(
  {
    userId: Type.Union([UserIdSchema, Type.Null()]),
    tokenId: Type.Union([TokenId, Type.Null()]),
    until: Type.Union([Timestamp, Type.Null()], { description: "null: until it is unblocked" }),
    why: Type.String(),
    blockedBy: Type.String(),
    blockedAt: Timestamp,
  },
  { $id: "Block" },
);
export type Block = Static<typeof Block>;

export const BlockList = Type.Object({ items: Type.Array(Block), ...Page }, { $id: "BlockList" });
export type BlockList = Static<typeof BlockList>;

export const Unblocked = Type.Object(
  { unblocked: Type.Boolean({ description: "false: it was not blocked" }) },
  { $id: "Unblocked" },
);
export type Unblocked = Static<typeof Unblocked>;
