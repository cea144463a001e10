// The audit of the books: the tool of operators, run here, with its sentences.

import { stack } from "../api.js";
import { t } from "../i18n.js";
import { button, card, html, nothing } from "../ui.js";

export default function audit(page) {
  let result = null;

  const run = () => page.act(async () => {
    result = null;
    result = await stack.post("audit");
  }, null);

  return () => html`
    <p class="lead">${t("audit.lead")}</p>
    ${card(t("audit.title"), html`
      <p class="actions">${button(t("audit.run"), run, { disabled: page.busy, kind: "first" })}</p>
      <p role="status">${page.busy ? t("audit.running") : ""}</p>
      ${result ? html`
        <p id="verdict" class="verdict ${result.isClean ? "good" : "bad"}" role="status">${t(result.isClean ? "audit.clean" : "audit.wrong")}</p>
        <ul class="plain">${result.sentences.map((sentence) => html`<li lang="en">${sentence}</li>`)}</ul>` : nothing}`)}`;
}
