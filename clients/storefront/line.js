// The waiting line of a drop. The shop refuses a request without a ticket and names the drop; the page then enters its line,
// and sends the request again in the customer's turn.

import { get, post } from "./api.js";
import { number, t, time } from "./i18n.js";
import { html, nothing } from "./ui.js";

/** The standing of a ticket is at most a second old. */
const LOOK = 1500;

/** The requests of a page that wait in a line, one at a time. */
export class Line {
  #page;
  #entry = null;

  constructor(page) {
    this.#page = page;
  }

  /** Sends a request, given its headers, with a ticket if the shop asks for one. Nothing is sent once the page is left. */
  async inTurn(send) {
    let headers = {};
    for (;;) {
      try {
        return await send(headers);
      } catch (error) {
        const { dropId, reason } = error.details ?? {};
        // A ticket serves once, and its customer has no other until its turn has ended.
        if (!dropId || reason === "TICKET_USED") throw error;
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
    return entry.ticket;
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
