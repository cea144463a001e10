export { Shop, type CallOptions, type ShopOptions } from "./shop.js";
export { isRefusal, NoAnswer, Refusal } from "./refusal.js";
export { BrowserIntents, IntentConflict, MemoryIntents, newKey, type Intent, type IntentStorage } from "./intents.js";
export { nextWait, RETRIES, retryAfterMs, type Retries } from "./retry.js";
export type { Code, components, DataOf, DetailsOf, Failure, FailureOf, FieldError, Method, PathOf, paths, RequestOf } from "./types.js";
