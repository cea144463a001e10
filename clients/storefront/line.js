// The waiting line of a drop. The shop refuses a request without a ticket and names the drop; the page then enters its line,
// and sends the request again in the customer's turn.

import { get, post } from "./api.js";
import { number, t, time } from "./i18n.js";
import { html, nothing } from "./ui.js";

/** The standing of a ticket is at most a second old. */
const LOOK = 1500;

/** The turns that one press of a button waits for. */
const TURNS = 3;

/** The refusals that another turn mends. An order of products of two lines has no valid ticket. */
const MENDED = ["TICKET_MISSING", "TICKET_WAITING", "TICKET_EXPIRED"];

/** The requests of a page that wait in a line, one at a time. */
export class Line {
  #page;
  #entry = null;

  constructor(page) {
    this.#page = page;
  }

  /** Sends a request, given its headers, with a ticket if the shop asks for one. Once the page is left it returns null. */
  async inTurn(send) {
    let headers = {};
    for (let turn = 0; ; turn += 1) {
      try {
        return await send(headers);
      } catch (error) {
        const { dropId, reason } = error.details ?? {};
        if (!dropId || turn === TURNS || !MENDED.includes(reason)) throw error;
        const ticket = await this.#ticket(`/drops/${encodeURIComponent(dropId)}/entries`);
        if (!ticket) return null;
        headers = { "x-drop-ticket": ticket };
      } finally {
        this.#entry = null;
      }
    }
  }

  /** The ticket of a customer whose turn has come; none if they left. */
  async #ticket(path) {
    let entry = await post(path);
    while (entry.status !== "ADMITTED") {
      this.#entry = entry;
      this.#page.update();
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      if (!this.#page.isOpen) return null;
      entry = entry.status === "EXPIRED" ? await post(path) : await get(`${path}?ticket=${encodeURIComponent(entry.ticket)}`);
    }
    return this.#page.isOpen ? entry.ticket : null;
  }

  /** The customer's place, while they wait. */
  standing() {
    if (!this.#entry) return nothing;
    const { place, estimatedAt, soldOut } = this.#entry;
    return html`<div id="line" class="card" role="status">
      <p class="headline">${t("line.place", { place: number(place) })}</p>
      <p>${soldOut ? t("line.soldOut") : estimatedAt ? t("line.estimate", { time: time(estimatedAt) }) : nothing}</p>
      <p class="soft">${t("line.stay")}</p></div>`;
  }
}
