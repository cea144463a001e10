// The two languages of the page. The choice stays in this browser.

import en from "./messages/en.js";
import ko from "./messages/ko.js";

export const languages = { ko: "한국어", en: "English" };
const messages = { en, ko };

export let language = chosen() ?? preferred();

function chosen() {
  const stored = localStorage.getItem("language");
  return stored in languages ? stored : null;
}

function preferred() {
  return navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in languages) ?? "ko";
}

export function setLanguage(tag) {
  language = tag;
  localStorage.setItem("language", tag);
  document.documentElement.lang = tag;
}

/** The message of a key, with its `{places}` filled in. */
export function t(key, values = {}) {
  const text = messages[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The word for a state or code of the API; itself, if the page has none. */
export const word = (code) => messages[language][`word.${code}`] ?? code;

const numbers = { en: new Intl.NumberFormat("en"), ko: new Intl.NumberFormat("ko") };
export const number = (value) => numbers[language].format(value);
export const won = (value) => (language === "ko" ? `${number(value)}원` : `₩${number(value)}`);

const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
export const time = (instant) => new Date(instant).toLocaleTimeString(language, clock);
export const day = (instant) => new Date(instant).toLocaleDateString(language, { dateStyle: "medium" });
export const date = (instant) => new Date(instant).toLocaleString(language, { month: "numeric", day: "numeric", ...clock });
