// The customer's coupons.

import { parts } from "../api.js";
import { config } from "../config.js";
import { date, t } from "../i18n.js";
import { badge, button, html, nothing, terms, waiting } from "../ui.js";

export default function coupons(page) {
  const all = parts(`/coupons?userId=${config.identity.userId()}&status=ALL&limit=50`);
  page.load(all.more);

  return () => (all.isRead ? html`
    ${all.items.length === 0 ? html`<p>${t("coupons.none")}</p>` : nothing}
    <ul class="lines">${all.items.map((coupon) => html`
      <li><span class="name">${coupon.name} <span class="soft">${terms(coupon)} · ${t("coupons.until", { date: date(coupon.expiresAt) })}</span></span>
        ${badge(coupon.status)}</li>`)}</ul>
    <p><a href="#/drops">${t("coupons.get")}</a></p>
    ${all.cursor ? button(t("more"), () => page.act(all.more), { disabled: page.busy }) : nothing}` : waiting());
}
