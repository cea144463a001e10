// A product as this customer can buy it.

import { get } from "./api.js";
import { config } from "./config.js";

/** A product with the price of the offer that runs, and what its limit and that offer leave to the customer. */
export async function offered(productId) {
  const path = `/products/${encodeURIComponent(productId)}`;
  const product = await get(path);
  if (!product.limit && !product.offers) return product;
  const { discount, left, offer } = await get(`${path}/yours?userId=${encodeURIComponent(config.identity.userId())}`);
  return { ...product, discount, left, offer };
}
