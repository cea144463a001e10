// Events on the bus, and their way to the data platform.

import { stack } from "../api.js";
import { date, number, t, word } from "../i18n.js";
import { badge, button, card, html, nothing, table, waiting } from "../ui.js";

/** The kinds that a rule of the template sends to the data platform. */
const DELIVERED = ["OrderPaid", "OrderPaymentFailed", "OrderCancelled", "OrderRefunded", "OrderCompleted", "OrderReopened"];

/** The way of an event, in words. */
export function way({ kind, event, arrivedAt }, platformStatus) {
  if (arrivedAt) {
    const seconds = (new Date(arrivedAt) - new Date(event.occurredAt)) / 1000;
    return html`<span class="badge good">${t("events.arrived")}</span> <small>${t("events.after", { seconds: number(Math.round(seconds * 10) / 10) })}</small>`;
  }
  if (!DELIVERED.includes(kind)) return html`<small>${t("events.notSent")}</small>`;
  return html`<span class="badge ${platformStatus === 200 ? "open" : "bad"}">${t(platformStatus === 200 ? "events.underway" : "events.waits", { status: platformStatus })}</span>`;
}

export default function events(page) {
  let seen = null;
  let platformStatus = 200;
  const load = async () => { ({ events: seen, platformStatus } = await stack.get("events")); };
  page.poll(load, 1000);
  const answer = (status) => page.act(async () => {
    await stack.put("data-platform/mode", { status });
    await load();
  });

  return () => (seen ? html`
    <p class="lead">${t("events.lead")}</p>
    ${card(t("events.platform"), html`<p>${platformStatus === 200 ? t("events.up") : t("events.down", { status: platformStatus })}
      ${platformStatus === 200 ? button(t("events.takeDown"), () => answer(503), { disabled: page.busy }) : button(t("events.bringUp"), () => answer(200), { disabled: page.busy, kind: "first" })}</p>`)}
    ${card(t("events.bus"), table(t("events.bus"), [t("events.kind"), t("events.subject"), t("events.onBus"), t("events.platform")], seen.slice(0, 100).map((one) => html`<tr>
      <td class="wide">${word(one.kind)}<br><code>${one.kind}</code></td>
      <td>${subject(one.event)}</td>
      <td>${date(one.seenAt)}</td>
      <td>${way(one, platformStatus)}</td>
    </tr>`), t("events.none")), badge(String(seen.length)))}` : waiting());
}

function subject({ aggregateId, orderId, data }) {
  const order = orderId ?? data?.orderId;
  if (order) return html`<a href="#/orders/${order}"><code>${order.slice(0, 13)}</code></a>`;
  return aggregateId ? html`<code>${aggregateId.slice(0, 24)}</code>` : nothing;
}
