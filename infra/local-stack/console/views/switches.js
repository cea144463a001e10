// Switches of the outside systems: how they behave from now on.

import { stack } from "../api.js";
import { t } from "../i18n.js";
import { button, card, html } from "../ui.js";

const BUS = {
  silent: [], succeeds: [{ result: "SUCCEEDED" }], declines: [{ result: "FAILED" }],
  late: [{ result: "SUCCEEDED", afterMs: 5000 }], twice: [{ result: "SUCCEEDED", times: 2 }],
  otherAmount: [{ result: "SUCCEEDED", amount: 1 }],
};
const PROVIDER = {
  fine: [], declines: [{ on: "CONFIRM", does: "DECLINE", code: "REJECT_CARD_PAYMENT" }],
  silent: [{ on: "CONFIRM", does: "SILENT_AFTER" }], fails: [{ on: "CONFIRM", does: "FAIL_BEFORE" }],
  noticesTwice: [{ on: "NOTICE", does: "TWICE" }],
};
const REFUNDS = { succeed: { result: "SUCCEEDED" }, fail: { result: "FAILED", reason: "ACCOUNT_FROZEN" }, none: { result: "NONE" } };
const PLATFORM = { up: { status: 200 }, down: { status: 503 }, refuses: { status: 400 } };

export default function switches(page) {
  const set = {};
  page.poll(async () => {
    const { status } = await stack.get("data-platform/mode");
    set.platform = Object.keys(PLATFORM).find((name) => PLATFORM[name].status === status);
  }, 2000);

  const group = (name, options, path) => card(t(`switches.${name}`), html`
    <p>${t(`switches.about.${name}`)}</p>
    <p class="actions">${Object.entries(options).map(([option, body]) => html`
      <button type="button" aria-pressed=${set[name] === option ? "true" : "false"} ?disabled=${page.busy} @click=${() => page.act(async () => {
        await stack.put(path, body);
        set[name] = option;
      })}>${t(`switches.${name}.${option}`)}</button>`)}</p>`);

  return () => html`
    <p class="lead">${t("switches.lead")}</p>
    ${group("platform", PLATFORM, "data-platform/mode")}
    ${group("bus", BUS, "payment-system/users/*/behaviour")}
    ${group("provider", PROVIDER, "payment-system/faults")}
    ${group("refunds", REFUNDS, "payment-system/refunds/behaviour")}`;
}
