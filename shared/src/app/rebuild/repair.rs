//! The correction of the counts.

use jiff::Timestamp;

use super::{Failure, Pace, Progress, after, go_on};
use crate::{
    app::{Shop, readable},
    domain::{
        ProductId,
        recount::{Balance, Balances},
    },
    store::{
        Consistency, Outcome, Transaction, keys,
        rebuild::{self, PartialSums, Phase, Rebuild},
        sales::{self, Addition, Corrected, SalesRecord},
        table::Range,
    },
};

/// Adds up the partial sums of some buckets, one after the other, until one has wrong counts, and corrects these. A
/// step is therefore never longer than one bucket takes.
pub(super) async fn step(shop: &Shop, pace: &Pace, rebuild: &Rebuild, first: u16) -> Result<Progress, Failure> {
    let (mut seen, mut left, mut next) = (rebuild.clone(), 0_u64, first);
    for bucket in (first..rebuild.buckets).take(pace.pages) {
        next = bucket.saturating_add(1);
        let balances = add_up(shop, pace, rebuild, bucket).await?;
        for (product, balance) in balances.wrong() {
            let repaired = match rebuild.figures.unreadable {
                0 => repair(shop, &mut seen, product, balance).await?,
                _ => Repaired::Left,
            };
            match repaired {
                Repaired::Now | Repaired::Before => {}
                Repaired::Left => {
                    tracing::warn!(product.id = %product, missing = ?balance.missing(), "a wrong count is left");
                    left = left.saturating_add(u64::try_from(balance.missing().len()).unwrap_or(u64::MAX));
                }
                Repaired::BySomebodyElse => return Ok(Progress::Working),
            }
        }
        if balances.wrong().next().is_some() {
            break;
        }
    }
    let phase = if next < rebuild.buckets { Phase::Repair { bucket: next } } else { Phase::Rank { after: None } };
    let mut now = after(&seen, phase);
    now.figures.left = now.figures.left.saturating_add(left);
    go_on(shop, &seen, &now).await
}

async fn add_up(shop: &Shop, pace: &Pace, rebuild: &Rebuild, bucket: u16) -> Result<Balances, Failure> {
    let (mut balances, mut last) = (Balances::default(), None);
    loop {
        let partition = keys::rebuild_parts(rebuild.generation, bucket);
        let range = Range::of_partition(partition, keys::PART_PREFIX).after(last);
        let page = shop.table.query::<Keyed>(range, pace.parts).await?;
        last = page.records.last().map(|part| part.sk.clone());
        page.records.into_iter().for_each(|part| balances.add(part.part.balances));
        if !page.more {
            return Ok(balances);
        }
    }
}

/// Partial sums with their sort key.
#[derive(Debug, serde::Deserialize)]
struct Keyed {
    sk: String,
    #[serde(flatten)]
    part: PartialSums,
}

/// The result of a correction.
#[derive(Debug, PartialEq, Eq)]
enum Repaired {
    /// The correction is made.
    Now,
    /// This rebuild had made it before.
    Before,
    /// It is not certain enough, and left to the next rebuild.
    Left,
    /// Another function goes on with the rebuild.
    BySomebodyElse,
}

/// Corrects a product's counts and records it, in one commit.
async fn repair(shop: &Shop, seen: &mut Rebuild, product: &ProductId, balance: &Balance) -> Result<Repaired, Failure> {
    let missing = balance.missing();
    let corrected = if balance.is_counted { Corrected::TakenOver } else { Corrected::Unseen };
    let last = Timestamp::from_millisecond(balance.last_sold_at).unwrap_or_default();
    let mut now = after(seen, seen.phase.clone());
    now.figures.corrected += u64::try_from(missing.len()).unwrap_or(u64::MAX);
    now.figures.units += missing.values().map(|units| units.unsigned_abs()).sum::<u64>();
    let mut backoff = shop.backoff();
    let key = keys::sales(product);
    let read = shop.table.get(key.clone(), Consistency::Strong).await.map_err(Failure::from);
    let Some(mut there): Option<Option<SalesRecord>> = readable(&key, read)? else { return Ok(Repaired::Left) };
    loop {
        if there.as_ref().is_some_and(|there| there.corrected == Some(seen.generation)) {
            return Ok(Repaired::Before);
        }
        if !SalesRecord::is_correctable(there.as_ref(), seen, corrected) {
            return Ok(Repaired::Left);
        }
        let addition = Addition { units: &missing, last };
        let mut transaction = Transaction::new();
        let correction = sales::correct(product, there.as_ref(), addition, (seen, corrected), shop.clock.now());
        let correction = transaction.add(correction);
        let noted = transaction.add(rebuild::replace(seen, &now));
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                tracing::warn!(product.id = %product, ?missing, "a count was wrong");
                *seen = now;
                return Ok(Repaired::Now);
            }
            Outcome::Refused(failures) if failures.refuses(noted) => return Ok(Repaired::BySomebodyElse),
            Outcome::Refused(failures) => {
                let refused = failures.of::<SalesRecord>(correction).map_err(Failure::from);
                let Some(now) = readable(&key, refused)? else { return Ok(Repaired::Left) };
                let now = now.flatten();
                if now.is_some() && now == there {
                    tracing::error!(item.pk = key.pk, "a count refuses the conditions that follow from it");
                    return Ok(Repaired::Left);
                }
                there = now;
            }
        }
        backoff.retry("others count the same product").await?;
    }
}
