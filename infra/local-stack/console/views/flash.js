// A flash sale: more people than units or coupons, drawn as they buy, and compared with the shop afterwards.

import { shop, stack } from "../api.js";
import { number, t, word } from "../i18n.js";
import { card, choice, field, form, html, nothing, numeric, svg, table } from "../ui.js";

const ENDED = ["NONE", "DONE", "FAILED"];

export default function flash(page) {
  let sale = { phase: "NONE" };
  let of = "PRODUCT";
  let existing = [];

  page.poll(async () => { sale = await stack.get("crowd"); }, 250);
  load();

  async function load() {
    const [path, id] = of === "PRODUCT" ? ["/desk/products?limit=100", "productId"] : ["/desk/campaigns?limit=100", "couponId"];
    const admin = { userId: "admin", role: "ADMIN" };
    const { items } = await shop.get(path, admin).catch(() => ({ items: [] }));
    const rest = ({ stock, remainingQuantity }) => stock ?? remainingQuantity;
    existing = items.filter((item) => rest(item) > 0).map((item) => [item[id], `${item.name} (${number(rest(item))})`]);
    page.update();
  }

  const start = ({ id, quantity, people }) => page.act(async () => {
    const goods = id ? { id } : { quantity: Number(quantity) };
    await stack.post("crowd", { of, people: Number(people), ...goods });
    sale = { ...sale, phase: "GATHERING" };
  }, null);

  return () => html`
    <p class="lead">${t("flash.lead")}</p>
    ${card(t("flash.new"), form(html`
      ${choice(t("flash.of"), "of", [["PRODUCT", t("flash.product")], ["COUPON", t("flash.coupon")]], of, (value) => { of = value; load(); })}
      ${choice(t("flash.goods"), "id", [["", t("flash.fresh")], ...existing], "")}
      ${field(t("flash.quantity"), "quantity", 100, { type: "number", min: 1, max: 100000 })}
      ${field(t("flash.people"), "people", 300, { type: "number", min: 1, max: 2000 })}`,
    t("flash.start"), start, page.busy || !ENDED.includes(sale.phase)))}
    ${sale.phase === "NONE" ? nothing : card(sale.name ?? t("flash.sale"), result())}`;

  function result() {
    const refusals = Object.entries(sale.refused ?? {});
    const refused = refusals.reduce((sum, [, count]) => sum + count, 0);
    const seconds = Math.max(sale.milliseconds, 1) / 1000;
    return html`
      <p id="phase" class="phase ${sale.phase.toLowerCase()}" role="status">${t(`flash.phase.${sale.phase}`, {
        gathered: number(sale.gathered), people: number(sale.people), failure: sale.failure })}</p>
      <div class="figures">
        ${figure("sold", number(sale.sold), t("flash.sold", { before: number(sale.before) }))}
        ${figure("refused", number(refused), t("flash.refused"))}
        ${figure("rate", number(Math.round(sale.sold / seconds)), t("flash.rate"))}
        ${figure("seconds", number(Math.round(seconds * 10) / 10), t("flash.seconds"))}
      </div>
      ${chart()}
      ${refusals.length > 0 ? html`<p>${refusals.map(([code, count]) => html`${word(code)}: <b>${number(count)}</b> `)}</p>` : nothing}
      ${sale.phase === "DONE" ? proof() : nothing}`;
  }

  function proof() {
    const isExact = sale.checks.every(({ expected, found }) => expected === found);
    const rows = sale.checks.map(({ rule, expected, found }) => html`
      <tr><td class="wide">${t(`flash.check.${rule}`)}</td><td class="number">${number(expected)}</td><td class="number">${number(found)}</td>
        <td><span class="badge ${expected === found ? "good" : "bad"}">${t(expected === found ? "equal" : "different")}</span></td></tr>`);
    return html`
      <p id="proof" class="verdict ${isExact ? "good" : "bad"}" role="status">
        ${t(isExact ? "flash.exact" : "flash.wrong", { sold: number(sale.sold) })}</p>
      ${table(t("flash.proof"), [t("flash.rule"), numeric(t("expected")), numeric(t("found")), ""], rows)}
      <p class="actions">
        ${sale.of === "PRODUCT" ? html`<a href="#/products/${sale.id}">${t("flash.seeProduct")}</a>` : html`<a href="#/campaigns">${t("flash.seeCampaign")}</a>`}
        <a href="#/audit">${t("flash.audit")}</a>
        <a href="#/events">${t("flash.events")}</a>
      </p>`;
  }

  /** Bars of a quarter of a second each: sold below, refused above. */
  function chart() {
    const ticks = sale.ticks ?? [];
    const width = Math.max(ticks.length, 24);
    const highest = Math.max(10, ...ticks.map(([sold, refused]) => sold + refused));
    const perSecond = 1000 / (sale.tickMilliseconds || 250);
    return html`<figure>
      <svg class="chart" viewBox="0 0 ${width * 10} 120" preserveAspectRatio="none" role="img" aria-label=${t("flash.chart", {
        sold: number(sale.sold), seconds: number(Math.round(sale.milliseconds / 100) / 10) })}>
        ${[0.25, 0.5, 0.75].map((part) => svg`<line x1="0" x2=${width * 10} y1=${120 * part} y2=${120 * part} class="grid" />`)}
        ${ticks.map(([sold, refused], index) => {
          const heights = [sold, refused].map((count) => (count / highest) * 116);
          return svg`
            <rect x=${index * 10 + 1} y=${120 - heights[0]} width="8" height=${heights[0]} class="sold" />
            <rect x=${index * 10 + 1} y=${120 - heights[0] - heights[1]} width="8" height=${heights[1]} class="refused" />`;
        })}
      </svg>
      <figcaption><span class="key sold"></span>${t("flash.key.sold")} <span class="key refused"></span>${t("flash.key.refused")}
        <span class="scale">${t("flash.scale", { most: number(Math.round(highest * perSecond)) })}</span></figcaption>
    </figure>`;
  }
}

const figure = (id, value, label) => html`<div id="figure-${id}"><b>${value}</b><span>${label}</span></div>`;
