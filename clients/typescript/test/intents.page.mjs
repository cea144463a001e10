/** A page that uses its storage of intents, and reports what it saw. */

import { BrowserIntents, Shop } from "/kit/index.js";
import { report } from "/test/report.mjs";

const [one, other] = [new BrowserIntents(), new BrowserIntents()];
const created = await Promise.all([one.create("order", "a"), other.create("order", "b")]);
const again = await other.create("order", "c");
await one.set("order", "d");
const seen = [await other.get("order"), await other.ids(), await new BrowserIntents("another").ids()];
await other.delete("order");
const gone = (await one.get("order")) ?? null;

// As in a window that may keep nothing.
IDBFactory.prototype.open = () => { throw new DOMException("refused", "SecurityError"); };
let sent = 0;
const shop = new Shop({ url: location.origin, intents: new BrowserIntents(), fetch: async () => { sent++; } });
const failure = await shop.once("order", "/orders", { body: { userId: "kim", items: [] } }).catch((error) => error.name);
await report({ created, again, seen, gone, failure, sent });
