/** A customer browses, charges, orders, is refused and cancels at the shop of `JANGTEO_URL`. Compiling it checks the types. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { isRefusal, MemoryIntents, Shop, type DetailsOf } from "../src/index.js";

const url = process.env["JANGTEO_URL"] ?? "http://127.0.0.1:9000";

test("a customer's journey", async () => {
  const user = `journey-${process.pid}`;
  const shop = new Shop({ url, headers: { "x-user-id": user }, intents: new MemoryIntents() });
  const admin = new Shop({ url, headers: { "x-user-id": "admin", "x-user-role": "ADMIN" } });
  await shop.post("/users", { body: { userId: user, name: "김민아", email: `${user}@example.com` } });
  const product = await admin.post("/products", { body: { productId: `${user}-tea`, name: "차", price: 1_000, stock: 3 } });

  const { items } = await shop.get("/products", { query: { limit: 100 } });
  assert.ok(items.some(({ productId }) => productId === product.productId));
  const { balance } = await shop.post("/balance/charge", { body: { userId: user, amount: 50_000 } });
  const order = await shop.once("journey", "/orders", {
    body: { userId: user, items: [{ productId: product.productId, quantity: 2 }] },
  });
  assert.equal(order.status, "PAID");

  const refused = await shop
    .post("/orders", { body: { userId: user, items: [{ productId: product.productId, quantity: 2 }] } })
    .catch((error: unknown) => error);
  assert.ok(isRefusal(refused, "STOCK_NOT_ENOUGH"));
  const details: DetailsOf<"STOCK_NOT_ENOUGH"> = refused.details;
  assert.deepEqual(details, { productId: product.productId, requested: 2, available: 1 });
  // @ts-expect-error Another code has other details.
  void refused.details.payable;

  const cancelled = await shop.post("/orders/{orderId}/cancel", { path: { orderId: order.orderId } });
  assert.equal(cancelled.status, "FULLY_REFUNDED");
  const after = await shop.get("/balance/{userId}", { path: { userId: user } });
  assert.equal(after.balance, balance);
  // @ts-expect-error The shop has no such path.
  await assert.rejects(shop.get("/product"), (error) => isRefusal(error, "ENTITY_NOT_FOUND"));
});
