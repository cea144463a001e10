// The caller: one of the people of the local stack, or the holder of a token of the shop's issuer.

import { config } from "./config.js";

/** People of the sample data. Locally a header says who calls. */
export const people = config.isLocal ? [
  { userId: "admin", role: "ADMIN" },
  { userId: "kim", role: "CUSTOMER" },
  { userId: "lee", role: "CUSTOMER" },
  { userId: "park", role: "CUSTOMER" },
  { userId: "namdaemun", role: "SELLER" },
] : [];
export const customers = people.filter(({ role }) => role === "CUSTOMER").map(({ userId }) => userId);

// Only the access token is kept, and only for this tab: it ends within the hour, and a token of the pool that renews it would not.
const TOKEN = "token";
let caller = config.isLocal ? personOf(sessionStorage.getItem("caller")) : holderOf(sessionStorage.getItem(TOKEN));

function personOf(userId) {
  return people.find((person) => person.userId === userId) ?? people[0];
}

/** The caller, or null if nobody has signed in. */
export const currentCaller = () => caller;

/** Whether there is no session, or its token has ended. */
export const hasEnded = () => !config.isLocal && !(caller?.endsAt > Date.now());

export function actAs(userId) {
  caller = personOf(userId);
  sessionStorage.setItem("caller", caller.userId);
}

/** The headers that say who calls. A token speaks for its holder alone, whoever the page would act as. */
export function identityHeaders(as) {
  return config.isLocal ? { "x-user-id": as.userId, "x-user-role": as.role } : { authorization: `Bearer ${caller?.token}` };
}

export function signInWith(token) {
  const holder = holderOf(token.trim());
  if (!holder) return false;
  caller = holder;
  sessionStorage.setItem(TOKEN, holder.token);
  return true;
}

export function signOut() {
  caller = null;
  sessionStorage.removeItem(TOKEN);
}

/** The holder of a token, unless it has ended. The API verifies the token; the page reads from it what to show. */
function holderOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0))));
    if (!(claims.exp * 1000 > Date.now())) return null;
    return { userId: claims.sub, role: roleOf(claims[config.roles.claim]), token, endsAt: claims.exp * 1000 };
  } catch {
    return null;
  }
}

function roleOf(claim) {
  const groups = [claim ?? []].flat().map((group) => String(group).toLowerCase());
  if (groups.includes(config.roles.admin.toLowerCase())) return "ADMIN";
  return groups.includes(config.roles.seller.toLowerCase()) ? "SELLER" : "CUSTOMER";
}

/** The answers that a challenge of the user pool asks for, by the name of the challenge. */
const ANSWERS = { NEW_PASSWORD_REQUIRED: "NEW_PASSWORD", SOFTWARE_TOKEN_MFA: "SOFTWARE_TOKEN_MFA_CODE" };

async function askPool(operation, request) {
  const answer = await fetch(config.signIn.endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `AWSCognitoIdentityProviderService.${operation}` },
    body: JSON.stringify({ ClientId: config.signIn.client, ...request }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? `HTTP ${answer.status}`);
  if (body.AuthenticationResult) {
    signInWith(body.AuthenticationResult.AccessToken);
    return null;
  }
  const name = body.ChallengeName;
  if (!(name in ANSWERS)) throw new Error(name);
  return { name, session: body.Session };
}

/** Signs in at the user pool. Returns the pool's challenge, or null if the caller is known now. */
export const beginSignIn = (user, password) => askPool("InitiateAuth", {
  AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: user, PASSWORD: password } });

export const answerChallenge = ({ name, session }, user, answer) => askPool("RespondToAuthChallenge", {
  ChallengeName: name, Session: session, ChallengeResponses: { USERNAME: user, [ANSWERS[name]]: answer } });
