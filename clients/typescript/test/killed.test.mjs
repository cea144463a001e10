/** A customer is killed at every point of an order, fifty times at night. Each intent is one order. `JANGTEO_URL` is a local stack. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { withBrowsers } from "./chromium.mjs";
import { POINTS } from "./mortal.mjs";

const { Shop } = await import(`${process.env.JANGTEO_KIT}/index.js`);

const url = process.env.JANGTEO_URL;
const ADMIN = { "x-user-id": "admin", "x-user-role": "ADMIN" };

/** The intents, the deaths of each, and the step from one death to its next. Two intents die at all deaths, by turns. */
const [INTENTS, DEATHS, STEP] = process.env.JANGTEO_TESTS === "night" ? [10, 5, 3] : [2, 8, 2];

/** Customers that are processes of their own. */
const processes = {
  place: () => mkdtemp(join(tmpdir(), "killed-")),
  async run(...parameters) {
    const buyer = join(import.meta.dirname, "buyer.mjs");
    const child = spawn(process.execPath, [buyer, url, ...parameters.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    const signal = await new Promise((resolve) => child.on("close", (_, signal) => resolve(signal)));
    return { wasKilled: signal === "SIGKILL", orderId: output && JSON.parse(output).done };
  },
};

/** The deaths of an intent, in the order of their points: at each point in turn, and in flight after various times. */
function deathsOf(intent) {
  const deaths = POINTS.map((point) => [point, 0]).concat([1, 2, 3, 5, 8, 13, 21].map((delay) => ["in-flight", delay]));
  const own = Array.from({ length: DEATHS }, (_, number) => deaths[(intent + number * STEP) % deaths.length]);
  return own.sort(([one], [other]) => POINTS.indexOf(one) - POINTS.indexOf(other));
}

async function everyIntentIsOneOrder(user, customers) {
  const shop = new Shop({ url, headers: { "x-user-id": user } });
  const admin = new Shop({ url, headers: ADMIN });
  await shop.post("/users", { body: { userId: user, name: "김민수", email: `${user}@example.com` } });
  await shop.post("/balance/charge", { body: { userId: user, amount: 1_000_000 } });
  await admin.post("/products", { body: { productId: `${user}-tea`, name: "차", price: 1_000, stock: 100 } });

  const perform = async (place, intent) => {
    for (const [point, delay] of deathsOf(intent)) {
      const { wasKilled } = await customers.run(user, place, `checkout-${intent}`, point, delay);
      assert.ok(wasKilled, `${point} is a point of intent ${intent}`);
    }
    const { orderId } = await customers.run(user, place, `checkout-${intent}`, "never", 0);
    assert.ok(orderId, `intent ${intent} has an order`);
    return orderId;
  };
  const open = [...Array(INTENTS).keys()];
  const ordered = [];
  await Promise.all([0, 1].map(async () => {
    const place = await customers.place();
    while (open.length > 0) ordered.push(await perform(place, open.shift()));
  }));

  const { items } = await shop.get("/orders", { query: { userId: user, limit: 100 } });
  assert.deepEqual(items.map(({ orderId }) => orderId).sort(), ordered.sort(), "each intent is one order");
  const { balance } = await shop.get("/balance/{userId}", { path: { userId: user } });
  const { stock } = await shop.get("/products/{productId}", { path: { productId: `${user}-tea` } });
  const paid = items.reduce((sum, order) => sum + order.paid, 0);
  assert.deepEqual([balance, stock], [1_000_000 - paid, 100 - INTENTS]);
}

test("a customer whose process is killed at any point orders once", () => everyIntentIsOneOrder(`killed-${process.pid}`, processes));

test("a customer whose browser is killed at any point orders once", (context) =>
  withBrowsers(context, url, async (browsers) => {
    const run = (user, place, intent, point, delay) => browsers.open("buyer.page.mjs", place, { user, intent, point, delay });
    await everyIntentIsOneOrder(`browser-${process.pid}`, { place: () => browsers.place(), run });
  }));
