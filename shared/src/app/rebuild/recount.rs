//! The recount of the orders.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{Failure, Pace, Progress, after, commit, go_on};
use crate::{
    app::{
        Shop,
        bestsellers::{self, Sold},
    },
    domain::{
        OrderId,
        order::{Order, Sale},
        recount::Balances,
        time::{seoul_day, start_of_seoul_day},
    },
    store::{
        Consistency, Key, Transaction, keys,
        orders::OrderRecord,
        rebuild::{Figures, Phase, Rebuild, SegmentProgress},
        rows,
        sales::Mark,
        table::Segment,
    },
};

/// The longest time from the creation of an order to its payment: longer than any hold, and some for clocks that
/// differ.
const PAID_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Goes on with every segment, concurrently; once all are done, adds up their findings.
pub(super) async fn step(shop: &Shop, pace: &Pace, rebuild: &Rebuild) -> Result<Progress, Failure> {
    let segments: Vec<u16> = (0..rebuild.segments).collect();
    let wanted: Vec<Key> = segments.iter().map(|segment| keys::rebuild_track(rebuild.generation, *segment)).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut open = Vec::new();
    let mut figures = rebuild.figures;
    for (segment, key) in segments.into_iter().zip(&wanted) {
        let track: SegmentProgress = found.get(key)?.unwrap_or_default();
        figures = figures.and(track.figures);
        if !track.is_done {
            open.push(follow(shop, pace, rebuild, segment, track));
        }
    }
    if open.is_empty() {
        let now = Rebuild { figures, ..after(rebuild, Phase::Repair { bucket: 0 }) };
        return go_on(shop, rebuild, &now).await;
    }
    // The recorded progress of one stays, whether or not the others fail.
    join_all(open).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Progress::Working)
}

/// Reads some pages of a segment, and records their sums and the progress.
async fn follow(
    shop: &Shop,
    pace: &Pace,
    rebuild: &Rebuild,
    segment: u16,
    seen: SegmentProgress,
) -> Result<(), Failure> {
    let from = start_of_seoul_day(rebuild.days.first()).ok().and_then(|start| start.checked_sub(PAID_AFTER).ok());
    let from = from.ok_or(Failure::Internal("a day has a beginning"))?;
    let (mut found, mut now) = (Found::default(), seen.clone());
    for _ in 0..pace.pages {
        let part = Segment {
            index: keys::BY_TIME,
            number: segment,
            of: rebuild.segments,
            prefix: keys::ORDERS_PREFIX,
            from,
            after: now.cursor.take(),
        };
        let (rows, next) = shop.table.scan::<rows::ByTime>(part, pace.rows).await?;
        for rows in rows.chunks(shop.bounds.table.batch_keys) {
            add_up(shop, pace, rebuild, rows, &mut found).await?;
        }
        now.is_done = next.is_none();
        now.cursor = next;
        if now.is_done || found.sums.len() >= pace.products {
            break;
        }
    }
    now.figures = now.figures.and(found.figures);
    now.revision = seen.revision.saturating_add(1);
    let mut transaction = Transaction::new();
    transaction.add(rebuild.replace_progress(segment, &seen, &now));
    rebuild.add_parts(&mut transaction, &segment.to_string(), now.revision, found.sums)?;
    let _ = commit(shop, transaction).await?;
    Ok(())
}

/// The sums of some orders.
#[derive(Debug, Default)]
struct Found {
    sums: Balances,
    figures: Figures,
}

/// A change of an order that sold units or gave some back.
struct Change {
    event_id: String,
    paid_at: Timestamp,
    sale: Sale,
}

/// Adds the sales of some orders that were counted before this generation, and counts those that nothing has counted.
async fn add_up(
    shop: &Shop,
    pace: &Pace,
    rebuild: &Rebuild,
    rows: &[rows::ByTime],
    found: &mut Found,
) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for rows::ByTime { pk, .. } in rows {
        let id = keys::id_of_partition(pk).and_then(|id| OrderId::try_from(id.to_owned()).ok());
        wanted.push(keys::order(&id.ok_or(Failure::Internal("a key ends with an id"))?));
    }
    let orders = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut changes = Vec::new();
    for key in &wanted {
        let order = match orders.get::<OrderRecord>(key) {
            Ok(Some(record)) => record.order,
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%error, item.pk = key.pk, "an order cannot be read");
                found.figures.unreadable += 1;
                continue;
            }
        };
        let Some(paid_at) = order.paid_at.filter(|at| rebuild.days.contain(seoul_day(*at))) else {
            continue;
        };
        found.figures.orders += 1;
        match order.sales() {
            Some(sales) => changes.extend(sales.into_iter().map(|sale| change(&order, paid_at, sale))),
            None => {
                tracing::error!(order.id = %order.order_id, "an order's history does not lead to its lines");
                found.figures.unreadable += 1;
            }
        }
    }
    let marks: Vec<Key> = changes.iter().map(|change| keys::counted(&change.event_id)).collect();
    let marked = shop.table.get_all(&marks, Consistency::Strong, &mut shop.backoff()).await?;
    let mut lost = Sold::new();
    for (Change { event_id, paid_at, sale }, key) in changes.into_iter().zip(&marks) {
        let mark = match marked.get::<Mark>(key) {
            Ok(mark) => mark,
            Err(error) => {
                tracing::error!(%error, item.pk = key.pk, "a processed-event record cannot be read");
                found.figures.unreadable += 1;
                continue;
            }
        };
        match mark {
            Some(mark) if mark.generation < rebuild.generation => {
                for (product, units) in &sale.units {
                    found.sums.add_sold(product, seoul_day(paid_at), *units, paid_at.as_millisecond());
                }
            }
            // Perhaps by a run that died before it could record its progress.
            Some(mark) => found.figures.recovered += u64::from(mark.is_recovered),
            None if shop.clock.now().duration_since(sale.at) > pace.under_way => {
                tracing::warn!(event.id = event_id, "a sale that nobody has counted");
                lost.insert(event_id, (paid_at, sale.units));
            }
            None => {}
        }
    }
    let mut backoff = shop.backoff();
    let counted = bestsellers::count_all(shop, lost, true, &mut backoff).await?;
    found.figures.recovered += counted.events;
    for (event_id, reason) in counted.uncounted {
        tracing::error!(event.id = event_id, reason, "a sale cannot be counted");
        found.figures.left += 1;
    }
    bestsellers::rank(shop, counted.unsure, &mut backoff).await.map(drop)
}

fn change(order: &Order, paid_at: Timestamp, sale: Sale) -> Change {
    Change { event_id: bestsellers::event_id(&order.order_id, sale.version), paid_at, sale }
}
