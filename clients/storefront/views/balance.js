// The balance with its ledger, and a top-up by the payment page.

import { get, parts } from "../api.js";
import { config } from "../config.js";
import { date, t, won, word } from "../i18n.js";
import { button, card, field, form, html, nothing, submit, waiting } from "../ui.js";
import { goToPayment } from "./pay.js";

export default function balance(page) {
  const userId = config.identity.userId();
  const entries = parts(`/balance/${userId}/entries?limit=20`);
  let amount = null;
  page.load(async () => { ({ balance: amount } = await get(`/balance/${userId}`)); });
  page.load(entries.more);

  const topUp = (fields) => page.act(() => goToPayment({ type: "TOP_UP", userId, amount: Number(fields.amount) }));

  return () => (amount === null ? waiting() : html`
    ${card(t("balance.topUp"), html`
      <p class="headline" id="balance">${won(amount)}</p>
      ${form(html`${field(page, t("balance.amount"), "amount", 50_000, { type: "number" })}
        <p class="actions">${submit(page, t("balance.toPayment"))}</p>`, topUp)}`)}
    ${card(t("balance.ledger"), html`<ul class="lines">${entries.items.map((entry) => html`
      <li><span class="name">${word(entry.type)} <span class="soft">${date(entry.at)}</span>
        ${entry.orderId ? html`<a href="#/orders/${entry.orderId}">${t("order")}</a>` : nothing}</span>
        <b>${won(entry.amount)}</b></li>`)}</ul>
      ${entries.cursor ? button(t("more"), () => page.act(entries.more), { disabled: page.busy }) : nothing}`)}`);
}
