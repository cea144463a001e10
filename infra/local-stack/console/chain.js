// The chain of a ledger, verified in the browser.
//
// Each entry has the hash of the entry before, and the account that of the last. The canonical form of an entry is a JSON
// array without white space (`shared/src/domain/ledger.rs`).

export const FIRST = "0".repeat(64);

const FORM = { plain: "jangteo.ledger.1", withReason: "jangteo.ledger.2", withActor: "jangteo.ledger.3" };

/** An entry of the ledger of this user, as it is hashed. */
export function canonical(user, entry) {
  const { sequence, type, amount, balanceAfter, entryId, before } = entry;
  const at = Date.parse(entry.at);
  const { orderId = null, paymentId = null, actor = null, reason = null, sealedReason: stored = reason } = entry;
  const form = actor ? FORM.withActor : stored === null ? FORM.plain : FORM.withReason;
  const more = actor ? [stored, actor, paymentId] : stored === null ? [] : [stored];
  return JSON.stringify([form, user, sequence, type, amount, balanceAfter, orderId, at, entryId, before, ...more]);
}

export async function hash(user, entry) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(user, entry)));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Verifies a ledger, oldest entry first, against its account. One whose first entries were not read is taken to begin
 * rightly. Returns the faults of each entry, and those of the account: `CHAIN` (the hash before is another), `SEQUENCE`,
 * `SUM` (the balance is not the one before plus the amount).
 */
export async function verify(user, entries, account, isWhole) {
  const [first] = isWhole ? [] : entries;
  let [before, balance, sequence] = first ? [first.before, first.balanceAfter - first.amount, first.sequence - 1] : [FIRST, 0, 0];
  const verified = [];
  for (const entry of entries) {
    const faults = [];
    if (entry.before !== before) faults.push("CHAIN");
    if (entry.sequence !== sequence + 1) faults.push("SEQUENCE");
    if (entry.balanceAfter !== balance + entry.amount) faults.push("SUM");
    before = await hash(user, entry);
    [balance, sequence] = [entry.balanceAfter, entry.sequence];
    verified.push({ entry, hash: before, faults });
  }
  const ofAccount = [];
  if (account.head !== before) ofAccount.push("CHAIN");
  if (account.sequence !== sequence) ofAccount.push("SEQUENCE");
  if (account.balance !== balance) ofAccount.push("SUM");
  return { verified, ofAccount };
}
