/** A customer whose process may be killed: makes an order once, then prints it. */

import { writeFileSync } from "node:fs";
import { Mortal } from "./mortal.mjs";

const { Shop } = await import(`${process.env.JANGTEO_KIT}/index.js`);
const { FileIntents } = await import(`${process.env.JANGTEO_KIT}/file.js`);

const [url, user, folder, intent, point, delay] = process.argv.slice(2);
const mortal = new Mortal(point, Number(delay), () => process.kill(process.pid, "SIGKILL"));
const intents = mortal.intents(new FileIntents(folder), (_, text) => writeFileSync(`${folder}/0.draft`, text.slice(0, 20)));

const shop = new Shop({ url, headers: { "x-user-id": user }, intents, fetch: mortal.fetch });
const items = [{ productId: `${user}-tea`, quantity: 1 }];
const order = await shop.once(intent, "/orders", { body: { userId: user, items } });
await mortal.at("after-all");
console.log(JSON.stringify({ done: order.orderId }));
