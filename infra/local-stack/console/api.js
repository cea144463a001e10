// Calls to the shop's own API, as a chosen identity, and to the stack that serves this page.

import { config } from "./config.js";
import { currentCaller, hasEnded, identityHeaders, signOut } from "./identity.js";
import { language, t } from "./i18n.js";

export { actAs, currentCaller, customers, people } from "./identity.js";

/** An answer that is no success, with the shop's own message. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code;
    this.fields = body?.fieldErrors ?? [];
  }
}

// Not randomUUID: it is missing where the page has another host name.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const ATTEMPTS = 3;

/** Calls the shop. A repetition has the same key, so whatever becomes of an answer, nothing happens twice. */
async function call(method, path, body, as = currentCaller()) {
  // Not left to the API: a refusal without the headers of CORS would be a lost connection to the page.
  if (hasEnded()) endSession();
  const headers = { "accept-language": language, ...identityHeaders(as) };
  if (body !== undefined) headers["content-type"] = "application/json";
  // Coupons are added once, as with a POST.
  if (method === "POST" || body?.addQuantity) headers["idempotency-key"] = newKey();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await json(await fetch(config.api + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }));
    } catch (error) {
      if (error.status === 401 && !config.isLocal) endSession();
      const isBusy = error instanceof Problem ? error.code === "TRY_AGAIN" : method !== "PATCH";
      if (!isBusy || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * 300));
    }
  }
}

/** The token ended, or the API does not take it: whoever looks signs in again. */
function endSession() {
  const wasOpen = currentCaller() !== null;
  signOut();
  if (wasOpen) window.dispatchEvent(new Event("signed-out"));
  throw new Problem(401, { message: t("signIn.ended") });
}

async function json(answer) {
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

export const shop = {
  get: async (path, as) => (await call("GET", path, undefined, as)).data,
  post: async (path, body, as) => (await call("POST", path, body, as)).data,
  put: async (path, body, as) => (await call("PUT", path, body, as)).data,
  patch: async (path, body, as) => (await call("PATCH", path, body, as)).data,
};

/** The local gateway. Its door admits this page alone; a deployed page does not have it. */
async function callStack(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`_dev/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 204 || answer.status === 202) return null;
  return json(answer);
}

export const stack = {
  get: (path) => callStack("GET", path),
  post: (path, body = {}) => callStack("POST", path, body),
  put: (path, body) => callStack("PUT", path, body),
  /** The items of a partition of the table whose sort keys begin so. */
  items: async (pk, sk = "") => (await callStack("GET", `items?${new URLSearchParams({ pk, sk })}`)).items,
};
