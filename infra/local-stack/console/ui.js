// Pieces of markup that the views share.

import { html, nothing, svg } from "./vendor/lit-html.js";
import { t, word } from "./i18n.js";

export { html, nothing, svg };

const tones = {
  good: ["PAID", "COMPLETED", "DELIVERED", "PURCHASE_CONFIRMED", "ON_SALE", "SUCCEEDED", "ACTIVE", "EXCHANGED", "ACCEPTED"],
  bad: ["PAYMENT_FAILED", "FAILED", "REFUSED", "SOLD_OUT", "DECLINED", "HIDDEN", "DISCONTINUED"],
  quiet: ["CANCELLED", "FULLY_REFUNDED", "RETURNED", "WITHDRAWN", "EXPIRED"],
};
const toneOf = (code) => Object.keys(tones).find((tone) => tones[tone].includes(code)) ?? "open";

export const badge = (code) => html`<span class="badge ${toneOf(code)}">${word(code)}</span>`;

/** The head of a column of numbers. */
export const numeric = (text) => ({ text, isNumeric: true });

/** A table that scrolls by itself where the window is narrow; the keyboard reaches it. */
export const table = (caption, heads, rows, empty = t("none")) => html`
  <div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="hidden">${caption}</caption>
      <thead><tr>${heads.map(head)}</tr></thead>
      <tbody>${rows.length > 0 ? rows : html`<tr><td colspan=${heads.length} class="empty">${empty}</td></tr>`}</tbody>
    </table>
  </div>`;

const head = (head) => (head === "" ? html`<td></td>` : html`<th scope="col" class=${head.isNumeric ? "number" : ""}>${head.text ?? head}</th>`);

export const card = (title, content, actions = nothing) => html`
  <section class="card"><header><h2>${title}</h2>${actions}</header>${content}</section>`;

export const button = (label, onclick, { disabled = false, kind = "", name = label } = {}) => html`
  <button type="button" class=${kind} aria-label=${name} ?disabled=${disabled} @click=${onclick}>${label}</button>`;

export const choice = (label, name, options, value, onchange = () => {}) => html`
  <label>${label}
    <select name=${name} @change=${(event) => onchange(event.target.value)}>
      ${options.map(([option, text]) => html`<option value=${option} ?selected=${option === value}>${text}</option>`)}
    </select>
  </label>`;

export const field = (label, name, value, { type = "text", min = nothing, max = nothing, autocomplete = nothing, isOptional = false } = {}) => html`
  <label>${label}<input name=${name} type=${type} value=${value} min=${min} max=${max} autocomplete=${autocomplete} ?required=${!isOptional}></label>`;

/** A form whose fields are handed over as an object. */
export const form = (content, label, submit, busy) => html`
  <form @submit=${(event) => {
    event.preventDefault();
    submit(Object.fromEntries(new FormData(event.target)));
  }}>${content}<button class="first" ?disabled=${busy}>${label}</button></form>`;

export const facts = (pairs) => html`
  <dl>${pairs.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** How much of a whole is left, as a bar and in words. */
export const left = (label, rest, whole) => html`
  <span class="left"><meter min="0" max=${Math.max(whole, 1)} value=${rest} aria-label=${label}></meter></span>`;

export const waiting = () => html`<p class="empty">${t("loading")}</p>`;
