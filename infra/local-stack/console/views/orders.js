// Orders: a list, and one order with each step that can be taken next as a button.

import { config } from "../config.js";
import { currentCaller, people, shop, stack } from "../api.js";
import { date, number, t, won, word } from "../i18n.js";
import { badge, button, card, choice, facts, field, form, html, nothing, numeric, table, waiting } from "../ui.js";
import { way } from "./events.js";

export default function orders(page, orderId) {
  return orderId ? one(page, orderId) : list(page);
}

const STATES = ["PENDING_PAYMENT", "PAID", "PARTIALLY_CANCELLED", "COMPLETED", "FULLY_REFUNDED", "CANCELLED", "PAYMENT_FAILED"];

function list(page) {
  let items = null;
  let status = "";
  const caller = currentCaller();
  const load = async () => {
    const query = new URLSearchParams({ limit: 50, ...(status && { status }), ...(caller.role === "CUSTOMER" && { userId: caller.userId }) });
    ({ items } = await shop.get(`/orders?${query}`));
  };
  page.poll(load, 2000);

  return () => (caller.role === "SELLER" ? html`<p>${t("orders.notForSellers")}</p>` : items ? card(t("orders.latest"),
    table(t("orders.latest"), [t("order"), t("customer"), t("lines"), numeric(t("payable")), t("status"), t("time")], items.map((order) => html`<tr>
      <td><a href="#/orders/${order.orderId}"><code>${order.orderId.slice(0, 13)}</code></a></td>
      <td>${order.userId}</td>
      <td class="wide">${order.items.map(({ name, quantity }) => `${name} × ${quantity}`).join(", ")}</td>
      <td class="number">${won(order.payable)}</td>
      <td>${badge(order.status)}</td>
      <td>${date(order.createdAt)}</td>
    </tr>`), t("orders.none")),
    choice(t("status"), "status", [["", t("all")], ...STATES.map((state) => [state, word(state)])], status, (value) => { status = value; page.act(load, null); })) : waiting());
}

function one(page, orderId) {
  let order = null;
  let entries = [];
  let events = [];
  let preview = null;
  let platformStatus = 200;

  const load = async () => {
    const read = await shop.get(`/orders/${orderId}`);
    const steps = await shop.get(`/orders/${orderId}/history`);
    entries = (steps.items ?? steps).toReversed();
    if (config.isLocal) await loadEvents();
    order = read;
  };
  const loadEvents = async () => {
    const bus = await stack.get("events");
    events = bus.events.filter(({ event }) => event.aggregateId === orderId || event.orderId === orderId || event.data?.orderId === orderId);
    ({ platformStatus } = bus);
  };
  page.poll(load, 1500);
  finishCheckout();

  const act = (task, done) => page.act(async () => {
    await task();
    preview = null;
    await load();
  }, done);
  const post = (path, body) => act(() => shop.post(`/orders/${orderId}${path}`, body));
  const postClaim = (claimId, action, body) => act(() => shop.post(`/claims/${claimId}/${action}`, body));
  const customer = () => people.find(({ userId }) => userId === order.userId) ?? { userId: order.userId, role: "CUSTOMER" };

  /** Pays as the customer at the provider, and has the shop confirm it. */
  const payByCard = (isDeclined) => act(async () => {
    const { checkout } = await shop.post("/payments", { purpose: { type: "ORDER", orderId } }, customer());
    const { clientKey, merchantOrderId, amount } = checkout;
    const outcome = isDeclined ? { outcome: "DECLINE" } : {};
    const { paymentKey } = await stack.post("payment-system/checkout", { clientKey, merchantOrderId, amount, method: "CARD", ...outcome });
    await confirm(merchantOrderId, paymentKey, amount);
  }, t("orders.paidByCard"));

  /** Sends the customer to the provider's own page, which leads back here. */
  const goToCheckout = () => page.act(async () => {
    const { checkout } = await shop.post("/payments", { purpose: { type: "ORDER", orderId } }, customer());
    const { addresses } = await stack.get("stack");
    const target = new URL("/checkout", addresses.paymentSystem);
    target.hostname = location.hostname;
    const { clientKey, merchantOrderId, amount, orderName } = checkout;
    const back = `${location.origin}/${location.hash}`;
    target.search = new URLSearchParams({ clientKey, orderId: merchantOrderId, amount, orderName, successUrl: back, failUrl: back });
    location.assign(target);
  }, null);

  /** Confirms the payment of a customer who comes back from the provider's page. */
  function finishCheckout() {
    const returned = Object.fromEntries(new URLSearchParams(location.search));
    if (!returned.paymentKey && !returned.code) return;
    history.replaceState(null, "", `/${location.hash}`);
    page.act(async () => {
      if (returned.code) throw new Error(returned.message);
      await load();
      await confirm(returned.orderId, returned.paymentKey, Number(returned.amount));
      await load();
    }, t("orders.paidByCard"));
  }

  async function confirm(paymentId, paymentKey, amount) {
    const { status } = await shop.post(`/payments/${paymentId}/confirm`, { paymentKey, amount }, customer());
    if (status !== "PAID") throw new Error(t("orders.notPaid", { status: word(status) }));
  }

  const toShip = (line) => line.quantity - line.cancelledQuantity + line.returnedQuantity - line.shippedQuantity;
  const returnable = (line) => line.deliveredQuantity - line.returnedQuantity;

  return () => (order ? html`
    <p><a href="#/orders">← ${t("view.orders")}</a></p>
    ${summary()}${lines()}${ship()}${claims()}${config.isLocal ? journey() : nothing}${card(t("orders.history"), past())}` : waiting());

  function summary() {
    // Elsewhere the customer alone pays, at the provider's page.
    const isWaiting = config.isLocal && order.payment === "EXTERNAL" && order.status === "PENDING_PAYMENT";
    const options = { disabled: page.busy };
    return card(html`<code>${orderId}</code>`, html`
      <p class="headline"><span id="order-status">${badge(order.status)}</span> ${won(order.payable)}</p>
      ${facts([
        [t("customer"), order.userId],
        [t("payment"), word(order.payment)],
        [t("orders.goods"), won(order.goodsTotal - order.goodsDiscount)],
        order.couponDiscount > 0 && [t("coupon"), `− ${won(order.couponDiscount)}`],
        [t("orders.shippingFee"), won(order.shippingFee)],
        [t("orders.paid"), won(order.paid)],
        [t("orders.refunded"), html`<span id="refunded">${won(order.refunded)}</span>`],
        order.holdExpiresAt && [t("orders.holdUntil"), date(order.holdExpiresAt)],
      ])}
      ${order.refunds?.length > 0 ? html`<ul class="plain">${order.refunds.map(({ amount, to, status, refundId }) => html`
        <li>${t("orders.refundTo", { amount: won(amount), to: word(to) })} ${badge(status)}
          ${status === "FAILED" ? button(t("orders.retryRefund"), () => post(`/refunds/${refundId}/retry`, {}), options) : nothing}</li>`)}</ul>` : nothing}
      <p class="actions" id="order-actions">
        ${order.allowedActions.includes("PAY") ? button(t("orders.payFromBalance"), () => post("/payment"), { ...options, kind: "first" }) : nothing}
        ${isWaiting ? html`
          ${button(t("orders.payByCard"), () => payByCard(false), { ...options, kind: "first" })}
          ${button(t("orders.checkout"), goToCheckout, options)}
          ${button(t("orders.payDeclined"), () => payByCard(true), options)}` : nothing}
        ${order.allowedActions.includes("CANCEL") ? button(t(order.paid > 0 ? "orders.cancelAndRefund" : "orders.cancel"), () => post("/cancel", {}), { ...options, kind: "danger" }) : nothing}
      </p>`);
  }

  function lines() {
    const options = { disabled: page.busy };
    return card(t("lines"), table(t("lines"), [t("product"), numeric(t("quantity")), numeric(t("amount")), t("status"), t("orders.next")], order.items.map((line) => html`<tr>
      <td class="wide"><a href="#/products/${line.productId}">${line.name}</a></td>
      <td class="number">${line.quantity}${line.cancelledQuantity > 0 ? html`<br><small>${t("orders.gone", { count: line.cancelledQuantity })}</small>` : nothing}</td>
      <td class="number">${won(line.amount)}</td>
      <td>${badge(line.status)}</td>
      <td class="actions">
        ${line.nextStatuses.map((status) => button(word(status), () => act(() => shop.patch(`/orders/${orderId}/items/${line.itemId}`, { status })),
          { ...options, name: t("orders.moveTo", { name: line.name, status: word(status) }) }))}
        ${order.allowedActions.includes("CANCEL") && toShip(line) > 0
          ? button(t("orders.cancelOne"), () => post("/cancel", { items: [{ itemId: line.itemId, quantity: 1 }] }), { ...options, name: t("orders.cancelOneOf", { name: line.name }) }) : nothing}
      </td>
    </tr>`)));
  }

  function ship() {
    const open = order.items.filter((line) => toShip(line) > 0 && ["PAID", "PREPARING", "SHIPPED", "IN_DELIVERY", "DELIVERED"].includes(line.status));
    const isOperator = currentCaller().role !== "CUSTOMER";
    const groups = Map.groupBy(open, ({ sellerId }) => sellerId ?? "");
    if (order.parcels.length === 0 && (!isOperator || open.length === 0)) return nothing;
    const pack = (group) => ({ carrier, trackingNumber }) => post("/parcels", {
      carrier, trackingNumber, items: group.map((line) => ({ itemId: line.itemId, quantity: toShip(line) })) });
    return card(t("orders.parcels"), html`
      ${order.parcels.length > 0 ? table(t("orders.parcels"), [t("orders.parcel"), t("orders.carrier"), numeric(t("orders.units")), t("status"), t("orders.next")], order.parcels.map((parcel) => html`<tr>
        <td>${parcel.parcelId}</td>
        <td class="wide">${parcel.carrier ?? "–"} ${parcel.trackingNumber ?? ""}</td>
        <td class="number">${parcel.items.reduce((sum, { quantity }) => sum + quantity, 0)}</td>
        <td>${badge(parcel.status)}</td>
        <td class="actions">${isOperator ? nextOfParcel(parcel.status).map((status) => button(word(status),
          () => act(() => shop.patch(`/orders/${orderId}/parcels/${parcel.parcelId}`, { status })),
          { disabled: page.busy, name: t("orders.moveParcel", { parcel: parcel.parcelId, status: word(status) }) })) : nothing}</td>
      </tr>`)) : nothing}
      ${isOperator ? [...groups].map(([sellerId, group]) => form(html`
        <p>${t("orders.packs", { seller: sellerId || t("shop"), units: group.reduce((sum, line) => sum + toShip(line), 0) })}</p>
        ${field(t("orders.carrier"), "carrier", "CJ대한통운")}
        ${field(t("orders.trackingNumber"), "trackingNumber", "688012345678")}`, t("orders.ship"), pack(group), page.busy)) : nothing}`);
  }

  function claims() {
    const returns = order.items.filter((line) => returnable(line) > 0 && ["DELIVERED", "PURCHASE_CONFIRMED"].includes(line.status));
    const existing = order.claims ?? [];
    if (returns.length === 0 && existing.length === 0) return nothing;
    const body = ({ itemId, type, reason }) => ({ type, reason, items: [{ itemId, quantity: 1 }] });
    const look = (fields) => page.act(async () => {
      preview = { ...(await shop.post(`/orders/${orderId}/claims?preview=true`, body(fields), customer())), fields };
    }, null);
    const ask = () => act(() => shop.post(`/orders/${orderId}/claims`, { ...body(preview.fields), expectedTotal: preview.refund.total }, customer()));
    return card(t("orders.claims"), html`
      ${existing.length > 0 ? table(t("orders.claims"), [t("orders.claim"), t("orders.reason"), numeric(t("orders.refund")), t("status"), t("orders.next")], existing.map(claimRow)) : nothing}
      ${returns.length > 0 ? form(html`
        ${choice(t("product"), "itemId", returns.map(({ itemId, name }) => [itemId, name]), returns[0].itemId)}
        ${choice(t("orders.claim"), "type", ["RETURN", "EXCHANGE"].map((type) => [type, word(type)]), "RETURN")}
        ${choice(t("orders.reason"), "reason", ["CHANGE_OF_MIND", "DEFECT", "WRONG_ITEM", "DAMAGED"].map((reason) => [reason, word(reason)]), "CHANGE_OF_MIND")}`,
      t("orders.previewClaim"), look, page.busy) : nothing}
      ${preview ? html`<p class="actions" role="status">${t("orders.preview", { total: won(preview.refund.total), fee: won(preview.refund.returnFee) })}
        ${button(t("orders.askClaim"), ask, { disabled: page.busy, kind: "first" })}</p>` : nothing}`);
  }

  function claimRow(claim) {
    const options = { disabled: page.busy };
    const all = (condition) => ({ items: claim.items.map(({ itemId, quantity }) => ({ itemId, quantity, condition })) });
    const steps = {
      DECIDE: () => [
        button(t("orders.accept"), () => postClaim(claim.claimId, "decide", { accept: true }), { ...options, kind: "first" }),
        button(t("orders.refuse"), () => postClaim(claim.claimId, "decide", { accept: false }), options)],
      RECEIVE: () => [
        button(t("orders.receiveSellable"), () => postClaim(claim.claimId, "receive", all("SELLABLE")), { ...options, kind: "first" }),
        button(t("orders.receiveUnsellable"), () => postClaim(claim.claimId, "receive", all("UNSELLABLE")), options)],
      WITHDRAW: () => [button(t("orders.withdraw"), () => postClaim(claim.claimId, "withdraw"), options)],
      SHIP: () => [button(t("orders.shipReplacement"), () => post("/parcels", {
        carrier: "CJ대한통운", trackingNumber: "688012345679", claimId: claim.claimId,
        items: claim.items.map(({ itemId, quantity }) => ({ itemId, quantity })) }), { ...options, kind: "first" })],
    };
    return html`<tr>
      <td>${word(claim.type)}</td><td class="wide">${word(claim.reason)}</td>
      <td class="number">${won(claim.refund.total)}</td><td>${badge(claim.status)}</td>
      <td class="actions">${(claim.allowedActions ?? []).map((action) => steps[action]?.() ?? nothing)}</td>
    </tr>`;
  }

  /** Each event of the order, from its commit over the bus to the data platform. */
  function journey() {
    return card(t("orders.events"), html`<div id="journey">${table(t("orders.events"), [t("events.kind"), t("events.onBus"), t("events.platform")], events.map((seen) => html`<tr>
      <td class="wide">${word(seen.kind)}<br><code>${seen.kind}</code></td>
      <td>${date(seen.seenAt)}</td>
      <td>${way(seen, platformStatus)}</td>
    </tr>`), t("events.none"))}</div>`);
  }

  function past() {
    return html`<ol class="history">${entries.map((entry) => {
      const line = order.items.find(({ itemId }) => itemId === entry.itemId);
      return html`<li>
        <time datetime=${entry.at}>${date(entry.at)}</time>
        <span>${word(`${entry.event}`)}${line ? ` · ${line.name}` : ""}${entry.quantity ? ` × ${number(entry.quantity)}` : ""}</span>
        <span>${entry.from && entry.from !== entry.to ? html`${word(entry.from)} → ` : nothing}${word(entry.to)}</span>
        <span class="quiet">${word(entry.actor)}${entry.reason ? ` · ${entry.reason}` : ""}</span>
      </li>`;
    })}</ol>`;
  }
}

const nextOfParcel = (status) => ({ SHIPPED: ["IN_DELIVERY", "DELIVERED"], IN_DELIVERY: ["DELIVERED"] })[status] ?? [];
