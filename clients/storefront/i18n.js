// The two languages of the page. The choice stays in this browser.

import en from "./messages/en.js";
import ko from "./messages/ko.js";

export const languages = { ko: "한국어", en: "English" };
const messages = { en, ko };

export let language = [localStorage.getItem("store.language"), ...navigator.languages.map((tag) => tag.split("-")[0])].find((tag) => tag in languages) ?? "ko";

export function setLanguage(tag) {
  language = tag;
  localStorage.setItem("store.language", tag);
  document.documentElement.lang = tag;
}

/** The message of a key, with its `{places}` filled in. */
export function t(key, values = {}) {
  return (messages[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The word for a state or code of the API; itself, if the page has none. */
export const word = (code) => messages[language][`word.${code}`] ?? code;

export const number = (value) => new Intl.NumberFormat(language).format(value);
/** An amount of won, an integer. */
export const won = (amount) => new Intl.NumberFormat(language, { style: "currency", currency: "KRW" }).format(amount);
export const date = (instant) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(instant));
export const time = (instant) => new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(instant));

/** A duration as `1:02:03`, with the days before it, rounded up to the second. */
export function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const time = `${days + hours > 0 ? `${hours}:` : ""}${two(minutes)}:${two(seconds % 60)}`;
  return days > 0 ? `${new Intl.NumberFormat(language, { style: "unit", unit: "day", unitDisplay: "long" }).format(days)} ${time}` : time;
}
