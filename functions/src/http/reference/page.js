"use strict";
const $ = (id) => document.getElementById(id);

/** An element with attributes and children; text stays text, so nothing of the document is ever read as HTML. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// ---- Languages

const WORDS = {
  en: {
    skip: "Skip to the reference", operations: "Operations", search: "Search routes, fields and codes", version: "Version", public: "public", token: "token",
    path: "Path", query: "Query", header: "Headers", body: "Body", answers: "Answers", request: "Request", answer: "Answer", copy: "Copy", copied: "Copied",
    required: "required", ifAny: "if any", listOf: (one) => [one, "[]"], atLeast: (number) => `at least ${number}`, atMost: (number) => `at most ${number}`,
    characters: (range) => `${range} ${range === "1" ? "character" : "characters"}`, items: (range) => `${range} ${range === "1" ? "item" : "items"}`,
    multiple: (number) => `a multiple of ${number}`, unless: (value) => `${value} by default`, errors: "Errors", schemas: "Schemas",
    errorsIntro: "A failure has a code, a message for people and a request id. `details` and `fieldErrors` come where they help.",
    schemasIntro: "The named parts of requests and answers.", answeredBy: "Answered by", everyOperation: "every operation", usedBy: "Used by",
    results: (count) => count === 1 ? "1 result" : `${count} results`, field: "field", code: "code", parameter: "parameter", text: "text",
    tryIt: "Try it", as: "As", nobody: "nobody", bearer: "Token", send: "Send", sending: "Sending…", took: (ms) => `${ms} ms`, notJson: "The body is no JSON.", failed: "No answer",
    real: "The call is real: it changes this shop.", loading: "The reference could not be loaded",
  },
  ko: {
    skip: "레퍼런스로 건너뛰기", operations: "API 목록", search: "경로, 필드, 코드 검색", version: "버전", public: "공개", token: "토큰",
    path: "경로", query: "쿼리", header: "헤더", body: "본문", answers: "응답", request: "요청", answer: "응답", copy: "복사", copied: "복사됨",
    required: "필수", ifAny: "있을 때만", listOf: (one) => [one, "[]"], atLeast: (number) => `${number} 이상`, atMost: (number) => `${number} 이하`,
    characters: (range) => `${range}자`, items: (range) => `${range}개`, multiple: (number) => `${number}의 배수`, unless: (value) => `기본값 ${value}`,
    errors: "오류", schemas: "스키마", errorsIntro: "실패 응답에는 코드, 사람이 읽을 메시지, 요청 ID가 있습니다. 도움이 되는 곳에는 `details`와 `fieldErrors`도 있습니다.",
    schemasIntro: "요청과 응답을 이루는, 이름 있는 부분입니다.", answeredBy: "이 오류로 응답하는 API", everyOperation: "모든 API", usedBy: "쓰이는 곳",
    results: (count) => `결과 ${count}개`, field: "필드", code: "코드", parameter: "파라미터", text: "설명",
    tryIt: "호출해 보기", as: "호출하는 사람", nobody: "없음", bearer: "토큰", send: "보내기", sending: "보내는 중…", took: (ms) => `${ms} ms`, notJson: "본문이 JSON이 아닙니다.", failed: "응답이 없습니다",
    real: "실제 호출입니다. 이 상점의 데이터가 바뀝니다.", loading: "레퍼런스를 불러오지 못했습니다",
  },
};
const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* The choice lasts as long as the page. */ } };
let language = stored("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en");
let korean = {};
const word = (name, ...values) => { const found = WORDS[language][name]; return typeof found === "function" ? found(...values) : found; };
/** A text of the document in the chosen language. */
const told = (text) => (language === "ko" && korean[text]) || text;

/** The little of Markdown that the descriptions use: paragraphs, lists, `code`, **strong**. A code of an error is a link. */
const inline = (text) => text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
  const content = part.replace(/^[`*]+|[`*]+$/g, "");
  if (part.startsWith("`")) return failures.has(content) ? h("a", { href: `#error-${content}` }, h("code", {}, content)) : h("code", {}, content);
  return part.startsWith("**") ? h("strong", {}, content) : part;
});
const prose = (text) => told(text ?? "").trim().split(/\n\n+/).filter(Boolean).map((paragraph) => paragraph.startsWith("- ")
  ? h("ul", {}, paragraph.slice(2).split("\n- ").map((item) => h("li", {}, inline(item))))
  : h("p", {}, inline(paragraph)));

// ---- Schemas

let api;
const at = (reference) => reference.slice(2).split("/").reduce((value, key) => value[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
function resolve(schema) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...rest } = schema;
  return { ...resolve(at($ref)), ...rest };
}
/** The schema with its references followed and what it is composed of put together. */
function whole(schema) {
  const { allOf, ...own } = resolve(schema);
  if (!allOf) return own;
  const parts = allOf.map(whole);
  return { type: "object", ...own, properties: Object.assign({}, ...parts.map((part) => part.properties), own.properties), required: [...parts, own].flatMap((part) => part.required ?? []) };
}
const isNull = (schema) => whole(schema).type === "null";
const choices = (schema) => (schema.oneOf ?? schema.anyOf)?.filter((choice) => !isNull(choice));
const nameOf = (schema) => schema?.$ref?.startsWith("#/components/schemas/") ? schema.$ref.split("/").at(-1) : null;
/** A schema that has a place of its own on the page: an object. */
const isListed = (name) => name && (whole({ $ref: `#/components/schemas/${name}` }).properties || choices(whole({ $ref: `#/components/schemas/${name}` })));

/** The type in words; what comes in with its bounds, what comes out without. */
function typeOf(schema, comesIn) {
  const name = nameOf(schema);
  if (isListed(name)) return [h("a", { href: `#schema-${name}` }, name)];
  const own = whole(schema);
  const any = choices(own);
  if (any) {
    const types = any.map((choice) => { const one = whole(choice); return one.enum ? one.enum.join(" | ") : typeOf(choice, comesIn); });
    return types.flatMap((type, place) => place === 0 ? [type] : [" | ", type]);
  }
  if (own.enum) return [own.enum.join(" | ")];
  if (own.type === "array") {
    const bounds = comesIn && range(own.minItems, own.maxItems, "items");
    return [word("listOf", typeOf(own.items, false)), bounds ? ` · ${bounds}` : ""];
  }
  const type = [own.type].flat().filter((one) => one !== "null").join(" | ");
  if (!comesIn) return [[type, own.format === "date-time" && own.format].filter(Boolean).join(" · ")];
  return [[type, own.format?.startsWith("int") ? null : own.format, range(own.minimum, own.maximum),
    own.multipleOf && word("multiple", own.multipleOf.toLocaleString(language)), own.type === "string" && range(own.minLength, own.maxLength, "characters"),
    own.pattern && own.pattern !== "\\S" && own.pattern, own.default != null && word("unless", own.default)].filter(Boolean).join(" · ")];
}
function range(min, max, unit) {
  const number = (value) => value.toLocaleString(language);
  if (min == null && max == null) return null;
  const bounds = max == null ? number(min) : min == null ? number(max) : min === max ? number(min) : `${number(min)} – ${number(max)}`;
  const counted = unit ? word(unit, bounds) : bounds;
  return max == null ? word("atLeast", counted) : min == null ? word("atMost", counted) : counted;
}

function fields(schema, comesIn) {
  const own = whole(schema);
  if (own.type === "array") return fields(own.items, comesIn);
  if (!own.properties) return null;
  return h("ul", { class: "fields" }, Object.entries(own.properties).map(([name, property]) => field(name, property, descriptionOf(property), own.required?.includes(name), comesIn)));
}
const descriptionOf = (schema) => schema.description ?? whole(schema).description ?? choices(whole(schema))?.map((choice) => whole(choice).description).find(Boolean);
/** What comes in may lack some fields, what comes out has all: so each says the rarer case. */
const field = (name, schema, description, required, comesIn) => h("li", {},
  h("span", { class: "name" }, name), h("span", { class: "type" }, typeOf(schema, comesIn)),
  comesIn && required && h("span", { class: "required" }, word("required")), !comesIn && !required && h("span", { class: "optional" }, word("ifAny")),
  prose(description), isListed(nameOf(schema)) || isListed(nameOf(whole(schema).items)) ? null : fields(schema, comesIn));

function example(schema) {
  const own = whole(schema);
  if (own.examples?.length) return ordered(own.examples[0], own);
  if (own.default != null) return own.default;
  if (own.enum) return own.enum[0];
  const any = choices(own);
  if (any) return example(any[0]);
  if (own.type === "array") return [example(own.items)];
  if (own.properties) return Object.fromEntries(Object.entries(own.properties).map(([name, property]) => [name, example(property)]));
  if (own.format === "date-time") return "2026-11-20T01:00:00Z";
  return [own.type].flat().includes("null") ? null : own.type === "integer" ? own.minimum ?? 0 : own.type === "object" ? {} : "…";
}
/** An example with its fields in the order in which the schema has them. */
function ordered(value, schema) {
  const own = whole(schema);
  if (Array.isArray(value)) return value.map((item) => ordered(item, own.items));
  if (value === null || typeof value !== "object" || !own.properties) return value;
  return Object.fromEntries(Object.entries(own.properties).filter(([name]) => name in value).map(([name, property]) => [name, ordered(value[name], property)]));
}

// ---- Failures

/** Each code with its status, its meaning, an example, and the operations that answer it. */
const failures = new Map();
const contentOf = (response) => resolve(response).content?.["application/json"];
function examplesOf(response) {
  const content = contentOf(response);
  return content?.example ? [content.example] : Object.values(content?.examples ?? {}).map((one) => resolve(one).value);
}
function findFailures(operations) {
  failures.clear();
  for (const [, , operation] of operations) {
    for (const [status, response] of Object.entries(operation.responses).filter(([status]) => !status.startsWith("2"))) {
      for (const one of examplesOf(response).filter((one) => one?.code)) {
        const meaning = (resolve(response).description ?? "").split("\n\n").find((line) => line.includes(`\`${one.code}\``)) ?? resolve(response).description;
        const failure = failures.get(one.code) ?? { status, meaning, response, example: one, operations: [] };
        failure.operations.push(operation);
        failures.set(one.code, failure);
      }
    }
  }
}
/** The meaning of a code alone, in the chosen language: a response's description has a paragraph for each. */
function meaningOf(code, { response, meaning }) {
  const all = told(resolve(response).description ?? meaning ?? "").split("\n\n");
  return (all.find((line) => line.includes(`\`${code}\``)) ?? all[0]).replace(`\`${code}\`: `, "");
}

// ---- Samples

function sample(title, texts, kind) {
  const tabs = Object.keys(texts);
  const chosen = tabs.includes(stored("sample")) ? stored("sample") : tabs[0];
  const code = h("code", {}), copy = h("button", { type: "button", "aria-label": `${word("copy")}: ${title}` }, word("copy"));
  let text = "";
  const buttons = tabs.map((tab) => h("button", { type: "button", onclick: () => { store("sample", tab); show(tab); } }, tab));
  const show = (tab) => {
    text = texts[tab];
    code.replaceChildren(...(kind === "json" ? colours(text) : [text]));
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === tab)));
  };
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    $("announcement").textContent = copy.textContent = word("copied");
    setTimeout(() => { copy.textContent = word("copy"); }, 1500);
  });
  show(chosen);
  return [h("h4", {}, title), tabs.length > 1 && h("div", { class: "tabs", role: "group", "aria-label": title }, buttons), h("div", { class: "sample" }, h("pre", { tabindex: 0 }, code), copy)];
}
const colours = (json) => json.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|-?\b\d+(?:\.\d+)?\b|\b(?:true|false|null)\b)/).map((token, index) =>
  index % 2 === 0 ? token : h("span", { class: token.endsWith(":") ? "key" : token.startsWith('"') ? "string" : "number" }, token));
const pretty = (value) => JSON.stringify(value, null, 2);

const base = new URL(".", location.href).href.replace(/\/$/, "");
const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) && !location.pathname.includes("/_aws/");
/** The operation's samples for the shop that serves this page: a local runner goes by headers, a deployed API by a token. */
function samplesOf(operation) {
  const here = (source) => {
    const text = source.replaceAll("http://localhost:9000", base);
    return isLocal ? text : text.replace(/-H 'x-user-id: [^']*'(?:\s+\\?\s*-H 'x-user-role: [^']*')?/g, `-H "Authorization: Bearer $TOKEN"`)
      .replace(/"x-user-id": "[^"]*"(?:, "x-user-role": "[^"]*")?/g, `"Authorization": "Bearer " + TOKEN`);
  };
  return Object.fromEntries(operation["x-codeSamples"].map(({ label, source }) => [label, here(source)]));
}
/** The last call of the operation's command, taken apart: the values with which a call can be tried. */
function sampleCall(operation, path) {
  const command = operation["x-codeSamples"][0].source.split(/\n(?=curl )/).at(-1);
  const url = new URL(command.match(/https?:\/\/[^'"\s]+/)?.[0] ?? base);
  const parts = url.pathname.split("/"), values = Object.fromEntries(url.searchParams);
  path.split("/").forEach((part, place) => { if (part.startsWith("{")) values[part.slice(1, -1)] = decodeURIComponent(parts[place] ?? ""); });
  const body = command.match(/-d '([\s\S]*)'/)?.[1].replaceAll(`'\\''`, "'");
  for (const [name, value] of Object.entries(values)) if (value.startsWith("$")) values[name] = "";
  return { values, body: body && !body.includes(`'"$`) ? pretty(JSON.parse(body)) : null, caller: command.match(/x-user-id: (\w+)/)?.[1] ?? "" };
}

// ---- Calls

/** People of the sample data. Locally a header says who calls; deployed it is a token, which the page does not keep. */
const PEOPLE = { "": null, admin: "ADMIN", kim: "CUSTOMER", lee: "CUSTOMER", park: "CUSTOMER", namdaemun: "SELLER" };
const AUTOMATIC = ["idempotency-key", "x-user-id", "x-user-role", "accept-language"];
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
let bearer = "";

function trial(method, path, operation, parameters, body) {
  const { values, body: sent, caller } = sampleCall(operation, path);
  const asked = parameters.filter((parameter) => !(parameter.in === "header" && AUTOMATIC.includes(parameter.name.toLowerCase())));
  const inputs = asked.map((parameter) => h("label", {}, `${parameter.name}${parameter.required ? " *" : ""}`,
    h("input", { name: parameter.name, required: parameter.required && "", value: values[parameter.name] ?? "", autocomplete: "off", spellcheck: "false" })));
  const text = body && h("textarea", { spellcheck: "false" }, sent ?? pretty(example(body)));
  const people = isLocal
    ? h("select", {}, Object.entries(PEOPLE).map(([id, role]) => h("option", { value: id, selected: id === caller && "" }, id ? `${id} · ${role}` : word("nobody"))))
    : h("input", { type: "password", autocomplete: "off", value: bearer, onchange: ({ target }) => { bearer = target.value; } });
  const status = h("p", { role: "status" }), answer = h("pre", { tabindex: 0, hidden: "" });
  const submit = h("button", { type: "submit" }, word("send"));
  const form = h("form", {}, operation.security?.length > 0 && h("label", {}, word(isLocal ? "as" : "bearer"), people), inputs,
    text && h("label", {}, word("body"), text), method !== "get" && h("p", { class: "used" }, word("real")), submit, status, answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (text && text.value.trim()) { try { JSON.parse(text.value); } catch { status.textContent = word("notJson"); text.focus(); return; } }
    const headers = { "accept-language": language }, query = new URLSearchParams();
    let target = path.slice(1);
    inputs.forEach((input, place) => {
      const { value, name } = input.querySelector("input");
      if (asked[place].in === "path") target = target.replace(`{${name}}`, encodeURIComponent(value));
      else if (value !== "" && asked[place].in === "query") query.set(name, value);
      else if (value !== "") headers[name] = value;
    });
    if (isLocal && people.value && operation.security?.length > 0) Object.assign(headers, { "x-user-id": people.value, "x-user-role": PEOPLE[people.value] });
    if (!isLocal && bearer) headers.authorization = `Bearer ${bearer}`;
    if (parameters.some((parameter) => parameter.name === "Idempotency-Key")) headers["idempotency-key"] = newKey();
    if (text && text.value.trim()) headers["content-type"] = "application/json";
    submit.disabled = true;
    status.textContent = word("sending");
    const began = performance.now();
    try {
      const response = await fetch(`${target}${query.size ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body: text && text.value.trim() ? text.value : undefined });
      const content = await response.text();
      const shown = (() => { try { return colours(pretty(JSON.parse(content))); } catch { return [content]; } })();
      status.replaceChildren(h("span", { class: `status ${response.ok ? "ok" : "bad"}` }, String(response.status)), ` · ${word("took", Math.round(performance.now() - began))}`);
      answer.hidden = content === "";
      answer.replaceChildren(h("code", {}, shown));
    } catch (error) {
      status.textContent = `${word("failed")}: ${error.message}`;
      answer.hidden = true;
    }
    submit.disabled = false;
  });
  return h("details", { class: "try" }, h("summary", {}, word("tryIt")), form);
}

// ---- The page

function responses(operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const content = contentOf(response), succeeded = status.startsWith("2");
    const codes = examplesOf(response).map((one) => one?.code).filter(Boolean).map((code) => [" ", h("a", { href: `#error-${code}` }, h("code", {}, code))]);
    const data = content?.schema && whole(content.schema).properties?.data;
    if (!succeeded) return h("p", {}, h("span", { class: "status bad" }, status), codes);
    return h("details", { open: "" }, h("summary", {}, h("span", { class: "status ok" }, status), " ", inline(told(resolve(response).description))), data && [h("p", { class: "type" }, typeOf(data)), fields(data)]);
  });
}

function article(method, path, operation) {
  const parameters = (operation.parameters ?? []).map(resolve);
  const body = operation.requestBody && resolve(operation.requestBody).content["application/json"].schema;
  const [status, success] = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
  const answer = contentOf(success)?.schema, id = operation.operationId;
  return h("article", { id, "aria-labelledby": `${id}-title` },
    h("header", {},
      h("h3", { id: `${id}-title` }, inline(told(operation.summary))),
      h("p", { class: "route" }, h("span", { class: `method ${method}` }, method.toUpperCase()), h("a", { href: `#${id}` }, path),
        h("span", { class: "tag" }, word(operation.security?.length > 0 ? "token" : "public")))),
    h("div", {},
      prose(operation.description),
      ["path", "query", "header"].map((place) => {
        const here = parameters.filter((parameter) => parameter.in === place);
        return here.length > 0 && [h("h4", {}, word(place)), h("ul", { class: "fields" }, here.map((parameter) => field(parameter.name, parameter.schema, parameter.description ?? descriptionOf(parameter.schema), parameter.required, true)))];
      }),
      body && [h("h4", {}, word("body")), fields(body, true)],
      h("h4", {}, word("answers")), responses(operation)),
    h("aside", {},
      sample(word("request"), samplesOf(operation)),
      answer && whole(answer).properties?.data && sample(`${word("answer")} ${status}`, { JSON: pretty(example(answer)) }, "json")),
    trial(method, path, operation, parameters, body));
}

const linkTo = (operation, text) => h("a", { href: `#${operation.operationId}` }, text);
function failureArticle([code, failure], count) {
  const { status, example: one, operations } = failure;
  return h("article", { id: `error-${code}`, "aria-labelledby": `error-${code}-title` },
    h("h3", { id: `error-${code}-title` }, h("span", { class: "bad" }, status), ` ${code}`), h("p", {}, inline(meaningOf(code, failure))),
    h("pre", { tabindex: 0 }, h("code", {}, colours(pretty(one)))),
    h("p", { class: "used" }, `${word("answeredBy")}: `, operations.length === count ? word("everyOperation") : operations.map((operation, place) => [place > 0 && ", ", linkTo(operation, operation.operationId)])));
}
/** A schema, whose fields are made when it is opened. */
function schemaDetails(name, users) {
  const own = { $ref: `#/components/schemas/${name}` };
  const details = h("details", { class: "schema", id: `schema-${name}` }, h("summary", {}, name));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(...[prose(whole(own).description), fields(own) ?? h("p", {}, choices(whole(own)).map((choice, place) => [place > 0 && " | ", typeOf(choice, true)])),
      users.length > 0 && h("p", { class: "used" }, `${word("usedBy")}: `, users.map((operation, place) => [place > 0 && ", ", linkTo(operation, operation.operationId)]))].flat(Infinity).filter(Boolean));
  });
  return details;
}

/** The names of all schemas that a part of the document refers to. */
function referred(part, found = new Set()) {
  if (part === null || typeof part !== "object") return found;
  const name = nameOf(part);
  if (name && !found.has(name)) referred(api.components.schemas[name], found.add(name));
  else if (part.$ref && !name) referred(at(part.$ref), found);
  for (const [key, value] of Object.entries(part)) if (!["example", "examples", "x-codeSamples"].includes(key)) referred(value, found);
  return found;
}

function render() {
  document.documentElement.lang = language;
  document.title = `${api.info.title} API`;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language));
  $("search").placeholder = word("search");
  const operations = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).filter(([, operation]) => operation.operationId).map(([method, operation]) => [method, path, operation]));
  findFailures(operations);
  const codes = [...failures].sort(([a, one], [b, other]) => one.status - other.status || a.localeCompare(b));
  const schemas = Object.keys(api.components.schemas).filter(isListed);
  const users = new Map(schemas.map((name) => [name, []]));
  for (const [, , operation] of operations) for (const name of referred({ ...operation, tags: null })) users.get(name)?.push(operation);
  const group = (title, links) => h("section", {}, h("h2", {}, title), h("ul", {}, links));
  const link = (id, method, text, title) => h("li", {}, h("a", { href: `#${id}`, title }, method && h("span", { class: `method ${method}` }, method.toUpperCase()), h("span", {}, text)));
  $("main").replaceChildren(h("h1", {}, `${api.info.title} API`),
    h("p", {}, `${word("version")} ${api.info.version} · `, h("a", { href: "openapi.json" }, "openapi.json"), " (OpenAPI 3.1)"),
    h("div", { class: "intro" }, prose(api.info.description)),
    ...api.tags.map((tag) => h("section", {}, h("h2", {}, told(tag.name)), prose(tag.description), operations.filter(([, , operation]) => operation.tags.includes(tag.name)).map((operation) => article(...operation)))),
    h("section", { id: "errors", class: "errors" }, h("h2", {}, word("errors")), prose(word("errorsIntro")), codes.map((failure) => failureArticle(failure, operations.length))),
    h("section", { id: "schemas" }, h("h2", {}, word("schemas")), prose(word("schemasIntro")), schemas.map((name) => schemaDetails(name, users.get(name)))));
  $("contents").replaceChildren(
    ...api.tags.map((tag) => group(told(tag.name), operations.filter(([, , operation]) => operation.tags.includes(tag.name)).map(([method, path, operation]) => link(operation.operationId, method, path, told(operation.summary))))),
    group(word("errors"), codes.map(([code, { status }]) => link(`error-${code}`, null, `${status} ${code}`))),
    group(word("schemas"), schemas.map((name) => link(`schema-${name}`, null, name))));
  places = [operations, codes, schemas];
  follow();
  reindex();
}

/** Marks in the contents what is being read, and keeps the mark in sight. */
let observer;
function follow() {
  const links = new Map([...document.querySelectorAll("#contents a")].map((link) => [link.hash.slice(1), link]));
  observer?.disconnect();
  observer = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    links.forEach((link) => link.removeAttribute("aria-current"));
    const current = links.get(entry.target.id);
    current?.setAttribute("aria-current", "true");
    const nav = document.querySelector("nav");
    if (current && getComputedStyle(nav).position === "sticky") nav.scrollTop = Math.max(0, current.offsetTop - nav.clientHeight / 2);
  }), { rootMargin: "-10% 0% -80% 0%" });
  document.querySelectorAll("article, .schema").forEach((element) => observer.observe(element));
}

// ---- Search

let index = [], places = [[], [], []];
function reindex() {
  index = indexOf(...places);
  search();
}
/** Each place of the page with all its words, in both languages. */
function indexOf(operations, codes, schemas) {
  const both = (text) => text ? `${text} ${korean[text] ?? ""}` : "";
  const fieldsOf = (schema, depth = 0) => {
    const own = whole(schema);
    if (own.type === "array") return fieldsOf(own.items, depth);
    const inside = (choices(own) ?? []).flatMap((choice) => fieldsOf(choice, depth + 1));
    if (!own.properties || depth > 4) return inside;
    return inside.concat(Object.entries(own.properties).flatMap(([name, property]) => [["field", name, both(descriptionOf(property)) + (whole(property).enum ?? []).join(" ")], ...fieldsOf(property, depth + 1)]));
  };
  const ofOperation = ([method, path, operation]) => ({
    id: operation.operationId, method, label: path, title: `${method} ${path} ${operation.operationId} ${both(operation.summary)}`,
    parts: [["text", "", both(operation.description)],
      ...(operation.parameters ?? []).map(resolve).map((parameter) => ["parameter", parameter.name, both(parameter.description)]),
      ...(operation.requestBody ? fieldsOf(resolve(operation.requestBody).content["application/json"].schema) : []),
      ...Object.values(operation.responses).flatMap((response) => examplesOf(response).filter((one) => one?.code).map((one) => ["code", one.code, one.message ?? ""])),
      ...Object.entries(operation.responses).filter(([status]) => status.startsWith("2")).flatMap(([, response]) => contentOf(response)?.schema ? fieldsOf(contentOf(response).schema) : [])],
  });
  const entries = [...operations.map(ofOperation),
    ...codes.map(([code, failure]) => ({ id: `error-${code}`, label: `${failure.status} ${code}`, title: code, parts: [["text", "", `${both(failure.meaning)} ${failure.example.message ?? ""}`]] })),
    ...schemas.map((name) => ({ id: `schema-${name}`, label: name, title: name, parts: fieldsOf({ $ref: `#/components/schemas/${name}` }) }))];
  return entries.map((entry) => ({ ...entry, title: entry.title.toLowerCase(), words: `${entry.title} ${entry.parts.flat().join(" ")}`.toLowerCase() }));
}
function search() {
  const wanted = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const isOn = wanted.length > 0;
  $("results").hidden = !isOn;
  $("contents").hidden = isOn;
  if (!isOn) { $("count").textContent = ""; $("results").replaceChildren(); return; }
  const found = index.filter(({ words }) => wanted.every((one) => words.includes(one)));
  // A place that is called so comes before one that only mentions it.
  const weight = ({ title }) => wanted.every((one) => title.includes(one)) ? 0 : 1;
  found.sort((one, other) => weight(one) - weight(other));
  $("count").textContent = word("results", found.length);
  $("results").replaceChildren(...found.map((entry) => {
    const missing = wanted.find((one) => !entry.title.includes(one));
    const part = missing && (entry.parts.find(([, name]) => name.toLowerCase().includes(missing)) ?? entry.parts.find((one) => one.join(" ").toLowerCase().includes(missing)));
    return h("li", {}, h("a", { href: `#${entry.id}` }, entry.method && h("span", { class: `method ${entry.method}` }, entry.method.toUpperCase()), h("span", {}, entry.label),
      part && h("small", {}, [word(part[0]), part[1]].filter(Boolean).join(" "))));
  }));
}

/** Opens a schema that a link leads to. */
function open() {
  const target = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.matches("details")) target.open = true;
  target.scrollIntoView({ behavior: "instant" });
}

$("search").addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "/" && !isTyping) { event.preventDefault(); $("search").focus(); }
  if (event.key === "Escape" && event.target === $("search")) { $("search").value = ""; search(); }
  if (event.key === "ArrowDown" && event.target === $("search")) { event.preventDefault(); $("results").querySelector("a")?.focus(); }
  if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.matches("#results a")) {
    event.preventDefault();
    const next = event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
    (event.target.parentElement[next]?.querySelector("a") ?? $("search")).focus();
  }
});
addEventListener("hashchange", open);
/** Loads the Korean texts, once. An English page shows none of them, but is searched by them. */
let loading = null;
const loadKorean = () => loading ??= fetch("openapi.json?texts=ko").then((answer) => answer.ok ? answer.json() : {}, () => ({})).then((found) => {
  korean = found;
  reindex();
});
async function choose(wanted) {
  language = wanted;
  if (language === "ko") await loadKorean();
  render();
  loadKorean();
}
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", async () => { store("language", button.dataset.language); await choose(button.dataset.language); open(); });
}

fetch("openapi.json").then((answer) => answer.json()).then(async (found) => {
  api = found;
  await choose(language);
  open();
}).catch((error) => $("main").replaceChildren(h("p", { role: "alert" }, `${word("loading")}: ${error.message}`)));
