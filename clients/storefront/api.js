// Calls to the shop. A POST has one key, stored before it is sent, until its answer is known.

import { config } from "./config.js";
import { language } from "./i18n.js";
import * as storage from "./storage.js";

const ATTEMPTS = 4;
const LONGEST_WAIT = 5;
const TIME_LIMIT = 20_000;
const MOST_PAGES = 10;

/** A refusal, with the shop's own message. */
export class Problem extends Error {
  constructor(answer, body) {
    super(body?.message ?? `HTTP ${answer.status}`);
    this.status = answer.status;
    this.code = body?.code;
    this.fields = body?.fieldErrors ?? [];
    this.details = body?.details ?? {};
    this.retryAfter = Number(answer.headers.get("retry-after")) || null;
  }

  /** Whether the shop asks for the same request later. A drop asks for another one, with a ticket. */
  get isBusy() {
    return ([429, 503].includes(this.status) && !this.details.dropId) || this.code === "REQUEST_IN_PROGRESS";
  }

  /** Whether the request certainly had no effect. */
  get isFinal() {
    return this.status < 500 && this.code !== "REQUEST_IN_PROGRESS";
  }
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function sendOnce(method, path, body, key, more = {}) {
  const headers = { "accept-language": language, ...more, ...(await config.identity.headers()) };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(config.api + path, { method, headers, body: content, signal: AbortSignal.timeout(TIME_LIMIT) });
  // A success is certain from its status on; a body that is cut off is another try, with the same key.
  const parsed = answer.status === 204 ? null : await answer.json().catch((error) => { if (answer.ok) throw error; return null; });
  if (!answer.ok) throw new Problem(answer, parsed);
  return parsed?.data;
}

/** Repeats a request that may be repeated, not before the instant that `Retry-After` names. */
async function send(method, path, body, key, more) {
  const isRepeatable = method === "GET" || key;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendOnce(method, path, body, key, more);
    } catch (error) {
      const isPassing = error instanceof Problem ? error.isBusy || error.status >= 500 : true;
      const wait = error.retryAfter ?? 0.3 * 2 ** attempt;
      if (!isRepeatable || !isPassing || attempt === ATTEMPTS || wait > LONGEST_WAIT) throw error;
      // The spread keeps a crowd that was refused at once from coming back at once.
      await sleep(wait + Math.random() * 0.3);
    }
  }
}

export const get = (path) => send("GET", path);
export const patch = (path, body) => send("PATCH", path, body);
export const remove = (path) => send("DELETE", path);
/** A POST without effect, such as a preview. */
export const ask = (path, body) => sendOnce("POST", path, body);

/** All entries of a list, up to a bound. */
export async function everyPage(path) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const part = await get(cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...part.items);
    cursor = part.nextCursor;
    if (!cursor) break;
  }
  return items;
}

/** A list that is read part by part. */
export function parts(path) {
  const list = { items: [], cursor: null, isRead: false };
  list.more = async () => {
    const part = await get(list.cursor ? `${path}&cursor=${encodeURIComponent(list.cursor)}` : path);
    list.items.push(...part.items);
    list.cursor = part.nextCursor;
    list.isRead = true;
  };
  return list;
}

/** The shop knows a key for a day at least. */
const KEPT = 23 * 3600 * 1000;
const lives = ({ at }) => Date.now() - at < KEPT;
const running = new Map();
let kept = [];

// Not randomUUID: a page that is not served over HTTPS lacks it.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Posts once. The same request again, by a double click or after a reload, joins the first or repeats its key. */
export function post(path, body = {}, headers = {}) {
  const userId = config.identity.userId();
  const name = `${userId} ${path} ${JSON.stringify(body)}`;
  const request = { name, userId, path, body, headers, key: newKey(), at: Date.now() };
  if (!running.has(name)) running.set(name, settle(request).finally(() => running.delete(name)));
  return running.get(name);
}

async function settle(request) {
  const { key } = await storage.keep(request, lives);
  let isKnown = true;
  try {
    return await send("POST", request.path, request.body, key, request.headers);
  } catch (error) {
    isKnown = error instanceof Problem && error.isFinal;
    throw error;
  } finally {
    if (isKnown) await storage.forget(request.name);
    await readUnanswered();
  }
}

/** Reads what earlier pages and other tabs left without an answer. */
export async function readUnanswered() {
  const all = await storage.all();
  kept = all.filter(lives);
  for (const { name } of all.filter((request) => !lives(request))) await storage.forget(name);
}

/** The caller's requests that wait for an answer which nothing on this page will bring. */
export const unanswered = () => kept.filter(({ name, userId }) => userId === config.identity.userId() && !running.has(name));
