// First come, first served: a coupon or a product that opens at an instant. `#/drops/coupon/ID/INSTANT` announces one.

import { get, post } from "../api.js";
import { offered } from "../catalogue.js";
import { config } from "../config.js";
import { countdown, date, language, t, won } from "../i18n.js";
import { Line } from "../line.js";
import { button, card, html, nothing, price, waiting } from "../ui.js";

export default function drops(page, type, id, opensAt) {
  return id ? one(page, { type, id, opensAt: opensAt ?? new Date(0).toISOString() }) : list(page);
}

/** The title of a drop: its name in `config.js`, or else its id. */
function titleOf(type, id) {
  const { name } = config.drops.find((drop) => drop.type === type && drop.id === id) ?? {};
  return `${t(`drops.${type}`)} · ${name?.[language] ?? id}`;
}

/** The announced sales, and the campaigns that issue coupons now. */
function list(page) {
  let campaigns = [];
  page.load(async () => { campaigns = (await get("/coupons/campaigns?open=true")).items; });
  const isAnnounced = ({ couponId }) => config.drops.some((drop) => drop.type === "coupon" && drop.id === couponId);
  const row = ({ type, id, opensAt }, title, note) => html`
    <li><a href="#/drops/${type}/${id}/${opensAt}"><span class="name">${title}</span><span class="soft">${note ?? date(opensAt)}</span></a></li>`;
  const ofCampaign = ({ couponId, name, issueFrom, soldOut }) =>
    row({ type: "coupon", id: couponId, opensAt: issueFrom }, `${t("drops.coupon")} · ${name}`, soldOut ? t("drops.outcome.COUPON_SOLD_OUT") : null);
  return () => html`<ul class="goods">
    ${config.drops.map((drop) => row(drop, titleOf(drop.type, drop.id)))}
    ${campaigns.filter((campaign) => !isAnnounced(campaign)).map(ofCampaign)}</ul>`;
}

/** The ends of a rush that no further press can change. */
const ENDS = ["COUPON_ALREADY_ISSUED", "COUPON_SOLD_OUT", "STOCK_NOT_ENOUGH"];

function one(page, { type, id, opensAt }) {
  const userId = config.identity.userId();
  const opens = new Date(opensAt);
  const line = new Line(page);
  let product = null;
  let outcome = null;
  let coupon = null;
  let blockedUntil = 0;
  page.title = titleOf(type, id);
  if (type === "product") page.load(async () => {
    product = await offered(id);
    page.title = product.name;
  });
  page.poll(async () => {}, 250);

  const take = (payment) => page.act(async () => {
    try {
      if (type === "coupon") {
        coupon = await line.inTurn((headers) => post("/coupons/issue", { userId, couponId: id }, headers));
        if (coupon) outcome = "ISSUED";
        return;
      }
      // The unit is held until the customer pays it on the order's page, from the balance or outside.
      const items = [{ productId: id, quantity: 1, expectedPrice: product.price - product.discount }];
      const order = await line.inTurn((headers) => post("/orders", { userId, items, payment }, headers));
      if (order) location.hash = `#/orders/${order.orderId}`;
    } catch (error) {
      if (!ENDS.includes(error.code)) {
        blockedUntil = Date.now() + (error.retryAfter ?? 0) * 1000;
        throw error;
      }
      outcome = error.code;
    }
  });

  return () => {
    if (type === "product" && !product) return waiting();
    const left = opens - Date.now();
    const blocked = blockedUntil - Date.now();
    const options = { disabled: page.busy || blocked > 0, kind: "first" };
    return card(date(opens), html`
      ${product ? html`<p class="headline">${price(product)}</p>` : nothing}
      <div id="drop" role="status">${outcome ? html`<p class="headline">${t(`drops.outcome.${outcome}`)}</p>` : nothing}</div>
      ${line.standing()}
      ${coupon ? html`<p>${coupon.name} ${coupon.kind === "FIXED" ? won(coupon.value) : ""}</p>` : nothing}
      ${outcome ? html`<p><a href=${type === "coupon" ? "#/coupons" : "#/products"}>${t(type === "coupon" ? "view.coupons" : "view.products")}</a></p>`
        : left > 0 ? html`<p class="soft">${t("drops.opensIn")}</p><p class="countdown" role="timer">${countdown(left)}</p>`
          : html`<p class="actions">${button(t(`drops.take.${type}`), () => take("LATER"), options)}
            ${type === "product" ? button(t("drops.take.byCard"), () => take("EXTERNAL"), { ...options, kind: "" }) : nothing}
            ${page.busy ? html`<span class="soft">${t("drops.waiting")}</span>` : nothing}
            ${blocked > 0 ? html`<span class="soft" role="timer">${countdown(blocked)}</span>` : nothing}</p>`}`);
  };
}
