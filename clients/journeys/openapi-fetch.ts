/** The journey by openapi-fetch, with the types of openapi-typescript. */

import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { paths } from "./schema";

async function journey(): Promise<void> {
  const user = `openapi-fetch-${process.pid}`;
  const productId = `${user}-tea`;
  const baseUrl = process.env["JANGTEO_URL"] ?? "http://127.0.0.1:9000";
  const shop = createClient<paths>({ baseUrl, headers: { "x-user-id": user } });
  const admin = createClient<paths>({ baseUrl, headers: { "x-user-id": "admin", "x-user-role": "ADMIN" } });
  await shop.POST("/users", { body: { userId: user, name: "김민아", email: `${user}@example.com` } });
  await admin.POST("/products", { body: { productId, name: "차", price: 1_000, stock: 3 } });

  const { data: products } = await shop.GET("/products", { params: { query: { limit: 100 } } });
  assert.ok(products?.data.items.some((product) => product.productId === productId));
  const { data: charged } = await shop.POST("/balance/charge", { body: { userId: user, amount: 50_000 } });
  const body = { userId: user, items: [{ productId, quantity: 2 }] };
  const { data: placed } = await shop.POST("/orders", { params: { header: { "Idempotency-Key": user } }, body });
  assert.ok(placed?.data.status === "PAID");
  const { error } = await shop.POST("/orders", { body });
  assert.ok(error && "code" in error && error.code === "STOCK_NOT_ENOUGH");
  assert.equal(error.details.available, 1);
  const { data: cancelled } = await shop.POST("/orders/{orderId}/cancel", { params: { path: { orderId: placed.data.orderId } } });
  assert.equal(cancelled?.data.status, "FULLY_REFUNDED");
  const { data: balance } = await shop.GET("/balance/{userId}", { params: { path: { userId: user } } });
  assert.equal(balance?.data.balance, charged?.data.balance);
}

void journey();
