// The cart at today's prices. Its order sheet freezes them.

import { get, post, remove } from "../api.js";
import { config } from "../config.js";
import { number, t, won } from "../i18n.js";
import { badge, button, card, couponChoice, form, html, nothing, submit, usableCoupons, waiting } from "../ui.js";

export default function cart(page) {
  const userId = config.identity.userId();
  let content = null;
  let coupons = [];
  const load = async () => { content = await get(`/orders/cart?userId=${userId}`); };
  page.load(load);
  page.load(async () => { coupons = await usableCoupons(); });

  const change = (task) => page.act(async () => {
    await task();
    await load();
  });
  const add = (item, quantity) => post("/orders/cart", { userId, productId: item.productId, quantity });
  const take = (item) => remove(`/orders/cart/${item.itemId}?userId=${userId}`);
  /** The API adds and removes. Whoever leaves between the two finds the cart without the product, and no order has more than was wanted. */
  const takeOne = async (item) => {
    await take(item);
    await add(item, item.quantity - 1);
  };
  const order = ({ couponId }) => page.act(async () => {
    const { orderSheetId } = await post("/order-sheets", { userId, fromCart: true, ...(couponId && { couponId }) });
    location.hash = `#/checkout/${orderSheetId}`;
  });

  return () => {
    if (!content) return waiting();
    if (content.items.length === 0) return html`<p>${t("cart.empty")} <a href="#/products">${t("products.all")}</a></p>`;
    return html`
      ${card(t("cart.content"), html`
        <ul class="lines">${content.items.map((item) => html`
          <li>
            <span class="name"><a href="#/products/${item.productId}">${item.name}</a> × ${number(item.quantity)}</span>
            <b>${won(item.amount)}</b>
            <span class="actions">
              ${item.status === "ON_SALE" ? nothing : badge(item.status)}
              ${item.quantity > 1 ? button("−1", () => change(() => takeOne(item)), { disabled: page.busy, name: t("cart.oneLess", { name: item.name }) }) : nothing}
              ${button("+1", () => change(() => add(item, 1)), { disabled: page.busy, name: t("cart.oneMore", { name: item.name }) })}
              ${button(t("cart.remove"), () => change(() => take(item)), { disabled: page.busy, name: t("cart.removeOne", { name: item.name }) })}
            </span>
          </li>`)}</ul>
        <p class="headline">${t("cart.total")} <b id="total">${won(content.total)}</b></p>`)}
      ${card(t("cart.order"), form(html`${couponChoice(coupons)}<p class="actions">${submit(page, t("cart.toCheckout"))}</p>`, order))}`;
  };
}
