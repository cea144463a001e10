// The terms on which a product is sold: limit, window and timed offers; and the waiting line before it.

import { currentCaller, shop } from "../api.js";
import { day, number, t, won } from "../i18n.js";
import { button, card, choice, field, form, html, nothing } from "../ui.js";

export function termsOf(page, item, drop) {
  const { productId, limit, saleFrom, saleUntil, offers = [] } = item;
  const texts = [
    limit && t(`terms.limit.${limit.within}`, { count: number(limit.perUser) }),
    saleFrom && t("terms.from", { date: day(saleFrom) }),
    saleUntil && t("terms.until", { date: day(saleUntil) }),
    ...offers.map(({ discount, from, until, quantity }) => t(quantity ? "terms.offerOf" : "terms.offer",
      { price: won(item.price - discount), from: day(from), until: day(until), count: number(quantity ?? 0) })),
  ].filter(Boolean);

  // What was not changed is not sent: a field has whole minutes, and a limit that is set again begins anew.
  const change = ({ perUser, within, from, until }) => page.act(() => shop.patch(`/products/${productId}`, {
    ...((perUser !== `${limit?.perUser ?? ""}` || (limit && within !== limit.within)) && { limit: perUser === "" ? null : { perUser: Number(perUser), within } }),
    ...(from !== local(saleFrom) && { saleFrom: instant(from) }),
    ...(until !== local(saleUntil) && { saleUntil: instant(until) }),
  }), t("terms.changed"));
  const setOffers = (all) => page.act(() => shop.patch(`/products/${productId}`, { offers: all }), t("terms.changed"));
  const addOffer = ({ offerDiscount, offerFrom, offerUntil, offerQuantity }) => setOffers([...offers, {
    discount: Number(offerDiscount), from: instant(offerFrom), until: instant(offerUntil),
    ...(offerQuantity !== "" && { quantity: Number(offerQuantity) }),
  }]);

  return card(t("terms"), html`
    ${texts.length > 0 ? html`<ul id="terms">${texts.map((text) => html`<li>${text}</li>`)}</ul>` : html`<p id="terms">${t("terms.none")}</p>`}
    ${form(html`
      ${field(t("terms.perUser"), "perUser", limit?.perUser ?? "", { type: "number", min: 1, max: 1000, isOptional: true })}
      ${choice(t("terms.within"), "within", ["EVER", "DAY"].map((within) => [within, t(`terms.within.${within}`)]), limit?.within ?? "EVER")}
      ${field(t("terms.saleFrom"), "from", local(saleFrom), { type: "datetime-local", isOptional: true })}
      ${field(t("terms.saleUntil"), "until", local(saleUntil), { type: "datetime-local", isOptional: true })}`,
    t("terms.change"), change, page.busy)}
    ${form(html`
      ${field(t("terms.offer.discount"), "offerDiscount", "", { type: "number", min: 1, max: item.price })}
      ${field(t("terms.offer.from"), "offerFrom", "", { type: "datetime-local" })}
      ${field(t("terms.offer.until"), "offerUntil", "", { type: "datetime-local" })}
      ${field(t("terms.offer.quantity"), "offerQuantity", "", { type: "number", min: 1, isOptional: true })}`,
    t("terms.offer.add"), addOffer, page.busy)}
    ${offers.length > 0 ? button(t("terms.offer.clear"), () => setOffers(null), { disabled: page.busy }) : nothing}
    ${currentCaller().role === "ADMIN" ? html`
      <p id="line">${lineOf(drop)}</p>
      ${lineForm(page, () => ({ target: { productId }, dropId: item.dropId }))}` : nothing}`);
}

/** A waiting line in words, as it was a moment ago. */
export function lineOf(drop) {
  if (!drop) return t("terms.line.none");
  const { opensAt, enabled, waiting, inside } = drop;
  return t(enabled ? "terms.line.is" : "terms.line.isOff", { date: day(opensAt), waiting: number(waiting), inside: number(inside) });
}

/** Sets the waiting line before a product or a campaign. A new one gets the id of what it guards; `of` reads both from the fields. */
export function lineForm(page, of, fields = nothing) {
  const guard = ({ opensAt, enabled, ...others }) => {
    const { target, dropId = Object.values(target)[0] } = of(others);
    return page.act(() => shop.put(`/drops/${dropId}`, { ...target, opensAt: instant(opensAt), enabled: enabled === "true" }), t("terms.guarded"));
  };
  return form(html`
    ${fields}
    ${field(t("terms.opensAt"), "opensAt", "", { type: "datetime-local" })}
    ${choice(t("terms.line"), "enabled", [["true", t("terms.line.on")], ["false", t("terms.line.off")]], "true")}`,
  t("terms.guard"), guard, page.busy);
}

/** An instant as a field has it, in the time of the browser. */
function local(instant) {
  if (!instant) return "";
  const time = new Date(instant);
  return new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const instant = (text) => (text === "" ? null : new Date(text).toISOString());
