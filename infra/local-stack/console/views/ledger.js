// A ledger, with its chain of hashes verified by Web Crypto in this browser.

import { currentCaller, customers, people, shop, stack } from "../api.js";
import { verify } from "../chain.js";
import { date, number, t, won, word } from "../i18n.js";
import { button, card, choice, field, form, html, nothing, numeric, table, waiting } from "../ui.js";

export default function ledger(page, argument) {
  const caller = currentCaller();
  const user = caller.role === "CUSTOMER" ? caller.userId : argument ?? customers[0];
  let entries = null;
  let account = null;
  let result = null;
  let isTampered = false;

  page.poll(async () => {
    if (isTampered) return;
    const [accounts, stored] = await Promise.all([stack.items(`USER#${user}`, "ACCOUNT"), stack.items(`USER#${user}`, "LEDGER#")]);
    const isChanged = account && accounts[0]?.head !== account.head;
    [account, entries] = [accounts[0], stored];
    if (isChanged) result = null;
  }, 2000);

  const check = () => page.act(async () => {
    if (!crypto.subtle) throw new Error(t("ledger.insecure"));
    result = await verify(user, entries, account);
  }, null);

  /** Changes an amount in the copy of this page alone, as somebody with access to the table could. */
  const tamper = () => page.act(async () => {
    isTampered = true;
    const index = Math.floor(entries.length / 2);
    entries = entries.map((entry, at) => (at === index ? { ...entry, amount: entry.amount + 1000 } : entry));
    result = await verify(user, entries, account);
  }, null);

  const restore = () => page.act(async () => {
    isTampered = false;
    result = null;
    entries = await stack.items(`USER#${user}`, "LEDGER#");
  }, null);

  const charge = ({ amount }) => page.act(
    () => shop.post("/balance/charge", { userId: user, amount: Number(amount) }, people.find(({ userId }) => userId === user)),
  );

  return () => (entries ? html`
    <p class="lead">${t("ledger.lead")}</p>
    ${card(t("ledger.of", { user }), html`
      <p class="headline" id="balance">${won(account?.balance ?? 0)}</p>
      <p class="actions">
        ${button(t("ledger.verify"), check, { disabled: page.busy || entries.length === 0, kind: "first" })}
        ${isTampered ? button(t("ledger.restore"), restore, { disabled: page.busy }) : button(t("ledger.tamper"), tamper, { disabled: page.busy || entries.length === 0 })}
      </p>
      ${result ? verdict() : nothing}
      ${form(field(t("amount"), "amount", 100000, { type: "number", min: 100, max: 1000000 }), t("ledger.charge"), charge, page.busy)}`,
    caller.role === "CUSTOMER" ? nothing : choice(t("customer"), "user", customers.map((id) => [id, id]), user, (id) => { location.hash = `#/ledger/${id}`; }))}
    ${card(t("ledger.entries", { count: number(entries.length) }), table(t("ledger.title"),
      [numeric(t("ledger.sequence")), t("ledger.type"), numeric(t("amount")), numeric(t("ledger.balanceAfter")), t("order"), t("time"), t("ledger.hash")],
      entries.map((entry, index) => row(entry, result?.verified[index])).toReversed(), t("ledger.none")))}` : waiting());

  function verdict() {
    const broken = result.verified.filter(({ faults }) => faults.length > 0).length + (result.ofAccount.length > 0 ? 1 : 0);
    return html`<p id="verdict" class="verdict ${broken === 0 ? "good" : "bad"}" role="status">
      ${broken === 0 ? t("ledger.good", { count: number(entries.length) }) : t("ledger.bad", { count: number(broken) })}</p>`;
  }

  function row(entry, verified) {
    return html`<tr class=${verified ? (verified.faults.length === 0 ? "verified" : "broken") : ""}>
      <td class="number">${entry.sequence}</td>
      <td>${word(entry.type)}</td>
      <td class="number">${won(entry.amount)}</td>
      <td class="number">${won(entry.balanceAfter)}</td>
      <td>${entry.orderId ? html`<a href="#/orders/${entry.orderId}"><code>${entry.orderId.slice(0, 13)}</code></a>` : "–"}</td>
      <td>${date(entry.at)}</td>
      <td><code>${(verified?.hash ?? "").slice(0, 12)}</code>${verified
        ? html` <span class="badge ${verified.faults.length === 0 ? "good" : "bad"}">${verified.faults.length === 0 ? t("ledger.chained") : verified.faults.map((fault) => t(`ledger.fault.${fault}`)).join(", ")}</span>`
        : nothing}</td>
    </tr>`;
  }
}
