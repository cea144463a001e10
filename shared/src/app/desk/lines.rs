//! Lists of orders and of their lines. A row gives the position alone; the order, read by its key, gives the rest, and
//! decides whether it is still of the list. So a list can lack a change for a moment, and shows no outdated line.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, future::join_all, join, stream};
use jiff::Timestamp;

use super::{Part, Places, merge};
use crate::{
    app::{
        Caller, Failure, Shop,
        access::{self, Access},
        addresses, readable,
    },
    domain::{
        OrderId, OrderItemId, UserId,
        address::Address,
        desk::{Period, listed_lines},
        order::{LineStatus, Order, OrderLine, OrderStatus},
    },
    store::{
        Consistency, StoreError,
        desk::{self, DeskHeartbeat, DeskPlace, PlaceRange},
        keys,
        orders::OrderRecord,
        table::Range,
    },
};

/// A line of a paid order, as the desk lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskLine {
    pub order_id: OrderId,
    pub item_id: OrderItemId,
    pub line: OrderLine,
    /// Units that its seller has yet to ship.
    pub to_ship: u16,
    pub created_at: Timestamp,
    pub paid_at: Timestamp,
    /// The recipient, where it was asked for and there is something to ship.
    pub ship_to: Option<Address>,
}

/// The lines that a list is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFilter<'a> {
    /// Only lines of this seller.
    pub seller: Option<&'a UserId>,
    /// Only those in this state.
    pub status: Option<LineStatus>,
    /// Only those of orders created in this period.
    pub period: Period,
    /// The caller, if they ask for the recipients of what is to be shipped.
    pub recipients_for: Option<&'a Caller>,
}

/// A part of a list, and the last heartbeat that had come through to the desk when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskPart<T> {
    pub part: Part<T>,
    /// None if no heartbeat ever came through.
    pub as_of: Option<Timestamp>,
}

/// Returns up to `limit` lines of paid orders after a position, in the order of the orders' creation. There are fewer if
/// rows are outdated; `next` is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn lines(
    shop: &Shop,
    filter: &LineFilter<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<DeskPart<DeskLine>, Failure> {
    let ranges: Vec<Range> = match (filter.seller, filter.status) {
        (Some(seller), status) => desk::lines_of(seller, status).collect(),
        (None, Some(status)) => desk::lines_in(status).collect(),
        (None, None) => return lines_of_orders(shop, filter, after, limit).await,
    };
    let bounds = PlaceRange::oldest_first(filter.period, after);
    let (places, as_of) = join!(places(shop, ranges, &bounds, false, limit), as_of(shop));
    let (places, as_of) = (places?, as_of?);
    let orders = orders_at(shop, &places.found).await?;
    let mut items = Vec::new();
    for place in &places.found {
        let Some((order, Some(number))) = keys::desk_place(place) else { continue };
        let listed = orders.get(&order).and_then(|order| {
            let (_, line) = listed_lines(order).find(|(listed, _)| *listed == number)?;
            shown(order, number, line, filter)
        });
        items.extend(listed);
    }
    add_recipients(shop, filter, &orders, &mut items).await?;
    Ok(DeskPart { part: Part { items, next: places.next }, as_of })
}

/// Adds the recipients of lines that are to be shipped, if they are asked for. Each look is noted before it is granted.
async fn add_recipients(
    shop: &Shop,
    filter: &LineFilter<'_>,
    orders: &BTreeMap<OrderId, Order>,
    lines: &mut [DeskLine],
) -> Result<(), Failure> {
    let Some(caller) = filter.recipients_for else { return Ok(()) };
    let wanted = lines.iter().filter(|line| line.to_ship > 0).map(|line| &line.order_id);
    let wanted: BTreeSet<&OrderId> = wanted.collect();
    let wanted: Vec<&Order> = wanted.into_iter().filter_map(|id| orders.get(id)).collect();
    let addresses = addresses::ship_to_all(shop, &wanted).await?;
    let looks = wanted.iter().zip(&addresses).filter(|(_, address)| address.is_some()).map(|(order, _)| {
        let access = Access { user: &order.user_id, route: "GET /desk/lines", order: Some(&order.order_id) };
        access::note(shop, caller, access)
    });
    stream::iter(looks.collect::<Vec<_>>())
        .buffer_unordered(shop.bounds.desk_rows_at_once.max(1))
        .try_collect::<()>()
        .await?;
    let found: BTreeMap<&OrderId, Address> =
        wanted.iter().zip(addresses).filter_map(|(order, address)| Some((&order.order_id, address?))).collect();
    for line in lines.iter_mut().filter(|line| line.to_ship > 0) {
        line.ship_to = found.get(&line.order_id).cloned();
    }
    Ok(())
}

/// All lines in any state are those of all paid orders: a list of their own would cost a unit a line.
async fn lines_of_orders(
    shop: &Shop,
    filter: &LineFilter<'_>,
    after: Option<&str>,
    limit: usize,
) -> Result<DeskPart<DeskLine>, Failure> {
    let mut bounds = PlaceRange::oldest_first(filter.period, None);
    if let Some((order, _)) = after.and_then(|after| after.rsplit_once('#')) {
        let is_done = after == Some(keys::desk_after_lines(order).as_str());
        // Otherwise the order of the last line has more lines.
        let first = if is_done { keys::after_place(order) } else { order.to_owned() };
        bounds.first = bounds.first.max(first);
    }
    let ranges = desk::orders(None).collect();
    let (places, as_of) = join!(places(shop, ranges, &bounds, false, limit), as_of(shop));
    let (places, as_of) = (places?, as_of?);
    let orders = orders_at(shop, &places.found).await?;
    let mut items = Vec::new();
    let mut last: Option<String> = None;
    for (place, order) in
        places.found.iter().filter_map(|place| Some((place, orders.get(&keys::desk_place(place)?.0)?)))
    {
        for (number, line) in listed_lines(order) {
            let line_place = keys::desk_line_place(order.created_at, &order.order_id, number);
            if !line_place.starts_with(place.as_str()) || after.is_some_and(|after| line_place.as_str() <= after) {
                continue;
            }
            if items.len() >= limit {
                add_recipients(shop, filter, &orders, &mut items).await?;
                return Ok(DeskPart { part: Part { items, next: last }, as_of });
            }
            items.extend(shown(order, number, line, filter));
            let is_last = number >= order.items.len();
            last = Some(if is_last { keys::desk_after_lines(place) } else { line_place });
        }
    }
    let next = places.next.as_deref().map(keys::desk_after_lines);
    add_recipients(shop, filter, &orders, &mut items).await?;
    Ok(DeskPart { part: Part { items, next }, as_of })
}

/// The line, if it is of the list in the order's present state.
fn shown(order: &Order, number: usize, line: &OrderLine, filter: &LineFilter<'_>) -> Option<DeskLine> {
    let is_wanted = filter.seller.is_none_or(|seller| line.seller_id.as_ref() == Some(seller))
        && filter.status.is_none_or(|status| line.status == status)
        && filter.period.has(order.created_at);
    let (item_id, paid_at) = (OrderItemId::try_from(number.to_string()).ok()?, order.paid_at?);
    let to_ship = order.unshipped_units(number);
    let (order_id, line, created_at) = (order.order_id.clone(), line.clone(), order.created_at);
    is_wanted.then_some(DeskLine { order_id, item_id, line, to_ship, created_at, paid_at, ship_to: None })
}

/// Returns up to `limit` orders of all users after a position, newest first. There are fewer if rows are outdated; `next`
/// is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn orders(
    shop: &Shop,
    status: Option<OrderStatus>,
    period: Period,
    after: Option<&str>,
    limit: usize,
) -> Result<DeskPart<Order>, Failure> {
    let (ranges, bounds) = (desk::orders(status).collect(), PlaceRange::newest_first(period, after));
    let (places, as_of) = join!(places(shop, ranges, &bounds, true, limit), as_of(shop));
    let (places, as_of) = (places?, as_of?);
    let mut orders = orders_at(shop, &places.found).await?;
    let is_wanted = |order: &Order| status.is_none_or(|status| order.status == status) && period.has(order.created_at);
    let ids = places.found.iter().filter_map(|place| Some(keys::desk_place(place)?.0));
    let items = ids.filter_map(|id| orders.remove(&id)).filter(is_wanted).collect();
    Ok(DeskPart { part: Part { items, next: places.next }, as_of })
}

/// Reads the parts of a list side by side, and merges them by position.
pub(super) async fn places(
    shop: &Shop,
    ranges: Vec<Range>,
    bounds: &PlaceRange,
    newest_first: bool,
    limit: usize,
) -> Result<Places, StoreError> {
    if bounds.is_empty() {
        return Ok(Places { found: Vec::new(), next: None });
    }
    let pages = ranges.into_iter().map(|range| {
        let range = range.between(&bounds.first, &bounds.last);
        shop.table.query::<DeskPlace>(if newest_first { range.newest_first() } else { range }, limit)
    });
    let mut read = Vec::new();
    for page in join_all(pages).await {
        let page = page?;
        let found = page.records.iter().filter_map(DeskPlace::place).map(str::to_owned).collect();
        read.push((found, page.more));
    }
    Ok(merge(read, newest_first, limit))
}

/// The orders of these positions, each read once.
pub(super) async fn orders_at(shop: &Shop, places: &[String]) -> Result<BTreeMap<OrderId, Order>, Failure> {
    let ids = places.iter().filter_map(|place| Some(keys::desk_place(place)?.0));
    let ids: BTreeSet<OrderId> = ids.collect();
    let wanted: Vec<_> = ids.iter().map(keys::order).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut orders = BTreeMap::new();
    for (id, key) in ids.into_iter().zip(&wanted) {
        let record = readable(key, found.get::<OrderRecord>(key).map_err(Failure::from))?.flatten();
        orders.extend(record.map(|record| (id, record.order)));
    }
    Ok(orders)
}

/// The last heartbeat that came through. An older one is as true, so an instance reads it every few seconds.
pub(super) async fn as_of(shop: &Shop) -> Result<Option<Timestamp>, StoreError> {
    if let Some(at) = shop.cached_desk_heartbeat() {
        return Ok(Some(at));
    }
    let read_at = shop.clock.now();
    let heartbeat: Option<DeskHeartbeat> = shop.table.get(keys::desk_heartbeat(), Consistency::Eventual).await?;
    let at = heartbeat.map(|heartbeat| heartbeat.at);
    at.into_iter().for_each(|at| shop.cache_desk_heartbeat(read_at, at));
    Ok(at)
}
