import { MAX_LINES } from "../../contracts/orders/parts.ts";
import type { CartLine, SetCartLine } from "../../contracts/shop/http-cart.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Money } from "../../contracts/wire/money.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { CART, CART_LINE, LINE, PRODUCT } from "../names.ts";

/** A user's cart at today's prices, in the order in which the lines came. */
export async function findCart(sql: Executor, userId: string): Promise<CartLine[]> {
  const rows = await sql<(Omit<CartLine, "unitPrice"> & { unitPrice: string })[]>`
    SELECT p.${PRODUCT.id} AS "productId", p.${PRODUCT.name}, i.${CART_LINE.quantity}, p.${PRODUCT.price} AS "unitPrice",
      p.${PRODUCT.currency},
           p.${PRODUCT.stock} >= i.${CART_LINE.quantity} AS "inStock"
    FROM ${CART_LINE.table} i JOIN ${PRODUCT.table} p ON p.${PRODUCT.id} = i.${CART_LINE.productId}
    WHERE i.${CART_LINE.userId} = ${userId}
    ORDER BY i.${CART_LINE.addedAt}, i.${CART_LINE.productId}`;
  return rows.map((row) => ({ ...row, unitPrice: Number(row.unitPrice) as Money }));
}

/**
 * Sets a line of a user's cart. The cart's row is locked first, in a separate statement: the next one then sees, and
 * counts, what another request of the same user committed meanwhile. A line that is there may change in a full cart, too
 * (a cancelled order may have put back more than fits).
 * @throws StampedeError PRODUCT_NOT_FOUND, CART_FULL
 */
export async function setCartLine(sql: Sql, userId: string, { productId, quantity }: SetCartLine): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      INSERT INTO ${CART.table} (${CART.userId}) VALUES (${userId})
        ON CONFLICT (${CART.userId}) DO UPDATE SET ${CART.updatedAt} = now()`;
    const [line] = await tx`
      INSERT INTO ${CART_LINE.table} (${CART_LINE.userId}, ${CART_LINE.productId}, ${CART_LINE.quantity})
      SELECT ${userId}, p.${PRODUCT.id}, ${quantity} FROM ${PRODUCT.table} p
      WHERE p.${PRODUCT.id} = ${productId}
        AND (EXISTS (SELECT FROM ${CART_LINE.table} WHERE ${CART_LINE.userId} = ${userId}
          AND ${CART_LINE.productId} = p.${PRODUCT.id})
             OR (SELECT count(*) FROM ${CART_LINE.table} WHERE ${CART_LINE.userId} = ${userId}) < ${MAX_LINES})
      ON CONFLICT (${CART_LINE.userId}, ${CART_LINE.productId}) DO UPDATE SET ${CART_LINE.quantity} = excluded.${CART_LINE.quantity}
      RETURNING 1`;
    if (line !== undefined) return;
    const [known] = await tx`SELECT 1 FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${productId}`;
    if (known === undefined) throw new StampedeError("PRODUCT_NOT_FOUND");
    throw new StampedeError("CART_FULL", `a cart has at most ${MAX_LINES} lines`);
  });
}

/**
 * Takes one product out of a user's cart, or all (null). What is not there is no error. Every change of a cart locks its row
 * first (lockCarts), or two that change several lines could wait for each other; without a row there are no lines.
 */
export async function deleteCartLines(sql: Sql, userId: string, productId: string | null): Promise<void> {
  await sql.begin(async (tx) => {
    await Promise.all([
      tx`UPDATE ${CART.table} SET ${CART.updatedAt} = now() WHERE ${CART.userId} = ${userId}`.execute(),
      tx`
        DELETE FROM ${CART_LINE.table}
        WHERE ${CART_LINE.userId} = ${userId} AND (${productId}::text IS NULL OR ${CART_LINE.productId} = ${productId})`.execute(),
    ]);
  });
}

/**
 * Locks users' carts before their lines change, in the order of the users. Every change of a line locks the cart first, so two
 * transactions cannot deadlock.
 */
export async function lockCarts(tx: Executor, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await tx`
    INSERT INTO ${CART.table} (${CART.userId})
    SELECT DISTINCT user_id FROM unnest(${textArray(userIds)}::text[]) AS u (user_id) ORDER BY user_id
    ON CONFLICT (${CART.userId}) DO UPDATE SET ${CART.updatedAt} = now()`;
}

/** A line of an order that was made from its user's cart. */
export interface OrderedCartLine {
  readonly orderId: string;
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
}

/**
 * Takes what was ordered out of carts, which the transaction holds (lockCarts), and notes at the order's lines which of them
 * it took. A line whose quantity was changed since is its user's newer wish, and stays.
 */
export async function clearCarts(tx: Executor, lines: readonly OrderedCartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    WITH ordered AS (
      SELECT * FROM unnest(${textArray(lines.map(({ orderId }) => orderId))}::text[],
                           ${textArray(lines.map(({ userId }) => userId))}::text[],
                           ${textArray(lines.map(({ productId }) => productId))}::text[],
                           ${intArray(lines.map(({ quantity }) => quantity))}::int[])
        AS l (order_id, user_id, product_id, quantity)
    ), taken AS (
      DELETE FROM ${CART_LINE.table} c USING ordered l
      WHERE c.${CART_LINE.userId} = l.user_id AND c.${CART_LINE.productId} = l.product_id AND c.${CART_LINE.quantity} = l.quantity
      RETURNING l.order_id, l.product_id
    )
    UPDATE ${LINE.table} i
    SET ${LINE.fromCart} = EXISTS (SELECT FROM taken t WHERE t.order_id = i.${LINE.orderId} AND t.product_id = i.${LINE.productId})
    FROM ordered l WHERE i.${LINE.orderId} = l.order_id AND i.${LINE.productId} = l.product_id`;
}

/**
 * Puts what cancelled orders took out of carts (clearCarts) back into them; the transaction holds the carts
 * (lockCarts). A line that is there is the user's newer wish and stays. A full cart takes them too.
 */
export async function refillCarts(tx: Executor, lines: readonly OrderedCartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    INSERT INTO ${CART_LINE.table} (${CART_LINE.userId}, ${CART_LINE.productId}, ${CART_LINE.quantity})
    SELECT l.user_id, l.product_id, l.quantity
    FROM unnest(${textArray(lines.map(({ orderId }) => orderId))}::text[],
                ${textArray(lines.map(({ userId }) => userId))}::text[],
                ${textArray(lines.map(({ productId }) => productId))}::text[],
                ${intArray(lines.map(({ quantity }) => quantity))}::int[])
      AS l (order_id, user_id, product_id, quantity)
    JOIN ${LINE.table} i ON i.${LINE.orderId} = l.order_id AND i.${LINE.productId} = l.product_id
    WHERE i.${LINE.fromCart} IS DISTINCT FROM false
    ON CONFLICT DO NOTHING`;
}
