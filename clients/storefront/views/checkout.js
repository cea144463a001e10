// An order sheet: frozen amounts, the address, and the payment.

import { get, patch, post } from "../api.js";
import { config } from "../config.js";
import { countdown, t, won } from "../i18n.js";
import { amounts, card, choice, field, form, html, lines, nothing, submit, waiting } from "../ui.js";
import { Line } from "../line.js";
import { goToPayment } from "./pay.js";

export default function checkout(page, orderSheetId) {
  const userId = config.identity.userId();
  const line = new Line(page);
  let sheet = null;
  let user = null;
  let balance = null;
  page.load(async () => { sheet = await get(`/order-sheets/${encodeURIComponent(orderSheetId)}`); });
  page.load(async () => { user = await get(`/users/${userId}`); });
  page.load(async () => { ({ balance } = await get(`/balance/${userId}`)); });
  page.poll(async () => {}, 1000);

  const order = ({ payment, balanceAmount }) => page.act(async () => {
    const body = { userId, orderSheetId, payment, expectedPayable: sheet.payable };
    if (payment === "EXTERNAL" && Number(balanceAmount) > 0) body.balanceAmount = Number(balanceAmount);
    const placed = await line.inTurn((headers) => post("/orders", body, headers));
    if (!placed) return false;
    if (placed.status === "PENDING_PAYMENT") await goToPayment({ type: "ORDER", orderId: placed.orderId });
    else location.hash = `#/orders/${placed.orderId}`;
    return true;
  }, t("checkout.ordered"));

  const saveAddress = (fields) => page.act(async () => {
    const address = Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ""));
    user = await patch(`/users/${userId}`, { address });
  }, t("checkout.addressSaved"));

  return () => {
    if (!sheet) return waiting();
    if (sheet.orderId) return html`<p>${t("checkout.alreadyOrdered")} <a href="#/orders/${sheet.orderId}">${t("order")}</a></p>`;
    const left = new Date(sheet.expiresAt) - Date.now();
    return html`
      ${card(t("checkout.sheet"), html`${lines(sheet.items)}${amounts(sheet)}
        <p class="soft">${t("checkout.expires")} <span role="timer">${countdown(left)}</span></p>`)}
      ${left <= 0 ? html`<p>${t("checkout.expired")} <a href="#/cart">${t("view.cart")}</a></p>` : html`
        ${line.standing()}
        ${card(t("checkout.address"), user ? address() : waiting())}
        ${card(t("checkout.pay"), form(html`
          ${choice(t("checkout.by"), "payment", [["BALANCE", t("checkout.byBalance", { balance: balance === null ? "…" : won(balance) })], ["EXTERNAL", t("checkout.byCard")]])}
          ${field(page, t("checkout.part"), "balanceAmount", 0, { type: "number", min: 0, max: sheet.payable, isWide: true })}
          <p class="actions">${submit(page, t("checkout.order", { amount: won(sheet.payable) }))}
            ${page.problem?.code === "BALANCE_NOT_ENOUGH" ? html`<a href="#/balance">${t("balance.topUp")}</a>` : nothing}</p>`, order))}`}`;
  };

  function address() {
    const { name = "", phone = "", postcode = "", line1 = "", line2 = "" } = user.address ?? {};
    return html`<details ?open=${page.problem?.code === "ADDRESS_REQUIRED"}><summary>${line1 ? `${name} · ${line1} ${line2}` : t("checkout.noAddress")}</summary>
      ${form(html`
        ${field(page, t("address.name"), "name", name || user.name)}
        ${field(page, t("address.phone"), "phone", phone, { type: "tel", isOptional: true })}
        ${field(page, t("address.postcode"), "postcode", postcode)}
        ${field(page, t("address.line1"), "line1", line1, { isWide: true })}
        ${field(page, t("address.line2"), "line2", line2, { isOptional: true, isWide: true })}
        <p class="actions">${submit(page, t("address.save"), { kind: "" })}</p>`, saveAddress)}</details>`;
  }
}
