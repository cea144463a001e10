// A ledger, with its chain of hashes verified by Web Crypto in this browser.

import { config } from "../config.js";
import { currentCaller, customers, people, shop } from "../api.js";
import { verify } from "../chain.js";
import { date, number, t, won, word } from "../i18n.js";
import { button, card, choice, field, form, html, nothing, numeric, table, waiting } from "../ui.js";

/** The most parts of a ledger that are read, of a hundred entries each: the newest ones. */
const PARTS = 50;
const TRIES = 3;

export default function ledger(page, argument) {
  const caller = currentCaller();
  const user = caller.role === "ADMIN" ? argument ?? customers[0] : caller.userId;
  let entries = null;
  let account = null;
  let isWhole = true;
  let result = null;
  let isTampered = false;

  /** Reads account and entries. An entry that came in between belongs to neither or to both: then all is read again. */
  async function read() {
    for (let attempt = 1; ; attempt += 1) {
      const now = await shop.get(`/balance/${user}`);
      if (account?.head === now.head && entries && !isTampered) return;
      const { items, nextCursor } = await newest();
      if ((items[0]?.sequence ?? 0) !== now.sequence && attempt < TRIES) continue;
      [account, entries, isWhole, result] = [now, items.reverse(), !nextCursor, null];
      return;
    }
  }

  async function newest() {
    const items = [];
    let nextCursor = "";
    for (let part = 0; part < PARTS && nextCursor !== null; part += 1) {
      const { items: more, nextCursor: next } = await shop.get(`/balance/${user}/entries?limit=100${nextCursor && `&cursor=${nextCursor}`}`);
      items.push(...more);
      nextCursor = next ?? null;
    }
    return { items, nextCursor };
  }

  if (user) page.poll(async () => { if (!isTampered) await read(); }, 2000);

  const check = () => page.act(async () => {
    if (!crypto.subtle) throw new Error(t("ledger.insecure"));
    result = await verify(user, entries, account, isWhole);
  }, null);

  /** Changes an amount in the copy of this page alone, as somebody with access to the table could. */
  const tamper = () => page.act(async () => {
    isTampered = true;
    const index = Math.floor(entries.length / 2);
    entries = entries.map((entry, at) => (at === index ? { ...entry, amount: entry.amount + 1000 } : entry));
    result = await verify(user, entries, account, isWhole);
  }, null);

  const restore = () => page.act(async () => {
    await read();
    isTampered = false;
  }, null);

  const charge = ({ amount }) => page.act(
    () => shop.post("/balance/charge", { userId: user, amount: Number(amount) }, people.find(({ userId }) => userId === user)),
  );

  const show = (id) => { location.hash = `#/ledger/${id}`; };
  const whose = () => {
    if (caller.role !== "ADMIN") return nothing;
    return config.isLocal
      ? choice(t("customer"), "user", customers.map((id) => [id, id]), user, show)
      : form(field(t("customer"), "user", user ?? ""), t("ledger.show"), (fields) => show(fields.user), page.busy);
  };

  return () => {
    if (!user) return card(t("ledger.title"), whose());
    return entries ? html`
      <p class="lead">${t("ledger.lead")}</p>
      ${card(t("ledger.of", { user }), html`
        <p class="headline" id="balance">${won(account.balance)}</p>
        <p class="actions">
          ${button(t("ledger.verify"), check, { disabled: page.busy || entries.length === 0, kind: "first" })}
          ${isTampered ? button(t("ledger.restore"), restore, { disabled: page.busy }) : button(t("ledger.tamper"), tamper, { disabled: page.busy || entries.length === 0 })}
        </p>
        ${result ? verdict() : nothing}
        ${config.isLocal ? form(field(t("amount"), "amount", 100000, { type: "number", min: 100, max: 1000000 }), t("ledger.charge"), charge, page.busy) : nothing}`,
      whose())}
      ${card(t(isWhole ? "ledger.entries" : "ledger.newest", { count: number(entries.length) }), table(t("ledger.title"),
        [numeric(t("ledger.sequence")), t("ledger.type"), numeric(t("amount")), numeric(t("ledger.balanceAfter")), t("order"), t("time"), t("ledger.hash")],
        entries.map((entry, index) => row(entry, result?.verified[index])).toReversed(), t("ledger.none")))}` : waiting();
  };

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
