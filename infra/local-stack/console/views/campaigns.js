// Coupon campaigns with what is left of each and of its budget, new ones, and the issue of one coupon.

import { config } from "../config.js";
import { currentCaller, customers, people, shop } from "../api.js";
import { day, number, t, won } from "../i18n.js";
import { badge, button, card, choice, field, form, html, left, nothing, numeric, table, waiting } from "../ui.js";
import { lineForm, lineOf } from "./terms.js";

export default function campaigns(page) {
  let items = null;
  let drops = [];
  const caller = currentCaller();
  const admin = { userId: "admin", role: "ADMIN" };
  page.poll(async () => {
    const as = caller.role === "ADMIN" ? caller : admin;
    const { items: read } = await shop.get("/desk/campaigns?limit=100", as);
    drops = await Promise.all(read.filter(({ dropId }) => dropId).map(({ dropId }) => shop.get(`/drops/${dropId}`, as)));
    items = read;
  }, 1000);

  const issue = ({ couponId, userId }) => page.act(
    () => shop.post("/coupons/issue", { couponId, userId }, people.find((person) => person.userId === userId)),
    t("campaigns.issued"),
  );

  const isAdmin = caller.role === "ADMIN";
  const turnOf = ({ status }) => t(status === "ACTIVE" ? "campaigns.pause" : "campaigns.resume");
  const turn = ({ couponId, status }) =>
    page.act(() => shop.patch(`/coupons/${couponId}`, { status: status === "ACTIVE" ? "PAUSED" : "ACTIVE" }));
  const create = ({ name, couponId, kind, value, totalQuantity, budget, scope, ids }) => page.act(() => shop.post("/coupons", {
    name, couponId, kind, ...(kind !== "FREE_SHIPPING" && { value: Number(value) }), totalQuantity: Number(totalQuantity), validDays: 30,
    issueFrom: new Date().toISOString(), issueUntil: new Date(Date.now() + 30 * 86_400_000).toISOString(),
    ...(budget !== "" && { maxTotalDiscount: Number(budget) }),
    ...(scope !== "" && { scope: { [scope]: ids.split(",").map((id) => id.trim()).filter(Boolean) } }),
  }), t("campaigns.created"));

  const change = ({ couponId, addQuantity, then }) => page.act(() => shop.patch(`/coupons/${couponId}`, {
    // The field may still have the number of the last addition.
    ...(then !== "" ? { status: then } : { addQuantity: Number(addQuantity) }),
  }), t("campaigns.changed"));
  const oneOf = (some) => choice(t("coupon"), "couponId", some.map(({ couponId, name }) => [couponId, name]), some[0]?.couponId);
  const nameOf = ({ couponId }) => items.find((item) => item.couponId === couponId)?.name;
  const dropOf = (couponId) => items.find((item) => item.couponId === couponId)?.dropId;
  const going = () => items.filter(({ status }) => status !== "ENDED");

  return () => (items ? html`
    ${card(t("campaigns.all"), table(t("campaigns.all"),
      [t("name"), t("discount"), numeric(t("campaigns.left")), "", numeric(t("campaigns.issuedCount")), numeric(t("campaigns.budgetLeft")),
        numeric(t("campaigns.counters")), t("campaigns.until"), ...(isAdmin ? [""] : [])],
      items.map((item) => html`<tr>
        <td class="wide">${item.name}<br><code>${item.couponId}</code> ${item.status === "ACTIVE" ? nothing : badge(item.status)}</td>
        <td>${terms(item)}</td>
        <td class="number">${number(item.remainingQuantity)}</td>
        <td>${left(t("campaigns.leftOf", { name: item.name }), item.remainingQuantity, item.totalQuantity)}</td>
        <td class="number">${number(item.issuedQuantity)} / ${number(item.totalQuantity)}</td>
        <td class="number">${item.maxTotalDiscount ? `${won(item.budgetLeft)} / ${won(item.maxTotalDiscount)}` : nothing}</td>
        <td class="number">${item.counterShards}</td>
        <td>${day(item.issueUntil)}</td>
        ${isAdmin ? html`<td class="actions">${item.status === "ENDED" ? nothing : button(turnOf(item), () => turn(item),
          { disabled: page.busy, name: `${turnOf(item)}: ${item.name}` })}</td>` : nothing}
      </tr>`)))}
    ${isAdmin ? card(t("campaigns.create"), form(html`
      ${field(t("name"), "name", "")}
      ${field(t("campaigns.id"), "couponId", "")}
      ${choice(t("discount"), "kind", [["FIXED", t("campaigns.fixed")], ["RATE", t("campaigns.rate")],
        ["FREE_SHIPPING", t("campaigns.freeShipping")]], "FIXED")}
      ${field(t("campaigns.value"), "value", 1000, { type: "number", min: 1 })}
      ${field(t("campaigns.quantity"), "totalQuantity", 100, { type: "number", min: 1 })}
      ${field(t("campaigns.budget"), "budget", "", { type: "number", min: 1, isOptional: true })}
      ${choice(t("campaigns.scope"), "scope", [["", t("campaigns.scope.all")], ...SCOPES.map((scope) => [scope, t(`campaigns.scope.${scope}`)])], "")}
      ${field(t("campaigns.ids"), "ids", "", { isOptional: true })}`,
    t("campaigns.create"), create, page.busy)) : nothing}
    ${isAdmin && items.length > 0 ? html`
      ${card(t("campaigns.change"), form(html`
        ${oneOf(going())}
        ${field(t("campaigns.add"), "addQuantity", "", { type: "number", min: 1, isOptional: true })}
        ${choice(t("campaigns.then"), "then", [["", t("campaigns.then.stay")], ["ENDED", t("campaigns.then.end")]], "")}`,
      t("campaigns.change"), change, page.busy))}
      ${card(t("campaigns.line"), html`
        ${drops.length > 0 ? html`<ul id="lines">${drops.map((drop) => html`<li>${nameOf(drop)}: ${lineOf(drop)}</li>`)}</ul>` : nothing}
        ${lineForm(page, ({ couponId }) => ({ target: { couponId }, dropId: dropOf(couponId) }), oneOf(going()))}`)}` : nothing}
    ${config.isLocal ? card(t("campaigns.issue"), form(html`
      ${oneOf(items)}
      ${choice(t("campaigns.to"), "userId", (caller.role === "CUSTOMER" ? [caller.userId] : customers).map((user) => [user, user]), caller.userId)}`,
    t("campaigns.issue"), issue, page.busy)) : nothing}` : waiting());
}

const SCOPES = ["productIds", "categories", "sellerIds"];

function terms({ kind, value, maxDiscount, minOrderAmount, scope }) {
  const discount = { FIXED: () => won(value), RATE: () => `${value}%`, FREE_SHIPPING: () => t("campaigns.freeShipping") }[kind]();
  const bounds = [maxDiscount && t("campaigns.most", { amount: won(maxDiscount) }), minOrderAmount && t("campaigns.from", { amount: won(minOrderAmount) })];
  const lines = SCOPES.filter((name) => scope?.[name]).map((name) => `${t(`campaigns.scope.${name}`)}: ${scope[name].join(", ")}`);
  return [discount, ...bounds.filter(Boolean), ...lines].join(" · ");
}
