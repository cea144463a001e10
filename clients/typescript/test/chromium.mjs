/** Pages in Chromium, whose processes are killed together: their server, their profiles. */

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = ["chromium", "chromium-browser", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** A container has neither the namespaces of the sandbox nor a large /dev/shm. */
const OPTIONS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server", "--no-first-run"];
const TIME_LIMIT = 60_000;

/** Runs a test with browsers. Where there is none, it is left out, unless the machine must have one. */
export async function withBrowsers(context, shop, test) {
  if (PROGRAM) {
    const browsers = await new Browsers(shop).start();
    return test(browsers).finally(() => browsers.stop());
  }
  if (process.env.JANGTEO_BROWSER) throw new Error("JANGTEO_BROWSER is set, and there is no Chromium");
  context.skip("there is no Chromium");
}

/** A server of pages and of the kit. What it does not know, it forwards to the shop. */
class Browsers {
  #runs = [];
  #profiles = [];
  #shop;
  #server = createServer((request, response) => this.#answer(request, response).catch(() => response.destroy()));

  constructor(shop) {
    this.#shop = shop;
  }

  async start() {
    await new Promise((ready) => this.#server.listen(0, "127.0.0.1", ready));
    return this;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await Promise.all(this.#profiles.map((profile) => rm(profile, { recursive: true, force: true, maxRetries: 5 })));
  }

  /** The folder of a new browser. */
  async place() {
    const profile = await mkdtemp(join(tmpdir(), "chromium-"));
    this.#profiles.push(profile);
    return profile;
  }

  /** Opens a page of this folder, and kills its browser once the page reports. Returns the report. */
  async open(page, profile, parameters = {}) {
    const query = new URLSearchParams({ ...parameters, page, run: this.#runs.length });
    const url = `http://127.0.0.1:${this.#server.address().port}/?${query}`;
    // A group of its own: the browser's other processes end with it.
    const browser = spawn(PROGRAM, [...OPTIONS, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
    const closed = new Promise((resolve) => browser.on("close", resolve));
    try {
      return await new Promise((resolve, reject) => {
        this.#runs.push(resolve);
        setTimeout(() => reject(new Error(`${query}: the page is silent`)), TIME_LIMIT).unref();
        closed.then(() => reject(new Error(`${query}: the browser ended by itself`)));
      });
    } finally {
      if (browser.exitCode === null) process.kill(-browser.pid, "SIGKILL");
      await closed;
    }
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://page");
    const folder = { kit: process.env.JANGTEO_KIT, test: import.meta.dirname };
    const [, of, name] = /^\/(kit|test)\/([\w.]+)$/.exec(pathname) ?? [];
    if (of) return response.setHeader("content-type", "text/javascript").end(await readFile(join(folder[of], name)));
    if (pathname === "/") {
      const script = `<script type="module" src="/test/${searchParams.get("page")}"></script>`;
      return response.setHeader("content-type", "text/html").end(`<!doctype html><meta charset="utf-8"><title>page</title>${script}`);
    }
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    // The page is killed before it has an answer.
    if (pathname === "/report") return this.#runs[searchParams.get("run")](JSON.parse(body));
    const headers = Object.fromEntries(["content-type", "x-user-id", "idempotency-key"].map((name) => [name, request.headers[name]]));
    const answer = await fetch(this.#shop + request.url, { method: request.method, headers, body });
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  }
}
