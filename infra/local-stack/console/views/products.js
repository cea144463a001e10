// Products with their stock, exact at the moment of reading, and by shard; and the first order of one.

import { config } from "../config.js";
import { currentCaller, customers, people, shop, stack } from "../api.js";
import { number, t, won } from "../i18n.js";
import { badge, button, card, choice, field, form, html, left, nothing, numeric, table, waiting } from "../ui.js";
import { termsOf } from "./terms.js";

export default function products(page, productId) {
  return productId ? product(page, productId) : list(page);
}

function list(page) {
  let items = null;
  const isCustomer = currentCaller().role === "CUSTOMER";
  page.poll(async () => { ({ items } = await shop.get(isCustomer ? "/products?limit=100" : "/desk/products?limit=100")); }, 2000);

  return () => (items ? card(t("products.all"), table(t("products.all"),
    [t("name"), numeric(t("price")), numeric(t("stock")), t("status"), ...(isCustomer ? [] : [t("shards")])],
    items.map((item) => html`<tr>
      <td class="wide"><a href="#/products/${item.productId}">${item.name}</a></td>
      <td class="number">${price(item)}</td>
      <td class="number">${number(item.stock)}</td>
      <td>${badge(item.status)}</td>
      ${isCustomer ? nothing : html`<td>${item.stockShards}${item.flash ? ` · ${t("products.flash")}` : ""}</td>`}
    </tr>`))) : waiting());
}

function product(page, productId) {
  let item = null;
  let shards = null;
  let drop = null;
  let coupons = [];
  const isCustomer = currentCaller().role === "CUSTOMER";
  let buyer = isCustomer ? currentCaller().userId : customers[0];

  page.poll(async () => {
    const read = await shop.get(isCustomer ? `/products/${productId}` : `/desk/products/${productId}`);
    if (!isCustomer && config.isLocal) shards = await readShards(read);
    if (read.dropId) drop = await shop.get(`/drops/${read.dropId}`);
    item = read;
  }, 1000);
  if (buyer) loadCoupons();

  async function loadCoupons() {
    const as = people.find(({ userId }) => userId === buyer);
    const { items } = await shop.get(`/coupons?userId=${buyer}&status=USABLE&limit=100`, as).catch(() => ({ items: [] }));
    coupons = items;
    page.update();
  }

  async function readShards({ stockShards }) {
    const numbers = Array.from({ length: stockShards }, (_, index) => index);
    const read = await Promise.all(numbers.map((shard) => stack.items(`STOCK#${productId}#${shard}`, "STOCK")));
    return read.flat().map(({ remaining, received }, shard) => ({ shard, remaining, received }));
  }

  const order = ({ quantity, couponId, payment }) => page.act(async () => {
    const body = { userId: buyer, items: [{ productId, quantity: Number(quantity) }], payment };
    if (couponId) body.couponId = couponId;
    const { orderId } = await shop.post("/orders", body, people.find(({ userId }) => userId === buyer));
    location.hash = `#/orders/${orderId}`;
  }, t("products.ordered"));

  const restock = ({ quantity }) => page.act(() => shop.post(`/products/${productId}/restock`, { quantity: Number(quantity) }));
  const change = (body) => page.act(() => shop.patch(`/products/${productId}`, body));

  return () => (item ? html`
    <p><a href="#/products">← ${t("view.products")}</a></p>
    ${card(item.name, html`
      ${item.description ? html`<p>${item.description}</p>` : nothing}
      <p class="headline">${price(item)} ${badge(item.status)} <span id="stock">${t("products.left", { stock: number(item.stock) })}</span></p>`)}
    ${buyer ? card(t("products.order"), form(html`
      ${choice(t("products.buyer"), "userId", (isCustomer ? [buyer] : customers).map((user) => [user, user]), buyer, (user) => { buyer = user; loadCoupons(); })}
      ${field(t("quantity"), "quantity", 1, { type: "number", min: 1, max: 1000 })}
      ${choice(t("coupon"), "couponId", [["", t("products.noCoupon")], ...coupons.map(({ couponId, name }) => [couponId, name])], "")}
      ${choice(t("payment"), "payment", ["BALANCE", "LATER", "EXTERNAL"].map((way) => [way, t(`products.pay.${way}`)]), "BALANCE")}`,
    t("products.order"), order, page.busy)) : nothing}
    ${isCustomer ? nothing : termsOf(page, item, drop)}
    ${isCustomer ? nothing : card(t("products.shards"), html`
      <p>${t("products.aboutShards", { count: number(item.stockShards) })} ${t(item.stockShardsPinned ? "products.pinned" : "products.followsDemand")}</p>
      ${shards ? table(t("products.shards"), [t("products.shard"), numeric(t("products.remaining")), "", numeric(t("products.received"))], shards.map(({ shard, remaining, received }) => html`
        <tr><td>${shard + 1}</td><td class="number">${number(remaining)}</td><td>${left(t("products.shardLeft", { shard: shard + 1 }), remaining, received)}</td>
          <td class="number">${number(received)}</td></tr>`)) : nothing}
      ${form(field(t("products.units"), "quantity", 50, { type: "number", min: -100000, max: 100000 }), t("products.restock"), restock, page.busy)}
      <p class="actions">
        ${item.status === "HIDDEN" || item.status === "DISCONTINUED"
          ? button(t("products.sell"), () => change({ status: "ON_SALE" }), { disabled: page.busy })
          : button(t("products.hide"), () => change({ status: "HIDDEN" }), { disabled: page.busy })}
        ${currentCaller().role === "ADMIN" ? button(t(item.flash ? "products.flashOff" : "products.flashOn"), () => change({ flash: !item.flash }), { disabled: page.busy }) : nothing}
        ${currentCaller().role === "ADMIN" ? [1, 4, 16].map((count) =>
          button(t("products.spread", { count }), () => change({ stockShards: count }), { disabled: page.busy || item.stockShards === count })) : nothing}
        ${currentCaller().role === "ADMIN" && (item.stockShardsPinned || item.flashPinned)
          ? button(t("products.followDemand"), () => change({ stockShards: null, flash: null }), { disabled: page.busy }) : nothing}
      </p>`)}` : waiting());
}

const price = ({ price: full, discount }) => (discount > 0 ? html`<s>${won(full)}</s> ${won(full - discount)}` : won(full));
