// Coupon campaigns with what is left of each, and the issue of one coupon.

import { config } from "../config.js";
import { currentCaller, customers, people, shop } from "../api.js";
import { day, number, t, won } from "../i18n.js";
import { card, choice, form, html, left, nothing, numeric, table, waiting } from "../ui.js";

export default function campaigns(page) {
  let items = null;
  const caller = currentCaller();
  const admin = { userId: "admin", role: "ADMIN" };
  page.poll(async () => { ({ items } = await shop.get("/desk/campaigns?limit=100", caller.role === "ADMIN" ? caller : admin)); }, 1000);

  const issue = ({ couponId, userId }) => page.act(
    () => shop.post("/coupons/issue", { couponId, userId }, people.find((person) => person.userId === userId)),
    t("campaigns.issued"),
  );

  return () => (items ? html`
    ${card(t("campaigns.all"), table(t("campaigns.all"),
      [t("name"), t("discount"), numeric(t("campaigns.left")), "", numeric(t("campaigns.issuedCount")), numeric(t("campaigns.counters")), t("campaigns.until")],
      items.map((item) => html`<tr>
        <td class="wide">${item.name}<br><code>${item.couponId}</code></td>
        <td>${terms(item)}</td>
        <td class="number">${number(item.remainingQuantity)}</td>
        <td>${left(t("campaigns.leftOf", { name: item.name }), item.remainingQuantity, item.totalQuantity)}</td>
        <td class="number">${number(item.issuedQuantity)} / ${number(item.totalQuantity)}</td>
        <td class="number">${item.counterShards}</td>
        <td>${day(item.issueUntil)}</td>
      </tr>`)))}
    ${config.isLocal ? card(t("campaigns.issue"), form(html`
      ${choice(t("coupon"), "couponId", items.map(({ couponId, name }) => [couponId, name]), items[0]?.couponId)}
      ${choice(t("campaigns.to"), "userId", (caller.role === "CUSTOMER" ? [caller.userId] : customers).map((user) => [user, user]), caller.userId)}`,
    t("campaigns.issue"), issue, page.busy)) : nothing}` : waiting());
}

function terms({ kind, value, maxDiscount, minOrderAmount }) {
  const discount = { FIXED: () => won(value), RATE: () => `${value}%`, FREE_SHIPPING: () => t("campaigns.freeShipping") }[kind]();
  const bounds = [maxDiscount && t("campaigns.most", { amount: won(maxDiscount) }), minOrderAmount && t("campaigns.from", { amount: won(minOrderAmount) })];
  return [discount, ...bounds.filter(Boolean)].join(" · ");
}
