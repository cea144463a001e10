// Requests without a known answer, in the browser's IndexedDB. A write is on the disk before its promise is kept, so that
// they outlive a reload, a crash and a killed browser. Chromium would write `localStorage` seconds later.

const STORE = "requests";
let opened = null;

const open = () => new Promise((resolve, reject) => {
  const opening = indexedDB.open("store", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "name" });
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    // The browser closes it where the user clears the site's data.
    opening.result.onclose = () => { opened = null; };
    resolve(opening.result);
  };
});

async function transact(mode, ask) {
  opened ??= open();
  const database = await opened.catch((error) => { opened = null; throw error; });
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const answer = ask(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(answer.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Keeps a request, with the key of the one that is kept under its name and lives. Returns it as it is kept. */
export function keep(request, lives) {
  return transact("readwrite", (requests) => {
    const reading = requests.get(request.name);
    reading.onsuccess = () => {
      const { key, at } = reading.result && lives(reading.result) ? reading.result : request;
      requests.put(Object.assign(request, { key, at }));
    };
    return { result: request };
  });
}

export const all = () => transact("readonly", (requests) => requests.getAll());
export const forget = (name) => transact("readwrite", (requests) => requests.delete(name));
