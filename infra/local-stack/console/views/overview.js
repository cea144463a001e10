// The first page: links to everything, and the requests of the API as they come.

import { stack } from "../api.js";
import { number, t, time } from "../i18n.js";
import { card, html, nothing, numeric, table, waiting } from "../ui.js";

const SHOWN = 40;

export default function overview(page) {
  let addresses = null;
  let requests = [];
  let last = 0;
  let hidesOwn = true;

  page.poll(async () => {
    addresses ??= (await stack.get("stack")).addresses;
    const later = await stack.get(`requests?after=${last}`);
    // A stack that started again counts from the beginning.
    if (later.last < last) requests = [];
    last = later.last;
    requests = [...later.requests.reverse(), ...requests].slice(0, 500);
  }, 700);

  return () => html`
    <p class="lead">${t("overview.lead")}</p>
    ${steps()}
    ${card(t("overview.requests"), live(), html`
      <label class="check"><input type="checkbox" .checked=${hidesOwn}
        @change=${(event) => { hidesOwn = event.target.checked; page.update(); }}> ${t("overview.hideOwn")}</label>`)}
    ${card(t("overview.links"), addresses ? links() : waiting())}`;

  function steps() {
    const all = ["flash", "products", "orders", "events", "ledger", "audit"];
    return html`<ol class="steps">${all.map((view) => html`
      <li><a href="#/${view}"><strong>${t(`overview.step.${view}`)}</strong><span>${t(`overview.about.${view}`)}</span></a></li>`)}
    </ol>`;
  }

  function live() {
    const shown = requests.filter(({ ofPage }) => !hidesOwn || !ofPage).slice(0, SHOWN);
    const heads = [t("time"), t("caller"), t("request"), t("status"), numeric(t("duration"))];
    return table(t("overview.requests"), heads, shown.map(({ at, method, path, status, milliseconds, caller }) => html`
      <tr>
        <td class="time">${time(at)}</td>
        <td>${caller ?? "–"}</td>
        <td class="wide"><code><b>${method}</b> ${path}</code></td>
        <td><span class="badge ${status < 400 ? "good" : status < 500 ? "open" : "bad"}">${status}</span></td>
        <td class="number">${number(milliseconds)} ms</td>
      </tr>`), t("overview.noRequests"));
  }

  function links() {
    const all = [
      ["store/", "overview.store"], ["docs", "overview.docs"], ["openapi.json", "overview.openapi"],
      [`${addresses.paymentSystem}/payments`, "overview.payments"], [`${addresses.paymentSystem}/deposits`, "overview.deposits"],
      [`${addresses.dataPlatform}/received`, "overview.received"], [addresses.deployed, "overview.deployed", true],
      [addresses.issuer, "overview.issuer", true], [addresses.emulator, "overview.emulator", true],
    ];
    return html`<ul class="links">${all.map(([href, key, isText]) => html`
      <li>${isText ? nothing : html`<a href=${local(href)} target="_blank" rel="noreferrer">${t(key)}</a>`}
        ${isText ? html`<span>${t(key)}</span>` : nothing} <code>${local(href).replace("http://", "")}</code></li>`)}</ul>`;
  }

  /** The name under which the page itself was opened: the doors of all ports know it. */
  function local(address) {
    return address.replace("127.0.0.1", location.hostname);
  }
}
