// The five products with the most units sold in three days, as they change.

import { shop } from "../api.js";
import { number, t, won } from "../i18n.js";
import { badge, card, html, left, numeric, table, waiting } from "../ui.js";

export default function bestsellers(page) {
  let items = null;
  page.poll(async () => {
    const answer = await shop.get("/products/top");
    items = answer.items ?? answer;
  }, 1000);

  return () => {
    if (!items) return waiting();
    const most = Math.max(1, ...items.map(({ soldQuantity }) => soldQuantity));
    return card(t("bestsellers.title"), table(t("bestsellers.title"),
      [numeric(t("bestsellers.rank")), t("name"), numeric(t("bestsellers.sold")), "", numeric(t("price")), numeric(t("stock")), t("status")],
      items.map((item) => html`<tr>
        <td class="number">${item.rank}</td>
        <td class="wide"><a href="#/products/${item.productId}">${item.name}</a></td>
        <td class="number">${number(item.soldQuantity)}</td>
        <td>${left(t("bestsellers.soldOf", { name: item.name }), item.soldQuantity, most)}</td>
        <td class="number">${won(item.price - item.discount)}</td>
        <td class="number">${number(item.stock)}</td>
        <td>${badge(item.status)}</td>
      </tr>`), t("bestsellers.none")));
  };
}
