// The frame of the page: navigation, caller, language, and the view of the address.

import { render } from "./vendor/lit-html.js";
import { post, Problem, readUnanswered, unanswered } from "./api.js";
import { config } from "./config.js";
import { language, languages, setLanguage, t, won } from "./i18n.js";
import { button, html, nothing } from "./ui.js";
import balance from "./views/balance.js";
import cart from "./views/cart.js";
import checkout from "./views/checkout.js";
import claim from "./views/claim.js";
import coupons from "./views/coupons.js";
import drops from "./views/drops.js";
import orders from "./views/orders.js";
import pay from "./views/pay.js";
import products from "./views/products.js";

const views = { products, drops, coupons, cart, orders, balance, checkout, claim, pay };
const linked = ["products", "drops", "coupons", "cart", "orders", "balance"];

/** A view on the page: its markup, its timers, and the last refusal of an action. */
class Page {
  busy = false;
  problem = null;
  title = null;
  #failure = null;
  #isOpen = true;
  #timers = new Set();

  constructor(name, parameters) {
    this.name = name;
    this.template = views[name](this, ...parameters);
  }

  update() {
    if (this.#isOpen) show();
  }

  get isOpen() {
    return this.#isOpen;
  }

  close() {
    this.#isOpen = false;
    this.#timers.forEach(clearTimeout);
  }

  /** Runs a task once, and shows its failure. */
  async load(task) {
    try {
      await task();
      if (message === this.#failure) message = null;
    } catch (error) {
      if (this.#isOpen) this.#failure = tell(error instanceof Problem ? error.message : t("noAnswer"), true);
    }
    this.update();
  }

  /** Runs a task now and at intervals, while the page is visible. A task begins after the one before it has ended. */
  poll(task, milliseconds) {
    const run = async () => {
      if (document.visibilityState === "visible") await this.load(task);
      if (this.#isOpen) this.#timers.add(setTimeout(run, milliseconds));
    };
    run();
  }

  /** Carries out an action of the customer, one at a time, and tells how it ended, unless nothing was done (`false`). */
  async act(task, done = null) {
    if (this.busy) return;
    const { hash } = location;
    this.busy = true;
    this.problem = null;
    message = null;
    this.update();
    try {
      const isDone = await task();
      if (done && isDone !== false) tell(done).leads = location.hash !== hash;
    } catch (error) {
      const isRefusal = error instanceof Problem;
      this.problem = isRefusal ? error : null;
      const wait = error.retryAfter ? t("retryAfter", { seconds: error.retryAfter }) : "";
      const objections = (error.fields ?? []).map(({ message }) => message);
      const { budgetLeft } = error.details ?? {};
      const budget = budgetLeft === undefined ? "" : t("coupon.budgetLeft", { amount: won(budgetLeft) });
      tell(isRefusal ? [error.message, ...objections, budget, wait].join(" ") : t("noAnswer"), true);
    }
    this.busy = false;
    this.update();
  }
}

let page = null;
let message = null;

function tell(text, isBad = false) {
  message = { text, isBad };
  show();
  return message;
}

/** `#/orders/ID`: the view and its parameters. */
function address() {
  const [, name, ...parameters] = location.hash.split("/");
  return [name in views ? name : "products", parameters.map(decoded)];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function open(isFirst = false) {
  page?.close();
  // A message outlives only the change of view that its own action made.
  if (message?.leads) message.leads = false;
  else message = null;
  page = new Page(...address());
  show();
  readUnanswered().then(show, () => {});
  window.scrollTo(0, 0);
  // A screen reader reads the heading of the new view, as it would that of a new page.
  if (!isFirst) document.querySelector("h1")?.focus();
}

function show() {
  if (!page) return;
  const title = page.title ?? t(`view.${page.name}`);
  document.title = `${title} · ${t("shop")}`;
  render(frame(title), document.body);
}

const frame = (title) => html`
  <a class="skip" href="#main" @click=${skip}>${t("skip")}</a>
  <header class="top">
    <a class="brand" href="#/products"><img src="icon.svg" alt="" width="28" height="28">${t("shop")}</a>
    ${config.identity.people.length > 0 ? html`<label><span class="hidden">${t("customer")}</span>
      <select id="customer" @change=${(event) => { config.identity.choose(event.target.value); open(true); }}>
        ${config.identity.people.map((userId) => html`<option value=${userId} ?selected=${userId === config.identity.userId()}>${userId}</option>`)}
      </select></label>` : nothing}
    <label><span class="hidden">${t("language")}</span>
      <select id="language" @change=${(event) => { setLanguage(event.target.value); open(true); }}>
        ${Object.entries(languages).map(([tag, name]) => html`<option value=${tag} lang=${tag} ?selected=${tag === language}>${name}</option>`)}
      </select></label>
  </header>
  <nav aria-label=${t("views")}>
    ${linked.map((name) => html`<a href="#/${name}" aria-current=${name === page.name ? "page" : nothing}>${t(`view.${name}`)}</a>`)}
  </nav>
  <main id="main">
    <h1 tabindex="-1">${title}</h1>
    ${unanswered().length > 0 && !page.busy ? unfinished(unanswered()[0]) : nothing}
    ${page.template()}
  </main>
  <div id="message" role="status" class=${message ? (message.isBad ? "bad" : "good") : ""}>
    ${message ? html`<span>${message.text}</span>
      ${button("×", () => { message = null; show(); }, { name: t("close") })}` : nothing}
  </div>`;

/** A request whose answer was lost. Its repetition has the same key, so it has one effect. */
const unfinished = ({ path, body, headers }) => html`
  <section id="unfinished" class="card" aria-label=${t("unfinished")}>
    <p>${t(path === "/orders" ? "unfinished.order" : "unfinished.other")}</p>
    ${button(t("unfinished.finish"), () => page.act(async () => {
      const { orderId, orderSheetId, paymentId } = (await post(path, body, headers)) ?? {};
      if (orderId) location.hash = `#/orders/${orderId}`;
      else if (orderSheetId) location.hash = `#/checkout/${orderSheetId}`;
      else if (paymentId) location.hash = `#/pay/${paymentId}`;
    }, t("done")), { kind: "first" })}
  </section>`;

/** The hash is the address of the view, so the link cannot be left to the browser. */
function skip(event) {
  event.preventDefault();
  document.querySelector("h1").focus();
}

document.documentElement.lang = language;
window.addEventListener("hashchange", () => open());
// The browser's "back" from the payment page shows this page as it was left.
window.addEventListener("pageshow", (event) => { if (event.persisted) open(true); });
open(true);
