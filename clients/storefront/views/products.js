// The catalogue with a search in it, and one product.

import { everyPage, get, post } from "../api.js";
import { offered } from "../catalogue.js";
import { config } from "../config.js";
import { date, number, t } from "../i18n.js";
import { badge, button, card, couponChoice, field, form, html, nothing, price, submit, usableCoupons, waiting } from "../ui.js";

export default function products(page, productId) {
  return productId ? one(page, productId) : list(page);
}

/** The same letters compare equal however they were typed. */
const plain = (text) => text.normalize("NFC").toLocaleLowerCase();

function list(page) {
  let all = null;
  let bestsellers = [];
  let search = "";
  page.load(async () => { all = await everyPage("/products?limit=100&stock=recent"); });
  page.load(async () => { bestsellers = (await get("/products/top")).items; });

  return () => {
    if (!all) return waiting();
    const words = plain(search).split(/\s+/);
    const found = all.filter(({ name }) => words.every((word) => plain(name).includes(word)));
    return html`
      <label class="wide"><span>${t("search")}</span>
        <input type="search" name="search" .value=${search} @input=${(event) => { search = event.target.value; page.update(); }}></label>
      <p id="found" class="soft" role="status">${t("products.found", { count: number(found.length) })}</p>
      <ul class="goods">${found.map((item) => html`
        <li><a href="#/products/${item.productId}"><span class="name">${item.name}</span>
          <span>${price(item)} ${item.status === "ON_SALE" ? nothing : badge(item.status)}</span></a></li>`)}</ul>
      ${bestsellers.length > 0 ? card(t("products.bestsellers"), html`<ol class="plain">${bestsellers.map((item) => html`
        <li><a href="#/products/${item.productId}">${item.name}</a> <span class="soft">${t("products.sold", { count: number(item.soldQuantity) })}</span></li>`)}</ol>`) : nothing}`;
  };
}

function one(page, productId) {
  let item = null;
  let coupons = [];
  page.poll(async () => {
    item = await offered(productId);
    page.title = item.name;
  }, 5000);
  page.load(async () => { coupons = await usableCoupons(); });

  const choose = ({ quantity, couponId }, action) => page.act(async () => {
    const userId = config.identity.userId();
    if (action === "cart") {
      await post("/orders/cart", { userId, productId, quantity: Number(quantity) });
      return;
    }
    const items = [{ productId, quantity: Number(quantity), expectedPrice: item.price - item.discount }];
    const { orderSheetId } = await post("/order-sheets", { userId, items, ...(couponId && { couponId }) });
    location.hash = `#/checkout/${orderSheetId}`;
  }, action === "cart" ? t("products.inCart") : null);

  return () => (item ? html`
    <p><a href="#/products">← ${t("view.products")}</a></p>
    ${card(t("products.about"), html`
      <p class="headline">${price(item)} ${badge(item.status)}</p>
      ${terms(item).map((text) => html`<p class="terms">${text}</p>`)}
      ${item.description ? html`<p>${item.description}</p>` : nothing}
      <p class="soft"><span id="stock">${t("products.left", { count: number(item.stock) })}</span>${item.category ? ` · ${item.category}` : ""}</p>
      ${item.status === "ON_SALE" ? form(html`
        ${field(page, t("quantity"), "quantity", 1, { type: "number", min: 1, max: 999 })}
        ${couponChoice(coupons)}
        <p class="actions">${submit(page, t("products.toCart"), { value: "cart" })} ${submit(page, t("products.buy"), { value: "buy", kind: "" })}</p>`, choose) : nothing}`)}`
    : html`${waiting()}${button(t("products.all"), () => { location.hash = "#/products"; })}`);
}

/** The terms of a sale, one text for each. */
function terms({ limit, left, offer, saleFrom, saleUntil }) {
  return [
    saleFrom && t("products.from", { date: date(saleFrom) }),
    saleUntil && t("products.until", { date: date(saleUntil) }),
    limit && t(`products.limit.${limit.within}`, { count: number(limit.perUser), left: number(left) }),
    offer && t("products.offer", { date: date(offer.until) }),
    offer?.left !== undefined && t("products.offerLeft", { count: number(offer.left) }),
  ].filter(Boolean);
}
