// The sign-in of a deployed shop: by the user pool, or with a token of the shop's own issuer.

import { config } from "../config.js";
import { answerChallenge, beginSignIn, currentCaller, signInWith } from "../identity.js";
import { t } from "../i18n.js";
import { card, field, form, html, nothing } from "../ui.js";

export default function signIn(page, goOn) {
  let user = "";
  let challenge = null;

  const act = (task) => page.act(async () => {
    await task();
    if (currentCaller()) goOn();
  }, null);
  const begin = (fields) => act(async () => {
    ({ user } = fields);
    challenge = await beginSignIn(user, fields.password);
  });
  const answer = (fields) => act(async () => { challenge = await answerChallenge(challenge, user, fields.answer); });
  const useToken = ({ token }) => act(async () => {
    if (!signInWith(token)) throw new Error(t("signIn.badToken"));
  });

  return () => html`
    <p class="lead">${t("signIn.lead", { api: config.api })}</p>
    ${card(t("view.signIn"), config.signIn ? challenge ? answerForm() : passwordForm() : tokenForm())}`;

  function passwordForm() {
    return form(html`
      ${field(t("signIn.user"), "user", user, { autocomplete: "username" })}
      ${field(t("signIn.password"), "password", "", { type: "password", autocomplete: "current-password" })}`,
    t("view.signIn"), begin, page.busy);
  }

  function answerForm() {
    const isPassword = challenge.name === "NEW_PASSWORD_REQUIRED";
    const options = isPassword ? { type: "password", autocomplete: "new-password" } : { autocomplete: "one-time-code" };
    return form(html`
      ${isPassword ? html`<p>${t("signIn.firstPassword")}</p>` : nothing}
      ${field(t(isPassword ? "signIn.newPassword" : "signIn.code"), "answer", "", options)}`,
    t("view.signIn"), answer, page.busy);
  }

  function tokenForm() {
    return form(html`<p>${t("signIn.aboutToken")}</p>${field(t("signIn.token"), "token", "", { type: "password", autocomplete: "off" })}`,
      t("view.signIn"), useToken, page.busy);
  }
}
