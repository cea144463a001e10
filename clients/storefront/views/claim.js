// A return or an exchange: the preview says what comes back before the customer asks.

import { ask, get, post } from "../api.js";
import { number, t, won, word } from "../i18n.js";
import { button, card, choice, facts, field, form, html, nothing, submit, waiting } from "../ui.js";
import { claimable } from "./orders.js";

const REASONS = ["CHANGE_OF_MIND", "DEFECT", "WRONG_ITEM", "DAMAGED", "NOT_DELIVERED"];

export default function claim(page, orderId) {
  const path = `/orders/${encodeURIComponent(orderId)}`;
  let order = null;
  let wanted = null;
  let preview = null;
  page.load(async () => { order = await get(path); });

  const look = ({ type, reason, text, ...units }) => page.act(async () => {
    const items = Object.entries(units).filter(([, quantity]) => Number(quantity) > 0)
      .map(([itemId, quantity]) => ({ itemId, quantity: Number(quantity) }));
    wanted = { type, reason, items, ...(text && { text }) };
    preview = await ask(`${path}/claims?preview=true`, wanted);
  });
  const create = () => page.act(async () => {
    await post(`${path}/claims`, { ...wanted, expectedTotal: preview.refund.total });
    location.hash = `#/orders/${orderId}`;
  }, t("claim.asked"));

  return () => (order ? html`
    <p><a href="#/orders/${orderId}">← ${t("order")}</a></p>
    ${card(t("claim.units"), form(html`
      ${order.items.filter((line) => claimable(line) > 0).map((line) => field(page, `${line.name} (0–${number(claimable(line))})`, line.itemId, 0,
        { type: "number", min: 0, max: claimable(line), isWide: true }))}
      ${choice(t("claim.type"), "type", ["RETURN", "EXCHANGE"].map((type) => [type, word(type)]))}
      ${choice(t("claim.reason"), "reason", REASONS.map((reason) => [reason, word(reason)]))}
      ${field(page, t("claim.text"), "text", "", { isOptional: true, isWide: true })}
      <p class="actions">${submit(page, t("claim.preview"), { kind: preview ? "" : "first" })}</p>`, look, () => { preview = null; page.update(); }))}
    ${preview ? card(t("claim.comesBack"), html`<div id="preview" role="status">
      ${facts([
        [t("goods"), won(preview.refund.goods)],
        preview.refund.coupon !== 0 && [t("coupon"), won(-preview.refund.coupon)],
        preview.refund.shipping !== 0 && [t("shipping"), won(preview.refund.shipping)],
        preview.refund.returnFee !== 0 && [t("claim.fee"), won(-preview.refund.returnFee)],
        [t("claim.total"), html`<b>${won(preview.refund.total)}</b>`],
      ])}
      <p class="soft">${t(`claim.paidBy.${preview.paidBy}`)}</p></div>
      <p class="actions">${button(t("claim.ask"), create, { disabled: page.busy, kind: "first" })}</p>`) : nothing}` : waiting());
}
