/** A customer is killed fifty times, at every point of an order. Each intent is one order. `JANGTEO_URL` is a local stack. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const { Shop } = await import(`${process.env.JANGTEO_KIT}/index.js`);

const url = process.env.JANGTEO_URL;
const buyer = join(dirname(fileURLToPath(import.meta.url)), "buyer.mjs");
const ADMIN = { "x-user-id": "admin", "x-user-role": "ADMIN" };
const POINTS = ["before-writing", "while-writing", "after-writing", "before-sending", "after-answer", "before-noting", "after-noting", "after-all"];

/** Runs a customer to the end or to its death. */
async function run(user, folder, intent, point, delay) {
  const child = spawn(process.execPath, [buyer, url, user, folder, intent, point, String(delay)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  const signal = await new Promise((resolve) => child.on("close", (_, signal) => resolve(signal)));
  return { wasKilled: signal === "SIGKILL", orderId: output && JSON.parse(output).done };
}

test("a customer killed at any point orders once", async () => {
  const user = `killed-${process.pid}`;
  const folder = await mkdtemp(join(tmpdir(), "killed-"));
  const shop = new Shop({ url, headers: { "x-user-id": user } });
  const admin = new Shop({ url, headers: ADMIN });
  await shop.post("/users", { body: { userId: user, name: "김민수", email: `${user}@example.com` } });
  await shop.post("/balance/charge", { body: { userId: user, amount: 1_000_000 } });
  await admin.post("/products", { body: { productId: `${user}-tea`, name: "차", price: 1_000, stock: 100 } });

  // An intent dies at each point in turn, and in flight after various times; then it is left alone.
  const deaths = POINTS.map((point) => [point, 0]).concat([0, 1, 2, 3, 5, 8, 13, 21].map((delay) => ["in-flight", delay]));
  const intents = Array.from({ length: 10 }, (_, intent) => Array.from({ length: 5 }, (_, death) => deaths[(intent * 5 + death * 3) % deaths.length]));
  let [kills, survivals] = [0, 0];
  const perform = async ([intent, plan]) => {
    for (const [point, delay] of plan) {
      // In flight, an answer may win against the death.
      for (let tries = 0; tries < 5; tries++) {
        const { wasKilled } = await run(user, folder, `checkout-${intent}`, point, Math.max(0, delay - tries * 4));
        wasKilled ? kills++ : survivals++;
        if (wasKilled) break;
      }
    }
    const { orderId } = await run(user, folder, `checkout-${intent}`, "never", 0);
    assert.ok(orderId, `intent ${intent} has an order`);
    return orderId;
  };
  const open = [...intents.entries()];
  const ordered = [];
  await Promise.all([0, 1].map(async () => { while (open.length > 0) ordered.push(await perform(open.shift())); }));

  assert.ok(kills >= 50, `${kills} kills, ${survivals} survivals`);
  const { items } = await shop.get("/orders", { query: { userId: user, limit: 100 } });
  assert.deepEqual(items.map(({ orderId }) => orderId).sort(), ordered.sort(), "each intent is one order");
  const { balance } = await shop.get("/balance/{userId}", { path: { userId: user } });
  const { stock } = await shop.get("/products/{productId}", { path: { productId: `${user}-tea` } });
  const paid = items.reduce((sum, order) => sum + order.paid, 0);
  assert.deepEqual([balance, stock], [1_000_000 - paid, 90]);
});
