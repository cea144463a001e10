/** A customer whose process may be killed: makes each order of a list once, then prints `done`. */

import { writeFileSync } from "node:fs";

const { Shop } = await import(`${process.env.JANGTEO_KIT}/index.js`);
const { FileIntents } = await import(`${process.env.JANGTEO_KIT}/file.js`);

const [url, user, folder, intent, point, delay] = process.argv.slice(2);

/** Dies as a closed browser does: at once, with nothing flushed. */
const die = () => process.kill(process.pid, "SIGKILL");
const at = async (here) => { if (here === point) { if (delay > 0) await new Promise((go) => setTimeout(go, delay)); die(); await new Promise(() => {}); } };

class Intents extends FileIntents {
  async create(id, text) {
    await at("before-writing");
    if (point === "while-writing") writeFileSync(`${folder}/0.draft`, text.slice(0, 20));
    await at("while-writing");
    const kept = await super.create(id, text);
    await at("after-writing");
    return kept;
  }

  async set(id, text) {
    await at("before-noting");
    await super.set(id, text);
    await at("after-noting");
  }
}

async function send(...request) {
  await at("before-sending");
  const answer = fetch(...request);
  if (point === "in-flight") setTimeout(die, Number(delay));
  const response = await answer;
  await at("after-answer");
  return response;
}

const shop = new Shop({ url, headers: { "x-user-id": user }, intents: new Intents(folder), fetch: send });
const items = [{ productId: `${user}-tea`, quantity: 1 }];
const order = await shop.once(intent, "/orders", { body: { userId: user, items } });
await at("after-all");
console.log(JSON.stringify({ done: order.orderId }));
