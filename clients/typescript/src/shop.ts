import { IntentConflict, newKey, type Intent, type IntentStorage } from "./intents.js";
import { isFailure, isRefusal, NoAnswer, Refusal } from "./refusal.js";
import { nextWait, RETRIES, retryAfterMs, type Retries } from "./retry.js";
import type { DataOf, Method, PathOf, RequestOf } from "./types.js";

export interface ShopOptions {
  /** The address of the API, for example the stack's output `ApiUrl`. */
  url: string;
  /** The bearer token of the caller, asked for before each attempt. */
  token?: () => string | undefined | Promise<string | undefined>;
  /** Headers of each request, for example `x-user-id` at a local stack. */
  headers?: Record<string, string>;
  /** The place of intents; required for `once` and `resume`. */
  intents?: IntentStorage;
  retries?: Partial<Retries>;
  fetch?: typeof fetch;
}

/** Options of one request. */
export interface CallOptions {
  /** An idempotency key of the caller's own; with it, also a POST is repeated. */
  key?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The parts of a request; optional where all of them are. */
type Arguments<M extends Method, P extends PathOf<M>> = Record<never, never> extends RequestOf<M, P>
  ? [request?: RequestOf<M, P>, options?: CallOptions]
  : [request: RequestOf<M, P>, options?: CallOptions];

interface Parts {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

interface Sent {
  method: string;
  path: string;
  body: string | null;
}

/** A client of a shop. */
export class Shop {
  readonly #options: ShopOptions;
  readonly #retries: Retries;

  constructor(options: ShopOptions) {
    this.#options = options;
    this.#retries = { ...RETRIES, ...options.retries };
  }

  get<P extends PathOf<"get">>(path: P, ...[request, options]: Arguments<"get", P>): Promise<DataOf<"get", P>> {
    return this.#call("get", path, request, options) as Promise<DataOf<"get", P>>;
  }

  post<P extends PathOf<"post">>(path: P, ...[request, options]: Arguments<"post", P>): Promise<DataOf<"post", P>> {
    return this.#call("post", path, request, { key: newKey(), ...options }) as Promise<DataOf<"post", P>>;
  }

  put<P extends PathOf<"put">>(path: P, ...[request, options]: Arguments<"put", P>): Promise<DataOf<"put", P>> {
    return this.#call("put", path, request, options) as Promise<DataOf<"put", P>>;
  }

  patch<P extends PathOf<"patch">>(path: P, ...[request, options]: Arguments<"patch", P>): Promise<DataOf<"patch", P>> {
    return this.#call("patch", path, request, options) as Promise<DataOf<"patch", P>>;
  }

  delete<P extends PathOf<"delete">>(path: P, ...[request, options]: Arguments<"delete", P>): Promise<DataOf<"delete", P>> {
    return this.#call("delete", path, request, options) as Promise<DataOf<"delete", P>>;
  }

  /**
   * Posts a request that must happen once. Call it again with the same id and request, also after a crash or a reload: nothing
   * happens twice, and the answer is about the same thing.
   *
   * A refusal of the first send frees the id for another request. After any other outcome the request may have happened, or
   * may yet arrive: another request under the id is an `IntentConflict`, until `forget`.
   *
   * @param id Names the intent; stable over reloads, such as the id of a checkout.
   */
  async once<P extends PathOf<"post">>(
    id: string,
    path: P,
    ...[request, options]: Arguments<"post", P>
  ): Promise<DataOf<"post", P>> {
    const sent = this.#sent("post", path, request);
    const wanted: Intent = { id, key: newKey(), ...sent, isDone: false, createdAt: new Date().toISOString() };
    const intent = JSON.parse(await this.#intents().create(id, JSON.stringify(wanted))) as Intent;
    if (intent.method !== sent.method || intent.path !== sent.path || intent.body !== sent.body) {
      throw new IntentConflict(intent);
    }
    return (await this.#perform(intent, options, intent.key === wanted.key)) as DataOf<"post", P>;
  }

  /** Sends each intent again that has had no answer yet: at the start of a page or a process. Returns the outcomes by id. */
  async resume(options?: CallOptions): Promise<Map<string, PromiseSettledResult<unknown>>> {
    const outcomes = new Map<string, PromiseSettledResult<unknown>>();
    for (const id of await this.#intents().ids()) {
      const text = await this.#intents().get(id);
      const intent = text === undefined ? undefined : (JSON.parse(text) as Intent);
      if (intent === undefined || intent.isDone) continue;
      const [outcome] = await Promise.allSettled([this.#perform(intent, options, false)]);
      outcomes.set(id, outcome);
    }
    return outcomes;
  }

  /** Forgets an intent, so that its id can name another request. Its request may have happened. */
  async forget(id: string): Promise<void> {
    await this.#intents().delete(id);
  }

  async #perform(intent: Intent, options: CallOptions | undefined, isNew: boolean): Promise<unknown> {
    try {
      const data = await this.#send(intent, { ...options, key: intent.key });
      if (!intent.isDone) await this.#intents().set(intent.id, JSON.stringify({ ...intent, isDone: true }));
      return data;
    } catch (error) {
      // A refusal changed nothing, but an earlier send may still be under way.
      const isOver = isRefusal(error) && error.attempts === 1 && error.status < 500 && error.status !== 429;
      if (isNew && isOver) await this.#intents().delete(intent.id);
      throw error;
    }
  }

  #intents(): IntentStorage {
    if (this.#options.intents === undefined) throw new TypeError("`intents` is required for requests that happen once");
    return this.#options.intents;
  }

  async #call(method: Method, path: string, request: unknown, options: CallOptions | undefined): Promise<unknown> {
    return await this.#send(this.#sent(method, path, request), options ?? {});
  }

  #sent(method: Method, template: string, request: unknown): Sent {
    const { path = {}, query = {}, body } = (request ?? {}) as Parts;
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const text = body === undefined ? null : JSON.stringify(body);
    return { method: method.toUpperCase(), path: search.size > 0 ? `${filled}?${search}` : filled, body: text };
  }

  /** Sends a request until it has an answer, within the bounds. */
  async #send(sent: Sent, options: CallOptions): Promise<unknown> {
    const started = Date.now();
    for (let attempt = 1; ; attempt++) {
      let failure: Refusal | NoAnswer;
      let wanted: number | undefined;
      try {
        const response = await this.#attempt(sent, options);
        const text = await response.text();
        const body = parsed(text);
        if (response.ok) return (body as { data?: unknown } | undefined)?.data;
        wanted = retryAfterMs(response.headers.get("retry-after"));
        failure = isFailure(body)
          ? new Refusal(response.status, body, attempt)
          : new NoAnswer(`${sent.method} ${sent.path}: ${response.status}`, response.status);
      } catch (error) {
        if (options.signal?.aborted) throw error;
        failure = new NoAnswer(`${sent.method} ${sent.path}: no answer`, undefined, { cause: error });
      }
      const wait = isRetryable(failure, sent, options)
        ? nextWait(this.#retries, attempt, Date.now() - started, wanted)
        : undefined;
      if (wait === undefined) throw failure;
      await pause(wait, options.signal);
    }
  }

  async #attempt({ method, path, body }: Sent, options: CallOptions): Promise<Response> {
    const headers = new Headers({ accept: "application/json", ...this.#options.headers, ...options.headers });
    const token = await this.#options.token?.();
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (options.key !== undefined) headers.set("idempotency-key", options.key);
    if (body !== null) headers.set("content-type", "application/json");
    const limit = AbortSignal.timeout(this.#retries.attemptMs);
    const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
    const send = this.#options.fetch ?? fetch;
    return await send(this.#options.url.replace(/\/+$/, "") + path, { method, headers, body, signal });
  }
}

/** Whether a repetition may help and cannot harm. 429 and 503 have changed nothing. After other failures the effect is unknown. */
function isRetryable(failure: Refusal | NoAnswer, { method }: Sent, { key }: CallOptions): boolean {
  if (failure.status === 429 || failure.status === 503) return true;
  const isUnknown = failure.status === undefined || failure.status >= 500;
  return isUnknown && (method === "GET" || method === "PUT" || key !== undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
