// The frame of the page: navigation, caller, language, and the view of the address.

import { render } from "./vendor/lit-html.js";
import { config } from "./config.js";
import { currentCaller, actAs, people, Problem } from "./api.js";
import { signOut } from "./identity.js";
import { language, languages, setLanguage, t, word } from "./i18n.js";
import { button, html, nothing } from "./ui.js";
import audit from "./views/audit.js";
import bestsellers from "./views/bestsellers.js";
import campaigns from "./views/campaigns.js";
import events from "./views/events.js";
import flash from "./views/flash.js";
import ledger from "./views/ledger.js";
import letters from "./views/letters.js";
import orders from "./views/orders.js";
import overview from "./views/overview.js";
import products from "./views/products.js";
import signIn from "./views/sign-in.js";
import switches from "./views/switches.js";

// A deployed shop has no tools of the local stack: those of its operators are commands.
const views = config.isLocal
  ? { overview, flash, products, campaigns, orders, ledger, events, bestsellers, audit, letters, switches }
  : { products, campaigns, orders, ledger, bestsellers };
const [FIRST] = Object.keys(views);
const SIGN_IN = "signIn";

/** A view on the page: its markup, its timers, and what it tells. */
class Page {
  busy = false;
  #isOpen = true;
  #timers = new Set();

  constructor(name, argument) {
    this.name = name;
    this.argument = argument;
    this.template = name === SIGN_IN ? signIn(this, () => open()) : views[name](this, argument);
  }

  update() {
    if (this.#isOpen) show();
  }

  close() {
    this.#isOpen = false;
    this.#timers.forEach(clearTimeout);
  }

  /** Does a task now and at intervals, as long as somebody looks. A task begins after the one before it has ended. */
  poll(task, milliseconds) {
    let failure = null;
    const run = async () => {
      if (document.visibilityState === "visible") {
        try {
          await task();
          if (failure !== null && message?.text === failure) message = null;
          failure = null;
        } catch (error) {
          if (this.#isOpen && failure !== error.message) tell(error.message, true);
          failure = error.message;
        }
        this.update();
      }
      if (this.#isOpen) this.#timers.add(setTimeout(run, milliseconds));
    };
    run();
  }

  /** Carries out an action of the user, one at a time, and tells how it ended. */
  async act(task, done = t("done")) {
    if (this.busy) return;
    this.busy = true;
    this.update();
    try {
      await task();
      if (done) tell(done);
    } catch (error) {
      const fields = error instanceof Problem ? error.fields.map(({ field, message }) => `${field}: ${message}`) : [];
      tell([error.message, ...fields].join(" "), true);
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
}

/** `#/orders/ID`: the view and its argument. */
function address() {
  const [, name, argument] = location.hash.split("/");
  return [currentCaller() ? name in views ? name : FIRST : SIGN_IN, argument && decodeURIComponent(argument)];
}

function open(isFirst = false) {
  page?.close();
  message = null;
  page = new Page(...address());
  show();
  window.scrollTo(0, 0);
  // A screen reader reads the heading of the new view, as it would that of a new page.
  if (!isFirst) document.querySelector("h1")?.focus();
}

function show() {
  if (!page) return;
  document.title = `${t(`view.${page.name}`)} · ${t("shop")}`;
  render(frame(), document.body);
}

const frame = () => html`
  <a class="skip" href="#main" @click=${skip}>${t("skip")}</a>
  <header class="top">
    <a class="brand" href="#/${FIRST}"><img src="_dev/console/icon.svg" alt="" width="28" height="28">${t("shop")}</a>
    ${config.isLocal ? personChoice() : currentCaller() ? session() : nothing}
    <label><span>${t("language")}</span>
      <select id="language" @change=${(event) => { setLanguage(event.target.value); open(true); }}>
        ${Object.entries(languages).map(([tag, name]) => html`<option value=${tag} lang=${tag} ?selected=${tag === language}>${name}</option>`)}
      </select>
    </label>
  </header>
  <nav aria-label=${t("views")}>
    ${(currentCaller() ? Object.keys(views) : []).map((name) => html`
      <a href="#/${name}" aria-current=${name === page.name ? "page" : nothing}>${t(`view.${name}`)}</a>`)}
  </nav>
  <main id="main">
    <h1 tabindex="-1">${t(`view.${page.name}`)}</h1>
    ${page.template()}
  </main>
  <div id="message" role="status" class=${message ? (message.isBad ? "bad" : "good") : ""}>
    ${message ? html`<span>${message.text}</span>
      <button type="button" aria-label=${t("close")} @click=${() => { message = null; show(); }}>×</button>` : nothing}
  </div>`;

const personChoice = () => html`
  <label><span>${t("caller")}</span>
    <select id="caller" @change=${(event) => { actAs(event.target.value); open(true); }}>
      ${people.map(({ userId, role }) => html`
        <option value=${userId} ?selected=${userId === currentCaller().userId}>${userId} · ${word(role)}</option>`)}
    </select>
  </label>`;

const session = () => html`
  <span id="caller">${word(currentCaller().role)}</span>
  ${button(t("signOut"), () => { signOut(); open(); })}`;

/** The hash is the address of the view, so the link cannot be left to the browser. */
function skip(event) {
  event.preventDefault();
  document.querySelector("h1").focus();
}

document.documentElement.lang = language;
window.addEventListener("hashchange", () => open());
window.addEventListener("signed-out", () => { open(); tell(t("signIn.ended"), true); });
open(true);
