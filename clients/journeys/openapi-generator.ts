/** The journey by the client that openapi-generator makes (`typescript-fetch`). */

import assert from "node:assert/strict";

import { BalanceApi, Configuration, OrdersApi, ProductsApi, ResponseError, StockNotEnoughFailureFromJSON, UsersApi } from "./index";

async function journey(): Promise<void> {
  const user = `openapi-generator-${process.pid}`;
  const productId = `${user}-tea`;
  const basePath = process.env["JANGTEO_URL"] ?? "http://127.0.0.1:9000";
  const shop = new Configuration({ basePath, headers: { "x-user-id": user } });
  const admin = new Configuration({ basePath, headers: { "x-user-id": "admin", "x-user-role": "ADMIN" } });
  await new UsersApi(shop).createUser({ newUser: { userId: user, name: "김민아", email: `${user}@example.com` } });
  await new ProductsApi(admin).createProduct({ newProduct: { productId, name: "차", price: 1_000, stock: 3 } });

  const products = await new ProductsApi(shop).listProducts({ limit: 100 });
  assert.ok(products.data.items.some((product) => product.productId === productId));
  const charged = await new BalanceApi(shop).chargeBalance({ charge: { userId: user, amount: 50_000 } });
  const orders = new OrdersApi(shop);
  const newOrder = { userId: user, items: [{ productId, quantity: 2 }] };
  const placed = await orders.createOrder({ newOrder, idempotencyKey: user });
  assert.equal(placed.data.status, "PAID");
  const refused: unknown = await orders.createOrder({ newOrder }).catch((error: unknown) => error);
  assert.ok(refused instanceof ResponseError && refused.response.status === 409);
  assert.equal(StockNotEnoughFailureFromJSON(await refused.response.json()).details.available, 1);
  const cancelled = await orders.cancelOrder({ orderId: placed.data.orderId });
  assert.equal(cancelled.data.status, "FULLY_REFUNDED");
  const balance = await new BalanceApi(shop).getBalance({ userId: user });
  assert.equal(balance.data.balance, charged.data.balance);
}

void journey();
