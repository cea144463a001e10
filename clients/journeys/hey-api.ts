/** The journey by the SDK of hey-api. */

import assert from "node:assert/strict";

import { createClient } from "./client";
import * as sdk from "./sdk.gen";

async function journey(): Promise<void> {
  const user = `hey-api-${process.pid}`;
  const productId = `${user}-tea`;
  const baseUrl = (process.env["JANGTEO_URL"] ?? "http://127.0.0.1:9000") as `http://${string}`;
  const client = createClient({ baseUrl, headers: { "x-user-id": user } });
  const admin = createClient({ baseUrl, headers: { "x-user-id": "admin", "x-user-role": "ADMIN" } });
  await sdk.createUser({ client, body: { userId: user, name: "김민아", email: `${user}@example.com` } });
  await sdk.createProduct({ client: admin, body: { productId, name: "차", price: 1_000, stock: 3 } });

  const { data: products } = await sdk.listProducts({ client, query: { limit: 100 } });
  assert.ok(products?.data.items.some((product) => product.productId === productId));
  const { data: charged } = await sdk.chargeBalance({ client, body: { userId: user, amount: 50_000 } });
  const body = { userId: user, items: [{ productId, quantity: 2 }] };
  const { data: placed } = await sdk.createOrder({ client, headers: { "Idempotency-Key": user }, body });
  assert.ok(placed?.data.status === "PAID");
  const { error } = await sdk.createOrder({ client, body });
  assert.ok(error && "code" in error && error.code === "STOCK_NOT_ENOUGH");
  assert.equal(error.details.available, 1);
  const { data: cancelled } = await sdk.cancelOrder({ client, path: { orderId: placed.data.orderId } });
  assert.equal(cancelled?.data.status, "FULLY_REFUNDED");
  const { data: balance } = await sdk.getBalance({ client, path: { userId: user } });
  assert.equal(balance?.data.balance, charged?.data.balance);
}

void journey();
