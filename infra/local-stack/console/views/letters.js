// Dead letters: messages that could not be handled, redriven or dropped by the tool of operators.

import { stack } from "../api.js";
import { date, t, word } from "../i18n.js";
import { badge, button, card, html, nothing, table, waiting } from "../ui.js";

export default function letters(page) {
  let places = null;
  const load = async () => { ({ places } = await stack.get("dead-letters")); };
  page.act(load, null);

  const change = (act, id) => page.act(async () => {
    await stack.post(`dead-letters/${act}`, id ? { id } : {});
    await load();
  });

  return () => {
    const all = (places ?? []).flatMap((place) => place.letters.map((letter) => ({ ...letter, ...place })));
    return html`
      <p class="lead">${t("letters.lead")}</p>
      ${card(t("letters.title"), places ? html`
        <p class="actions">
          ${button(t("letters.look"), () => page.act(load, null), { disabled: page.busy })}
          ${all.length > 0 ? button(t("letters.redriveAll"), () => change("redrive"), { disabled: page.busy, kind: "first" }) : nothing}
        </p>
        ${table(t("letters.title"), [t("letters.place"), t("letters.event"), t("letters.reason"), t("letters.since"), t("orders.next")], all.map((letter) => html`<tr>
          <td>${letter.place}<br><small>→ ${letter.destination}</small></td>
          <td>${letter.kind ? word(letter.kind) : "–"}<br><code>${letter.eventId ?? letter.id}</code></td>
          <td class="wide" lang="en">${letter.reason}</td>
          <td>${letter.sentAt ? date(letter.sentAt) : "–"}</td>
          <td class="actions">${button(t("letters.redrive"), () => change("redrive", letter.id), { disabled: page.busy })}
            ${button(t("letters.drop"), () => change("drop", letter.id), { disabled: page.busy, kind: "danger" })}</td>
        </tr>`), t("letters.none"))}
        <p class="quiet">${t("letters.places", { count: places.length })}</p>` : waiting(),
      badge(String(all.length)))}`;
  };
}
