/**
 * Intents: requests that must happen once, whatever happens to the client.
 *
 * The idempotency key and the request are written down before the first send. So a client that dies at any point finds
 * both again, and repeats the same request with the same key. A key in memory was rejected: a reload would order twice.
 */

/** A place that outlives the process or the page. */
export interface IntentStorage {
  get(id: string): Promise<string | undefined>;
  /** Writes the text unless the id has one, atomically. Returns the text that the id has then. */
  create(id: string, text: string): Promise<string>;
  set(id: string, text: string): Promise<void>;
  delete(id: string): Promise<void>;
  ids(): Promise<string[]>;
}

/** A request written down. */
export interface Intent {
  id: string;
  key: string;
  method: string;
  path: string;
  /** The body as it is sent; null without one. A repeated request has to be the same to the byte. */
  body: string | null;
  /** Whether a success was seen. */
  isDone: boolean;
  createdAt: string;
}

/** Another request was written down under the same id, and has had no answer yet or has succeeded. */
export class IntentConflict extends Error {
  override readonly name = "IntentConflict";

  constructor(readonly intent: Intent) {
    super(`the intent ${intent.id} is another request: ${intent.method} ${intent.path}`);
  }
}

/** Keeps intents for the life of the process only: for tests, and for requests that may be forgotten. */
export class MemoryIntents implements IntentStorage {
  readonly #texts = new Map<string, string>();

  async get(id: string): Promise<string | undefined> {
    return this.#texts.get(id);
  }

  async create(id: string, text: string): Promise<string> {
    const found = this.#texts.get(id);
    if (found === undefined) this.#texts.set(id, text);
    return found ?? text;
  }

  async set(id: string, text: string): Promise<void> {
    this.#texts.set(id, text);
  }

  async delete(id: string): Promise<void> {
    this.#texts.delete(id);
  }

  async ids(): Promise<string[]> {
    return [...this.#texts.keys()];
  }
}

/** Keeps intents in the browser's `localStorage`. Pages of one origin share them; a Web Lock keeps two tabs from both creating one. */
export class LocalIntents implements IntentStorage {
  constructor(readonly prefix: string = "jangteo:intent:", readonly storage: Storage = localStorage) {}

  async get(id: string): Promise<string | undefined> {
    return this.storage.getItem(this.prefix + id) ?? undefined;
  }

  async create(id: string, text: string): Promise<string> {
    // Without a pause in between: a page without TLS has no Web Locks, and two of its callers would both find nothing.
    const write = (): string => {
      const found = this.storage.getItem(this.prefix + id);
      if (found === null) this.storage.setItem(this.prefix + id, text);
      return found ?? text;
    };
    const locks = globalThis.navigator?.locks;
    return locks ? await locks.request(this.prefix + id, write) : write();
  }

  async set(id: string, text: string): Promise<void> {
    this.storage.setItem(this.prefix + id, text);
  }

  async delete(id: string): Promise<void> {
    this.storage.removeItem(this.prefix + id);
  }

  async ids(): Promise<string[]> {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index) ?? "");
    return keys.filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
  }
}

/** A new idempotency key. `crypto.randomUUID` is missing in pages without TLS, `getRandomValues` is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
