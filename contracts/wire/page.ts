import { Type } from "@sinclair/typebox";

/** What every paged list has besides its `items`; null: this was the last page. */
export const Page = { nextCursor: Type.Union([Type.String(), Type.Null()]) };
