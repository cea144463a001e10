import { link, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { newKey, type IntentStorage } from "./intents.js";

/**
 * Keeps intents in a folder, a file each. A file appears whole or not at all, and is on the disk before the request is sent.
 */
export class FileIntents implements IntentStorage {
  constructor(readonly folder: string) {}

  async get(id: string): Promise<string | undefined> {
    try {
      return await readFile(this.#path(id), "utf8");
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  async create(id: string, text: string): Promise<string> {
    const draft = await this.#write(text);
    try {
      // Unlike a rename, a link never replaces a file.
      await link(draft, this.#path(id));
      await this.#sync();
      return text;
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      return (await this.get(id)) ?? (await this.create(id, text));
    } finally {
      await rm(draft, { force: true });
    }
  }

  async set(id: string, text: string): Promise<void> {
    await rename(await this.#write(text), this.#path(id));
    await this.#sync();
  }

  async delete(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  async ids(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => decodeURIComponent(name.slice(0, -SUFFIX.length)));
  }

  #path(id: string): string {
    return join(this.folder, encodeURIComponent(id) + SUFFIX);
  }

  async #write(text: string): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const draft = join(this.folder, `${newKey()}.draft`);
    const file = await open(draft, "wx");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return draft;
  }

  /** Writes the folder's own entries to the disk. */
  async #sync(): Promise<void> {
    const folder = await open(this.folder, "r");
    await folder.sync().catch(() => undefined);
    await folder.close();
  }
}

const SUFFIX = ".intent.json";

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
