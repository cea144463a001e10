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

/**
 * Keeps intents in the browser's IndexedDB. Pages of one origin share them. A write is on the disk before its promise is kept.
 *
 * `localStorage` was rejected: Chromium writes it seconds later, so a browser that is killed forgets a key that was sent.
 */
export class BrowserIntents implements IntentStorage {
  #opened: Promise<IDBDatabase> | undefined;

  constructor(readonly database: string = "jangteo") {}

  async get(id: string): Promise<string | undefined> {
    return await this.#transact<string | undefined>("readonly", (intents) => intents.get(id));
  }

  async create(id: string, text: string): Promise<string> {
    // Both in one transaction, so that two tabs agree on one text.
    const found = await this.#transact<string | undefined>("readwrite", (intents) => {
      const reading = intents.get(id);
      reading.onsuccess = () => { if (reading.result === undefined) intents.add(text, id); };
      return reading;
    });
    return found ?? text;
  }

  async set(id: string, text: string): Promise<void> {
    await this.#transact("readwrite", (intents) => intents.put(text, id));
  }

  async delete(id: string): Promise<void> {
    await this.#transact("readwrite", (intents) => intents.delete(id));
  }

  async ids(): Promise<string[]> {
    return (await this.#transact("readonly", (intents) => intents.getAllKeys())).map(String);
  }

  async #transact<T>(mode: IDBTransactionMode, request: (intents: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    this.#opened ??= this.#open();
    const database = await this.#opened.catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const answer = request(transaction.objectStore(STORE));
      transaction.oncomplete = () => { resolve(answer.result); };
      transaction.onabort = () => { reject(transaction.error); };
    });
  }

  async #open(): Promise<IDBDatabase> {
    return await new Promise((resolve, reject) => {
      const opening = indexedDB.open(this.database, 1);
      opening.onupgradeneeded = () => { opening.result.createObjectStore(STORE); };
      opening.onerror = () => { reject(opening.error); };
      opening.onsuccess = () => {
        // The browser closes it where the user clears the site's data.
        opening.result.onclose = () => { this.#opened = undefined; };
        resolve(opening.result);
      };
    });
  }
}

const STORE = "intents";

/** A new idempotency key. `crypto.randomUUID` is missing in pages without TLS, `getRandomValues` is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
