import { Type } from "@sinclair/typebox";

/** Every paged list has it beside its `items`; null: this was the last page. */
export const Page = { nextCursor: Type.Union([Type.String(), Type.Null()]) };
