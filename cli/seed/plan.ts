import type { SeedBalance } from "../../db/shop/points.ts";
import type { SeedProduct } from "../../db/shop/products.ts";

const KINDS = [
  "Mug",
  "Lamp",
  "Backpack",
  "Keyboard",
  "Blanket",
  "Kettle",
  "Headphones",
  "Notebook",
  "Umbrella",
  "Chair",
];
const LOOKS = [
  "Red",
  "Blue",
  "Green",
  "Oak",
  "Linen",
  "Steel",
  "Quiet",
  "Folding",
  "Small",
  "Large",
  "Plain",
  "Striped",
];
/** Every n-th product is a flash product: few pieces, much wanted. */
const FLASH_EVERY = 10;

/** A number below `below` that looks random and is always the same for the same `n` and purpose (a mixed integer hash). */
function scattered(n: number, purpose: number, below: number): number {
  let x = Math.imul(n ^ (purpose * 0x9e3779b9), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) % below;
}

/** The nth product, n from 1: the same in every run, so that seeding twice is seeding once. */
export function seedProduct(n: number): SeedProduct {
  const flash = n % FLASH_EVERY === 0;
  const name = `${LOOKS[scattered(n, 1, LOOKS.length)]} ${KINDS[scattered(n, 2, KINDS.length)]} ${n}`;
  return {
    id: `product-${n}`,
    name,
    stock: flash ? 100 + 50 * scattered(n, 3, 9) : 1_000 + 100 * scattered(n, 3, 91),
    // 1.99 to 300.99
    price: 199 + 100 * scattered(n, 4, 300),
    flash,
  };
}

/** The nth user's points, n from 1: 1,000 to 20,000. */
export const seedBalance = (n: number): SeedBalance => ({
  userId: `user-${n}`,
  points: 1_000 + 500 * scattered(n, 5, 39),
});

/** 1 … total in portions of `size`. */
export function* portions(total: number, size: number): Generator<number[]> {
  for (let first = 1; first <= total; first += size) {
    yield Array.from({ length: Math.min(size, total - first + 1) }, (_, i) => first + i);
  }
}
