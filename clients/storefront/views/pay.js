// A payment from outside: the way to the provider's page, and the return from it.

import { get, post } from "../api.js";
import { config } from "../config.js";
import { date, t, won } from "../i18n.js";
import { badge, button, card, facts, html, nothing, waiting } from "../ui.js";

/** Opens a payment, and sends the customer to the provider's page. */
export async function goToPayment(purpose) {
  const { paymentId, checkout } = await post("/payments", { purpose });
  const back = `${location.origin}${location.pathname}#/pay/${paymentId}`;
  if (checkout) location.assign(await config.paymentPage(checkout, back));
  // A payment that waits for a deposit has begun already.
  else location.assign(back);
}

export default function pay(page, paymentId) {
  const path = `/payments/${encodeURIComponent(paymentId)}`;
  const { paymentKey, orderId, amount, code, message } = Object.fromEntries(new URLSearchParams(location.search));
  const isReturn = Boolean(paymentKey) && orderId === paymentId;
  let session = null;
  let objection = code ? message : null;

  const confirm = () => page.act(async () => {
    session = await post(`${path}/confirm`, { paymentKey, amount: Number(amount) });
    forgetReturn();
  });
  /** The query stays until the answer is known: a reload confirms again, with the same key. */
  const forgetReturn = () => history.replaceState(null, "", `${location.pathname}${location.hash}`);

  if (isReturn) confirm();
  else if (code) forgetReturn();
  page.poll(async () => {
    if (!page.busy && (!session || ["CONFIRMING", "WAITING_FOR_DEPOSIT"].includes(session.status))) session = await get(path);
  }, 2000);

  const again = () => page.act(() => {
    objection = null;
    return goToPayment(session.purpose);
  });

  return () => (session ? card(html`<span id="payment-status">${badge(session.status)}</span>`, html`
    ${facts([
      [t("payable"), won(session.amount)],
      session.reason && [t("pay.reason"), session.reason],
      session.deposit && [t("pay.account"), `${session.deposit.bank} ${session.deposit.account}`],
      session.deposit && [t("pay.due"), date(session.deposit.dueAt)],
    ])}
    ${objection ? html`<p class="objection">${objection}</p>` : nothing}
    <p class="actions">
      ${["READY", "DECLINED"].includes(session.status) ? button(t("pay.again"), again, { disabled: page.busy, kind: "first" }) : nothing}
      ${session.purpose.type === "ORDER" ? html`<a href="#/orders/${session.purpose.orderId}">${t("order")}</a>` : html`<a href="#/balance">${t("view.balance")}</a>`}
    </p>`) : waiting());
}
