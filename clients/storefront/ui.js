// Pieces of markup that the views share.

import { html, nothing } from "./vendor/lit-html.js";
import { get } from "./api.js";
import { config } from "./config.js";
import { number, t, won, word } from "./i18n.js";

export { html, nothing };

const tones = {
  good: ["PAID", "COMPLETED", "DELIVERED", "PURCHASE_CONFIRMED", "ACCEPTED", "USABLE", "SUCCEEDED"],
  bad: ["PAYMENT_FAILED", "REFUSED", "SOLD_OUT", "DECLINED", "FAILED"],
};
const toneOf = (code) => Object.keys(tones).find((tone) => tones[tone].includes(code)) ?? "open";

export const badge = (code) => html`<span class="badge ${toneOf(code)}">${word(code)}</span>`;
export const card = (title, content) => html`<section class="card"><h2>${title}</h2>${content}</section>`;
export const waiting = () => html`<p class="soft">${t("loading")}</p>`;

export const button = (label, onclick, { disabled = false, kind = "", name = label } = {}) => html`
  <button type="button" class=${kind} aria-label=${name} ?disabled=${disabled} @click=${onclick}>${label}</button>`;

/** A field, with the shop's objection to it beside it. */
export function field(page, label, name, value, options = {}) {
  const { type = "text", min = nothing, max = nothing, isOptional = false, isWide = false } = options;
  const objection = page.problem?.fields.find(({ field }) => field === name || field.endsWith(`.${name}`))?.message;
  const note = `${name}-note`;
  return html`
    <label class=${isWide ? "wide" : ""}><span>${label}</span>
      <input name=${name} type=${type} value=${value} min=${min} max=${max} ?required=${!isOptional}
        aria-invalid=${objection ? "true" : nothing} aria-describedby=${objection ? note : nothing}>
      ${objection ? html`<span id=${note} class="objection">${objection}</span>` : nothing}
    </label>`;
}

export const choice = (label, name, options, value = options[0]?.[0]) => html`
  <label class="wide"><span>${label}</span>
    <select name=${name}>${options.map(([option, text]) => html`<option value=${option} ?selected=${option === value}>${text}</option>`)}</select>
  </label>`;

/** A form whose fields are handed over as an object, with the value of the button. */
export const form = (content, submit, oninput = nothing) => html`
  <form @input=${oninput} @submit=${(event) => {
    event.preventDefault();
    submit(Object.fromEntries(new FormData(event.target)), event.submitter?.value);
  }}>${content}</form>`;

export const submit = (page, label, { value = "", kind = "first" } = {}) => html`
  <button class=${kind} value=${value} ?disabled=${page.busy}>${label}</button>`;

export const facts = (pairs) => html`
  <dl>${pairs.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

export const price = ({ price: full, discount }) => (discount > 0 ? html`<s>${won(full)}</s> <b>${won(full - discount)}</b>` : html`<b>${won(full)}</b>`);

/** The lines of an order or an order sheet. */
export const lines = (items, extra = () => nothing) => html`
  <ul class="lines">${items.map((line) => html`
    <li>
      <span class="name"><a href="#/products/${line.productId}">${line.name}</a> × ${number(line.quantity)}</span>
      <b>${won(line.amount)}</b>
      ${extra(line)}
    </li>`)}</ul>`;

/** The amounts of an order or an order sheet. */
export const amounts = ({ goodsTotal, goodsDiscount, couponDiscount, shippingFee, payable }, more = []) => facts([
  [t("goods"), won(goodsTotal - goodsDiscount)],
  couponDiscount > 0 && [t("coupon"), won(-couponDiscount)],
  [t("shipping"), won(shippingFee)],
  [t("payable"), html`<b id="payable">${won(payable)}</b>`],
  ...more,
]);

export const usableCoupons = async () => (await get(`/coupons?userId=${config.identity.userId()}&status=USABLE&limit=100`)).items;

/** The terms of a coupon in a few words. */
export function terms({ kind, value, maxDiscount, minOrderAmount, scope }) {
  const discount = t(`coupon.${kind}`, { value: kind === "RATE" ? value : won(value ?? 0) });
  const most = maxDiscount ? t("coupon.most", { amount: won(maxDiscount) }) : null;
  const least = minOrderAmount ? t("coupon.least", { amount: won(minOrderAmount) }) : null;
  const lines = scope ? (scope.categories?.join(", ") ?? t("coupon.someProducts")) : null;
  return [discount, most, least, lines].filter(Boolean).join(" · ");
}

export const couponChoice = (coupons) => choice(t("coupon"), "couponId", [["", t("coupon.none")], ...coupons.map((coupon) => [coupon.couponId, `${coupon.name} (${terms(coupon)})`])]);
