// The customer's orders, and one of them with its next steps.

import { get, parts, patch, post } from "../api.js";
import { config } from "../config.js";
import { date, number, t, won, word } from "../i18n.js";
import { amounts, badge, button, card, field, form, html, lines, nothing, submit, waiting } from "../ui.js";
import { goToPayment } from "./pay.js";

export default function orders(page, orderId) {
  return orderId ? one(page, orderId) : list(page);
}

function list(page) {
  const all = parts(`/orders?userId=${config.identity.userId()}&limit=20`);
  page.load(all.more);

  return () => (all.isRead ? html`
    ${all.items.length === 0 ? html`<p>${t("orders.none")}</p>` : nothing}
    <ul class="goods wide">${all.items.map((order) => html`
      <li><a href="#/orders/${order.orderId}">
        <span class="name">${order.items.map(({ name, quantity }) => `${name} × ${number(quantity)}`).join(", ")}</span>
        <span>${badge(order.status)} <b>${won(order.payable)}</b> <span class="soft">${date(order.createdAt)}</span></span></a></li>`)}</ul>
    ${all.cursor ? button(t("more"), () => page.act(all.more), { disabled: page.busy }) : nothing}` : waiting());
}

/** The states of a line with units in no parcel: only those can be cancelled. */
const UNSHIPPED = ["PENDING_PAYMENT", "PAID", "PREPARING"];
const toShip = (line) => line.quantity - line.cancelledQuantity + line.returnedQuantity - line.shippedQuantity;
export const claimable = (line) => line.shippedQuantity - line.returnedQuantity;

function one(page, orderId) {
  const path = `/orders/${encodeURIComponent(orderId)}`;
  let order = null;
  let history = [];
  page.title = t("orders.one");
  const load = async () => {
    const [read, steps] = await Promise.all([get(path), get(`${path}/history`)]);
    [order, history] = [read, steps.items.toReversed()];
  };
  page.poll(load, 3000);

  const act = (task, done = t("done")) => page.act(async () => {
    await task();
    await load();
  }, done);

  const cancelUnits = ({ reason, ...units }) => act(() => {
    const items = Object.entries(units).filter(([, quantity]) => Number(quantity) > 0)
      .map(([itemId, quantity]) => ({ itemId, quantity: Number(quantity) }));
    return post(`${path}/cancel`, { items, ...(reason && { reason }) });
  }, t("orders.cancelled"));

  return () => (order ? html`
    <p><a href="#/orders">← ${t("view.orders")}</a></p>
    ${summary()}${parcels()}${claims()}${cancellation()}${card(t("orders.history"), past())}` : waiting());

  function summary() {
    const isWaiting = order.payment === "EXTERNAL" && order.status === "PENDING_PAYMENT";
    const options = { disabled: page.busy, kind: "first" };
    return card(html`<span id="order-status">${badge(order.status)}</span>`, html`
      ${lines(order.items, (line) => html`<span class="actions">${badge(line.status)}
        ${line.cancelledQuantity > 0 ? html`<span class="soft">${t("orders.gone", { count: number(line.cancelledQuantity) })}</span>` : nothing}
        ${line.nextStatuses.includes("PURCHASE_CONFIRMED") ? button(t("orders.confirm"), () => act(() => patch(`${path}/items/${line.itemId}`, { status: "PURCHASE_CONFIRMED" })),
          { disabled: page.busy, name: t("orders.confirmOne", { name: line.name }) }) : nothing}</span>`)}
      ${amounts(order, [
        order.paid > 0 && [t("orders.paid"), won(order.paid)],
        order.refunded > 0 && [t("orders.refunded"), html`<span id="refunded">${won(order.refunded)}</span>`],
        order.holdExpiresAt && [t("orders.holdUntil"), date(order.holdExpiresAt)],
        order.shipTo?.line1 && [t("checkout.address"), `${order.shipTo.name ?? ""} ${order.shipTo.line1} ${order.shipTo.line2 ?? ""}`],
      ])}
      <p class="actions">
        ${order.allowedActions.includes("PAY") ? button(t("orders.payFromBalance"), () => act(() => post(`${path}/payment`)), options) : nothing}
        ${isWaiting ? button(t("orders.payByCard"), () => page.act(() => goToPayment({ type: "ORDER", orderId })), options) : nothing}
        ${order.items.some((line) => claimable(line) > 0) ? html`<a href="#/claim/${orderId}">${t("orders.claim")}</a>` : nothing}
      </p>`);
  }

  function cancellation() {
    const open = order.items.filter((line) => UNSHIPPED.includes(line.status) && toShip(line) > 0);
    if (open.length === 0) return nothing;
    return card(t("orders.cancel"), html`
      ${form(html`
        ${open.map((line) => field(page, `${line.name} (0–${toShip(line)})`, line.itemId, 0, { type: "number", min: 0, max: toShip(line), isWide: true }))}
        ${field(page, t("orders.reason"), "reason", "", { isOptional: true, isWide: true })}
        <p class="actions">${submit(page, t("orders.cancelUnits"), { kind: "danger" })}
          ${order.allowedActions.includes("CANCEL") ? button(t("orders.cancelAll"), () => act(() => post(`${path}/cancel`), t("orders.cancelled")), { disabled: page.busy, kind: "danger" }) : nothing}</p>`, cancelUnits)}`);
  }

  function parcels() {
    return order.parcels.length === 0 ? nothing : card(t("orders.parcels"), html`<ul class="lines">${order.parcels.map((parcel) => html`
      <li><span class="name">${parcel.carrier ?? ""} ${parcel.trackingNumber ?? ""}
        <span class="soft">${parcel.items.map(({ itemId, quantity }) => `${nameOf(itemId)} × ${number(quantity)}`).join(", ")}</span></span>
        ${badge(parcel.status)}</li>`)}</ul>`);
  }

  function claims() {
    return !order.claims?.length ? nothing : card(t("orders.claims"), html`<ul class="lines" id="claims">${order.claims.map((claim) => html`
      <li><span class="name">${word(claim.type)} · ${word(claim.reason)} <span class="soft">${claim.items.map(({ itemId, quantity }) => `${nameOf(itemId)} × ${number(quantity)}`).join(", ")}</span></span>
        <b>${won(claim.refund.total)}</b>
        <span class="actions">${badge(claim.status)}
          ${claim.allowedActions.includes("WITHDRAW") ? button(t("orders.withdraw"), () => act(() => post(`/claims/${claim.claimId}/withdraw`)), { disabled: page.busy }) : nothing}</span>
      </li>`)}</ul>`);
  }

  function past() {
    return html`<ol class="history">${history.map((entry) => html`<li>
      <time datetime=${entry.at}>${date(entry.at)}</time>
      <span>${word(entry.event)}${entry.itemId ? ` · ${nameOf(entry.itemId)}` : ""}${entry.quantity ? ` × ${number(entry.quantity)}` : ""}</span>
      <span class="soft">${word(entry.to)}${entry.reason ? ` · ${entry.reason}` : ""}</span>
    </li>`)}</ol>`;
  }

  function nameOf(itemId) {
    return order.items.find((line) => line.itemId === itemId)?.name ?? itemId;
  }
}
