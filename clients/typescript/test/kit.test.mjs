/** Tests of the kit against a stub: retries, refusals, intents. `JANGTEO_KIT` is the folder of the compiled kit. */

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { withBrowsers } from "./chromium.mjs";

const { Shop, IntentConflict, isRefusal, MemoryIntents, nextWait, NoAnswer, RETRIES, retryAfterMs } = await import(`${process.env.JANGTEO_KIT}/index.js`);
const { FileIntents } = await import(`${process.env.JANGTEO_KIT}/file.js`);

const success = (data) => [200, { code: "SUCCESS", message: "", data }];
const failure = (status, code, details, headers) => [status, { code, message: "", requestId: "r", details }, headers];

/** A shop that gives these answers in turn; an answer may be an error. */
function stub(answers, options = {}) {
  const sent = [];
  const send = async (url, init) => {
    sent.push({ url, key: new Headers(init.headers).get("idempotency-key"), body: init.body, at: Date.now() });
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    const [status, body, headers] = answer;
    return new Response(JSON.stringify(body), { status, headers });
  };
  const retries = { backoffMs: 1, ...options.retries };
  return { sent, shop: new Shop({ url: "http://shop.test/", fetch: send, ...options, retries }) };
}

const order = { body: { userId: "kim", items: [{ productId: "hanji", quantity: 1 }] } };

test("a refusal has the details of its code", async () => {
  const details = { productId: "hanji", requested: 2, available: 1 };
  const { shop, sent } = stub([failure(409, "STOCK_NOT_ENOUGH", details)]);
  const error = await shop.post("/orders", order).catch((error) => error);
  assert.ok(isRefusal(error, "STOCK_NOT_ENOUGH") && !isRefusal(error, "PRICE_CHANGED"));
  assert.deepEqual(error.details, details);
  assert.equal(sent.length, 1);
});

test("a busy shop is asked again, not before Retry-After, with the same key", async () => {
  const busy = failure(503, "TRY_AGAIN", undefined, { "retry-after": "1" });
  const { shop, sent } = stub([busy, success({ orderId: "o" })]);
  assert.deepEqual(await shop.post("/orders", order), { orderId: "o" });
  assert.equal(sent.length, 2);
  assert.ok(sent[0].key.length >= 16);
  assert.equal(sent[0].key, sent[1].key);
  assert.ok(sent[1].at - sent[0].at >= 995);
});

test("retries are bounded by attempts and by time", async () => {
  const lost = stub([new TypeError("fetch failed")]);
  await assert.rejects(lost.shop.get("/products"), NoAnswer);
  assert.equal(lost.sent.length, RETRIES.attempts);
  const busy = failure(503, "TRY_AGAIN", undefined, { "retry-after": "60" });
  const patient = stub([busy]);
  await assert.rejects(patient.shop.get("/products"), (error) => isRefusal(error, "TRY_AGAIN"));
  assert.equal(patient.sent.length, 1);
  assert.equal(nextWait(RETRIES, 1, 0, 2_000, () => 0.5), 2_000 + RETRIES.backoffMs / 2);
  assert.equal(nextWait(RETRIES, RETRIES.attempts, 0, undefined), undefined);
  assert.equal(nextWait(RETRIES, 1, RETRIES.deadlineMs, undefined), undefined);
  assert.equal(retryAfterMs("Fri, 27 Nov 2026 05:00:10 GMT", Date.parse("2026-11-27T05:00:00Z")), 10_000);
  assert.equal(retryAfterMs("soon"), undefined);
});

test("a change without a key is not repeated after an unknown outcome", async () => {
  const { shop, sent } = stub([new TypeError("fetch failed")]);
  await assert.rejects(shop.patch("/users/{userId}", { path: { userId: "a/b" }, body: { phone: null } }), NoAnswer);
  assert.deepEqual(sent.map(({ url }) => url), ["http://shop.test/users/a%2Fb"]);
});

test("the key is written down before the first send, and used again", async () => {
  const intents = new MemoryIntents();
  let written;
  const { shop, sent } = stub([new TypeError("fetch failed"), success({ orderId: "o" })], { intents, retries: { attempts: 1 } });
  const create = intents.create.bind(intents);
  intents.create = async (id, text) => { assert.equal(sent.length, written === undefined ? 0 : 1); return (written = await create(id, text)); };
  await assert.rejects(shop.once("checkout-1", "/orders", order), NoAnswer);
  assert.deepEqual(await shop.once("checkout-1", "/orders", order), { orderId: "o" });
  assert.deepEqual(sent.map(({ key }) => key), [JSON.parse(written).key, JSON.parse(written).key]);
  assert.equal((await shop.resume()).size, 0);
});

test("an intent is one request, until it is refused at once or forgotten", async () => {
  const other = { body: { ...order.body, items: [{ productId: "but", quantity: 1 }] } };
  const refused = stub([failure(409, "STOCK_NOT_ENOUGH", {}), success({})], { intents: new MemoryIntents() });
  await assert.rejects(refused.shop.once("c", "/orders", order), (error) => isRefusal(error, "STOCK_NOT_ENOUGH"));
  await refused.shop.once("c", "/orders", other);
  assert.notEqual(refused.sent[0].key, refused.sent[1].key);
  await assert.rejects(refused.shop.once("c", "/orders", order), IntentConflict);

  // A first send without an answer may still arrive, so the refusal of the second proves nothing.
  const lost = stub([new TypeError("fetch failed"), failure(409, "STOCK_NOT_ENOUGH", {}), success({})], { intents: new MemoryIntents() });
  await assert.rejects(lost.shop.once("c", "/orders", order), (error) => isRefusal(error, "STOCK_NOT_ENOUGH"));
  await assert.rejects(lost.shop.once("c", "/orders", other), IntentConflict);
  await lost.shop.forget("c");
  await lost.shop.once("c", "/orders", other);
});

test("intents in files outlive their process, and two writers agree on one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "intents-"));
  const [one, two] = [new FileIntents(folder), new FileIntents(folder)];
  const kept = await Promise.all([one.create("a/b", "1"), two.create("a/b", "2")]);
  assert.equal(kept[0], kept[1]);
  await one.set("a/b", "3");
  assert.deepEqual([await two.get("a/b"), await two.ids()], ["3", ["a/b"]]);
  await two.delete("a/b");
  assert.equal(await one.get("a/b"), undefined);
});

test("intents in a browser are of its origin, two callers agree on one, and nothing is sent without them", (context) =>
  withBrowsers(context, undefined, async (browsers) => {
    const { created, ...seen } = await browsers.open("intents.page.mjs", await browsers.place());
    assert.equal(created[0], created[1]);
    const expected = { again: created[0], seen: ["d", ["order"], []], gone: null, failure: "SecurityError", sent: 0 };
    assert.deepEqual(seen, expected);
  }));
