/** The page of a customer whose browser may be killed: makes an order once, then reports it. */

import { BrowserIntents, Shop } from "/kit/index.js";
import { Mortal } from "/test/mortal.mjs";
import { parameters, report } from "/test/report.mjs";

const { user, intent, point, delay } = parameters;
const mortal = new Mortal(point, Number(delay), () => report({ wasKilled: true }));
const intents = mortal.intents(new BrowserIntents(), (id, text) => new BrowserIntents().create(id, text));

const shop = new Shop({ url: location.origin, headers: { "x-user-id": user }, intents, fetch: mortal.fetch });
const items = [{ productId: `${user}-tea`, quantity: 1 }];
const order = await shop.once(intent, "/orders", { body: { userId: user, items } });
await mortal.at("after-all");
await report({ wasKilled: false, orderId: order.orderId });
