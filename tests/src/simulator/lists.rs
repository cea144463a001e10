//! Lists, walked page by page to their end, against a recount of the table as it was meanwhile.
//!
//! A list keeps its order over all pages, and shows no item twice. It shows every item that was in it throughout, and
//! none that was not in it at any instant. Each item is as it was at some instant of its page's call. A list that is
//! cut must give a cursor, since a walk without one has come to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::sleep;

use super::{
    books,
    clients::send,
    quiesce::{number, text},
    shape::call,
    table::{Key, Versions},
    world::World,
};
use crate::{Answer, Call, limits::Chance};

/// The greatest lag of an index, and of a read that is not strongly consistent.
const LAG: Duration = Duration::from_millis(1_500);

/// A little more than the greatest difference of clocks.
const SKEW: SignedDuration = SignedDuration::from_secs(11);

/// The tries for a page without an answer.
const TRIES: u32 = 6;

/// More pages than any list has items.
const MOST_PAGES: usize = 2_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum List {
    /// The catalogue, by cursor.
    Products,
    /// The catalogue, by page.
    ProductPages,
    /// The catalogue with recent stock, by cursor.
    RecentProducts,
    /// The desk's products: those of a seller, or all to an admin; with a sale status, if one is asked for.
    DeskProducts(Option<&'static str>, Option<&'static str>),
    /// The desk's campaigns.
    DeskCampaigns,
    /// The desk's lines: those of a seller, or all to an admin; in a state, if one is asked for.
    DeskLines(Option<&'static str>, Option<&'static str>),
    /// The orders of all users, in a state, if one is asked for.
    AllOrders(Option<&'static str>),
    /// A user's orders.
    Orders(&'static str),
    /// A user's coupons of a status.
    Coupons(&'static str, &'static str),
    /// A user's ledger.
    Entries(&'static str),
    /// The payments of a user's order.
    Payments(&'static str, String),
    /// A user's cart.
    Cart(&'static str),
}

/// A page, with the instants of its request and its answer.
struct Page {
    items: Vec<Value>,
    from: Duration,
    to: Duration,
}

/// An item of the table that was in a list at some instant of a walk.
struct Member {
    /// Its sort key in the list.
    place: String,
    /// Whether it was in the list throughout, with this sort key.
    always: bool,
}

impl List {
    fn path(&self) -> String {
        match self {
            Self::Products | Self::ProductPages => "/products?".to_owned(),
            Self::RecentProducts => "/products?stock=recent&".to_owned(),
            Self::DeskProducts(_, None) => "/desk/products?".to_owned(),
            Self::DeskProducts(_, Some(status)) => format!("/desk/products?status={status}&"),
            Self::DeskCampaigns => "/desk/campaigns?".to_owned(),
            Self::DeskLines(_, None) => "/desk/lines?".to_owned(),
            Self::DeskLines(_, Some(status)) => format!("/desk/lines?status={status}&"),
            Self::AllOrders(None) => "/orders?".to_owned(),
            Self::AllOrders(Some(status)) => format!("/orders?status={status}&"),
            Self::Orders(user) => format!("/orders?userId={user}&"),
            Self::Coupons(user, status) => format!("/coupons?userId={user}&status={status}&"),
            Self::Entries(user) => format!("/balance/{user}/entries?"),
            Self::Payments(_, order) => format!("/orders/{order}/payments?"),
            Self::Cart(_) => "/orders/cart".to_owned(),
        }
    }

    /// A request for a part of the list, by a caller with access.
    fn ask(&self, path: &str) -> Call {
        let ask = call("GET", path);
        match self {
            Self::Products | Self::ProductPages | Self::RecentProducts => ask.as_user("mina"),
            Self::DeskProducts(None, _) | Self::DeskLines(None, _) | Self::AllOrders(_) | Self::DeskCampaigns => {
                ask.as_admin()
            }
            Self::DeskProducts(Some(seller), _) | Self::DeskLines(Some(seller), _) => ask.as_seller(seller),
            Self::Orders(user)
            | Self::Coupons(user, _)
            | Self::Entries(user)
            | Self::Payments(user, _)
            | Self::Cart(user) => ask.as_user(user),
        }
    }

    fn is_catalogue(&self) -> bool {
        matches!(self, Self::Products | Self::ProductPages | Self::RecentProducts)
    }

    /// The partition of the list's items, and the prefix of their sort keys.
    fn keys(&self) -> (String, &'static str) {
        match self {
            Self::Products | Self::ProductPages | Self::RecentProducts | Self::DeskProducts(..) => {
                ("PRODUCT#".to_owned(), "PRODUCT")
            }
            Self::DeskCampaigns => ("CAMPAIGN#".to_owned(), "CAMPAIGN"),
            Self::DeskLines(..) => ("DESKLINES#".to_owned(), "DESK#"),
            Self::AllOrders(_) => ("DESKORDERS#".to_owned(), "DESK#"),
            Self::Orders(_) => ("ORDER#".to_owned(), "ORDER"),
            Self::Coupons(user, _) => (format!("USER#{user}"), "COUPON#"),
            Self::Entries(user) => (format!("USER#{user}"), "LEDGER#"),
            Self::Payments(_, order) => (format!("ORDER#{order}"), "PAYMENT#"),
            Self::Cart(user) => (format!("USER#{user}"), "CART"),
        }
    }

    /// The field that names an item, in an answer or in the table.
    fn id_field(&self) -> &'static str {
        match self {
            Self::Products | Self::ProductPages | Self::RecentProducts | Self::DeskProducts(..) | Self::Cart(_) => {
                "productId"
            }
            Self::DeskCampaigns => "couponId",
            Self::Orders(_) | Self::AllOrders(_) | Self::DeskLines(..) => "orderId",
            Self::Coupons(..) => "issuedCouponId",
            Self::Entries(_) => "entryId",
            Self::Payments(..) => "paymentId",
        }
    }

    /// Names an item that is shown, as [`Self::name_of`] does an item of the table.
    fn name_shown(&self, item: &Value) -> String {
        if let Self::DeskLines(..) = self {
            let number = item["itemId"].as_str().and_then(|id| id.parse::<usize>().ok()).unwrap_or(0);
            return format!("{}#{number:02}", item["orderId"].as_str().unwrap_or_default());
        }
        item[self.id_field()].as_str().unwrap_or_default().to_owned()
    }

    fn name_of(&self, item: &Value) -> String {
        if let Self::DeskLines(..) | Self::AllOrders(_) = self {
            return place_of_row(item).split_once('#').map_or("", |(_, name)| name).to_owned();
        }
        text(item, self.id_field()).to_owned()
    }

    /// The sort key of a version of an item in the list, if it is certainly there, and whether it may be there.
    fn place_of(&self, world: &World, key: &Key, item: &Value, from: Duration, to: Duration) -> (Option<String>, bool) {
        match self {
            Self::Products | Self::ProductPages | Self::RecentProducts => {
                let is_listed = text(item, "byTimePk") == "PRODUCTS";
                (is_listed.then(|| text(item, "byTimeSk").to_owned()), is_listed)
            }
            Self::DeskProducts(seller, status) => {
                let is_theirs = seller.is_none_or(|seller| text(item, "sellerId") == seller);
                let is_listed = is_theirs && status.is_none_or(|status| text(item, "saleStatus") == status);
                (is_listed.then(|| text(item, "byTimeSk").to_owned()), is_listed)
            }
            Self::DeskCampaigns => (Some(text(item, "byTimeSk").to_owned()), true),
            Self::DeskLines(seller, status) => {
                let is_theirs =
                    seller.is_none_or(|seller| text(item, "pk").starts_with(&format!("DESKLINES#{seller}#")));
                let is_so = status.is_none_or(|status| text(item, "byTimePk").contains(&format!("#{status}#")));
                let is_listed = is_theirs && is_so;
                (is_listed.then(|| place_of_row(item).to_owned()), is_listed)
            }
            Self::AllOrders(status) => {
                let is_listed =
                    status.is_none_or(|status| text(item, "byTimePk").starts_with(&format!("DESKORDERS#{status}#")));
                (is_listed.then(|| place_of_row(item).to_owned()), is_listed)
            }
            Self::Orders(user) => {
                let is_theirs = text(item, "byTimePk") == format!("ORDERS#{user}");
                (is_theirs.then(|| text(item, "byTimeSk").to_owned()), is_theirs)
            }
            Self::Coupons(_, wanted) => {
                let statuses = statuses(item, world.at(from), world.at(to));
                let fits = |status: &&str| *wanted == "ALL" || status == wanted;
                (statuses.iter().all(fits).then(|| key.1.clone()), statuses.iter().any(fits))
            }
            Self::Entries(_) | Self::Payments(..) | Self::Cart(_) => (Some(key.1.clone()), true),
        }
    }

    fn is_newest_first(&self) -> bool {
        matches!(self, Self::Orders(_) | Self::AllOrders(_) | Self::Entries(_))
    }

    /// The reason why an item cannot be right during the page's call.
    fn item_violation(&self, world: &World, item: &Value, page: &Page) -> Option<String> {
        let name = self.name_shown(item);
        let (pk, sk) = self.keys();
        let table = &world.table;
        let versions = |pk: &str, sk: &str, from: Duration| -> Vec<Value> {
            table.versions(&(pk.to_owned(), sk.to_owned()), from, page.to).into_iter().flatten().collect()
        };
        let shown = match self {
            Self::Products | Self::ProductPages | Self::RecentProducts => {
                return product_violation(world, &name, item, page);
            }
            Self::DeskProducts(..) => return desk_product_violation(world, &name, item, page),
            Self::DeskCampaigns => return campaign_violation(world, &name, item, page),
            Self::Cart(_) => return None,
            Self::Orders(_) | Self::AllOrders(_) => versions(&format!("ORDER#{name}"), "ORDER", page.from),
            Self::DeskLines(..) => {
                let order = name.split('#').next().unwrap_or_default();
                versions(&format!("ORDER#{order}"), "ORDER", page.from)
            }
            Self::Coupons(..) | Self::Entries(_) | Self::Payments(..) => {
                let all = table.meanwhile(|(a, b)| *a == pk && b.starts_with(sk), page.from, page.to);
                all.into_values().flatten().flatten().filter(|other| self.name_of(other) == name).collect()
            }
        };
        let is_so = |version: &Value| match self {
            Self::DeskLines(seller, status) => {
                let line = line_of(version, &name);
                item["status"] == text(line, "status")
                    && item["quantity"] == number(line, "quantity")
                    && seller.is_none_or(|seller| text(line, "sellerId") == seller)
                    && status.is_none_or(|status| text(line, "status") == status)
                    && version["paidAt"].is_object()
            }
            Self::Orders(_) | Self::AllOrders(_) => {
                let is_asked_for = |status| text(version, "status") == status;
                item["status"] == text(version, "status")
                    && !matches!(self, Self::AllOrders(Some(status)) if !is_asked_for(*status))
                    && item["refunded"] == books::order(version).refunded_or_open().get()
            }
            Self::Coupons(..) => {
                statuses(version, world.at(page.from), world.at(page.to)).iter().any(|it| item["status"] == **it)
            }
            Self::Entries(_) => {
                item["amount"] == number(version, "amount") && item["balanceAfter"] == number(version, "balanceAfter")
            }
            _ => item["amount"] == number(version, "amount"),
        };
        (!shown.iter().any(is_so)).then(|| format!("{item} is not as any of {shown:?}"))
    }
}

/// The position of a row of the desk.
fn place_of_row(row: &Value) -> &str {
    text(row, "sk").strip_prefix("DESK#").unwrap_or_default()
}

/// The line of an order with this name, which ends with its number.
fn line_of<'o>(order: &'o Value, name: &str) -> &'o Value {
    let number: usize = name.rsplit('#').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    &order["items"]["L"][number.saturating_sub(1)]["M"]
}

/// Whether the order of a row of the desk is in another state than the list's at some instant: it is not shown then, or
/// has no row yet.
fn is_outdated_meanwhile(world: &World, list: &List, row: &Key, name: &str, from: Duration, to: Duration) -> bool {
    let order = name.split('#').next().unwrap_or_default();
    let versions = world.table.versions(&(format!("ORDER#{order}"), "ORDER".to_owned()), from, to);
    let is_so = |version: &Option<Value>| {
        version.as_ref().is_some_and(|version| match list {
            List::DeskLines(_, Some(status)) => text(line_of(version, name), "status") == *status,
            List::AllOrders(Some(status)) => text(version, "status") == *status,
            _ => true,
        })
    };
    let is_of_order_s_row = matches!(list, List::DeskLines(None, None));
    let place = row.1.rsplit_once('#').map_or("", |(place, _)| place);
    let bucket = row.0.rsplit('#').next().unwrap_or_default();
    let order_row = (format!("DESKORDERS#{bucket}"), place.to_owned());
    let has_row = || world.table.versions(&order_row, from, to).iter().all(Option::is_some);
    !versions.iter().all(is_so) || (is_of_order_s_row && !has_row())
}

/// The statuses that a coupon can show between two instants, by any clock.
fn statuses(coupon: &Value, from: Timestamp, to: Timestamp) -> Vec<&'static str> {
    let state = ["USABLE", "USED", "REVOKED", "EXPIRED"].into_iter().find(|state| text(coupon, "state") == *state);
    let state = state.expect("a coupon has a state");
    let expires = Timestamp::from_millisecond(number(coupon, "expiresAt")).expect("an instant");
    match state {
        "USABLE" if expires <= from - SKEW => vec!["EXPIRED"],
        "USABLE" if expires <= to + SKEW => vec!["USABLE", "EXPIRED"],
        state => vec![state],
    }
}

/// A product shows a name and an offer of the time. It shows the stock that it had, unless the stock changed meanwhile.
fn product_violation(world: &World, id: &str, item: &Value, page: &Page) -> Option<String> {
    let before = page.from.saturating_sub(LAG);
    let described = world.table.versions(&(format!("PRODUCT#{id}"), "PRODUCT".to_owned()), before, page.to);
    if !described.iter().flatten().any(|it| item["name"] == text(it, "name")) {
        return Some(format!("{id} is shown as {}", item["name"]));
    }
    let shards_of = |from| {
        let prefix = format!("STOCK#{id}#");
        world.table.meanwhile(|(pk, _)| pk.starts_with(&prefix), from, page.to)
    };
    let offers = |shard: &Versions| {
        let is_so = |it: &Value| item["price"] == number(it, "price") && item["discount"] == number(it, "discount");
        shard.iter().flatten().any(is_so)
    };
    if !shards_of(page.from).values().any(offers) {
        return Some(format!("{item} is offered so on no shard"));
    }
    let shards = shards_of(before);
    if described.len() > 1 || shards.values().any(|versions| versions.len() > 1) {
        return None;
    }
    let stock: i64 = shards.values().flatten().flatten().map(|shard| number(shard, "remaining")).sum();
    (item["stock"] != stock || (stock == 0) != (item["status"] == "SOLD_OUT"))
        .then(|| format!("{item} has {stock} in stock"))
}

/// A product of the desk is as described at some instant of the call, and has the stock that it had.
fn desk_product_violation(world: &World, id: &str, item: &Value, page: &Page) -> Option<String> {
    let described = world.table.versions(&(format!("PRODUCT#{id}"), "PRODUCT".to_owned()), page.from, page.to);
    let is_so = |it: &Value| {
        let status = text(it, "saleStatus");
        let shown = if item["status"] == "SOLD_OUT" { "ON_SALE" } else { item["status"].as_str().unwrap_or_default() };
        item["name"] == text(it, "name")
            && status == shown
            && ["price", "discount", "stockShards"].iter().all(|field| item[field] == number(it, field))
            && item["flash"] == it["flash"]["BOOL"].as_bool().unwrap_or(false)
            && item["sellerId"].as_str().unwrap_or_default() == text(it, "sellerId")
    };
    if !described.iter().flatten().any(is_so) {
        return Some(format!("{item} is not as any of {described:?}"));
    }
    let shards = world.table.meanwhile(|(pk, _)| pk.starts_with(&format!("STOCK#{id}#")), page.from, page.to);
    if described.len() > 1 || shards.values().any(|versions| versions.len() > 1) {
        return None;
    }
    let stock: i64 = shards.values().flatten().flatten().map(|shard| number(shard, "remaining")).sum();
    (item["stock"] != stock).then(|| format!("{item} has {stock} in stock"))
}

/// A campaign has as many coupons left as its counters had, if no ticket was allocated meanwhile.
fn campaign_violation(world: &World, id: &str, item: &Value, page: &Page) -> Option<String> {
    let counters = world.table.meanwhile(|(pk, _)| pk.starts_with(&format!("COUNTER#{id}#")), page.from, page.to);
    if counters.values().any(|versions| versions.len() > 1) {
        return None;
    }
    let left = |counter: &Value| number(counter, "limit") - number(counter, "next");
    let left: i64 = counters.values().flatten().flatten().map(left).sum();
    let issued = item["totalQuantity"].as_i64().unwrap_or(0) - left;
    (item["remainingQuantity"] != left || item["issuedQuantity"] != issued)
        .then(|| format!("{item} has {left} coupons left"))
}

/// Walks a list to its end, and compares it with a recount.
pub(super) async fn walk(world: &World, who: &str, list: &List, mut chance: Chance) {
    let limit = [1, 2, 3, 7, 100][usize::try_from(chance.below(5)).unwrap()];
    let Some(pages) = pages_of(world, who, list, limit, chance).await else { return };
    for violation in violations_in(world, list, &pages) {
        world.report_violation(format!("{who}: of {list:?} in pages of {limit}: {violation}"));
    }
}

/// All pages; `None` if one of them has no answer.
async fn pages_of(world: &World, who: &str, list: &List, limit: usize, mut chance: Chance) -> Option<Vec<Page>> {
    let mut pages: Vec<Page> = Vec::new();
    let mut cursor: Option<String> = None;
    let mut is_by_page = *list == List::ProductPages;
    loop {
        let path = match (list, &cursor) {
            (List::Cart(_), _) => list.path(),
            _ if is_by_page => format!("{}limit={limit}&page={}", list.path(), pages.len() + 1),
            (_, Some(cursor)) => format!("{}limit={limit}&cursor={cursor}", list.path()),
            (_, None) => format!("{}limit={limit}", list.path()),
        };
        let (from, answer) = answered(world, who, list.ask(&path), &mut chance).await?;
        let to = world.table.elapsed();
        if answer.status != 200 {
            world.report_violation(format!("{who}: {path} is answered {} {}", answer.status, answer.body));
            return None;
        }
        let from = match list {
            List::RecentProducts => as_of(world, who, &answer, from, to),
            _ => from,
        };
        let items = answer.body["data"]["items"].as_array().cloned().unwrap_or_default();
        cursor = answer.body["data"]["nextCursor"].as_str().map(str::to_owned);
        // A page with fewer items than its limit is cut, and only the cursor marks the place.
        is_by_page &= cursor.is_none() || items.len() == limit;
        let is_last = if is_by_page { items.is_empty() } else { cursor.is_none() };
        pages.push(Page { items, from, to });
        if is_last {
            return Some(pages);
        }
        if pages.len() > MOST_PAGES {
            world.report_violation(format!("{who}: {list:?} does not end"));
            return None;
        }
    }
}

/// The earliest instant of the read behind an answer with recent stock, which must say so.
fn as_of(world: &World, who: &str, answer: &Answer, from: Duration, to: Duration) -> Duration {
    let earliest = from.saturating_sub(world.oldest_stock());
    let said: Option<Timestamp> = answer.body["data"]["asOf"].as_str().and_then(|text| text.parse().ok());
    let can_be = world.at(earliest) - SKEW..=world.at(to) + SKEW;
    if said.is_none_or(|said| !can_be.contains(&said)) {
        world.report_violation(format!("{who}: stock is shown as of {said:?}, not of {can_be:?}"));
    }
    earliest
}

pub(super) async fn answered(world: &World, who: &str, ask: Call, chance: &mut Chance) -> Option<(Duration, Answer)> {
    for _ in 0..TRIES {
        let from = world.table.elapsed();
        let answer = send(world, who, ask.clone(), Chance::new(chance.bits())).await;
        if let Some(answer) = answer.filter(|it| it.status != 503) {
            return Some((from, answer));
        }
        sleep(Duration::from_millis(chance.below(2_000))).await;
    }
    None
}

fn violations_in(world: &World, list: &List, pages: &[Page]) -> Vec<String> {
    let (Some(first), Some(last)) = (pages.first(), pages.last()) else { return Vec::new() };
    if matches!(list, List::Cart(_)) {
        return cart_violation(world, list, first).into_iter().collect();
    }
    let (from, to) = (first.from.saturating_sub(LAG), last.to);
    let members = members(world, list, from, to);
    if *list == List::ProductPages && members.values().any(|member| !member.always) {
        // Pages count from the first product: with each that comes or goes they shift.
        return Vec::new();
    }
    let mut violations = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut before: Option<&str> = None;
    for page in pages {
        for item in &page.items {
            let name = list.name_shown(item);
            if matches!(list, List::Payments(_, order) if name.trim_start_matches("order_") == order) {
                // A payment from the balance belongs to the order itself, and that of its session to the session.
                continue;
            }
            let Some(member) = members.get(&name) else {
                violations.push(format!("{item} is not in it"));
                continue;
            };
            let place = member.place.as_str();
            if !seen.insert(name.clone()) {
                violations.push(format!("{name} is shown twice"));
            } else if before.is_some_and(|before| if list.is_newest_first() { before < place } else { before > place })
            {
                violations.push(format!("{name} is out of order"));
            }
            before = Some(place);
            violations.extend(list.item_violation(world, item, page));
        }
    }
    let left_out = members.iter().filter(|(name, member)| member.always && !seen.contains(*name));
    violations.extend(left_out.map(|(name, _)| format!("{name} is left out")));
    violations
}

/// The items that were in the list at some instant, by name.
fn members(world: &World, list: &List, from: Duration, to: Duration) -> BTreeMap<String, Member> {
    let (pk, sk) = list.keys();
    let is_prefix = pk.ends_with('#');
    let fits = |(a, b): &Key| (if is_prefix { a.starts_with(&pk) } else { *a == pk }) && b.starts_with(sk);
    let mut members: BTreeMap<String, Member> = BTreeMap::new();
    for (key, versions) in world.table.meanwhile(fits, from, to) {
        let mut always = true;
        let mut name = String::new();
        let mut places: BTreeSet<String> = BTreeSet::new();
        if matches!(list, List::DeskProducts(None, _)) {
            // An item that changes lists while they are read can be missed in both.
            let lists: BTreeSet<&str> = versions.iter().flatten().map(|item| text(item, "byTimePk")).collect();
            always &= lists.len() == 1;
        }
        for version in versions {
            let Some(item) = version else {
                always = false;
                continue;
            };
            let (place, may) = list.place_of(world, &key, &item, from, to);
            always &= place.is_some();
            if may {
                name = list.name_of(&item);
                places.extend(place.or_else(|| Some(key.1.clone())));
            }
        }
        if matches!(list, List::DeskLines(..) | List::AllOrders(_)) {
            always &= !is_outdated_meanwhile(world, list, &key, &name, from, to);
        }
        always &= places.len() == 1 && !is_hidden_meanwhile(world, list, &name, from, to);
        if let Some(place) = places.into_iter().next() {
            // An item that replaces another, such as a coupon issued anew, is at both places for a moment.
            members.entry(name).and_modify(|member| member.always = false).or_insert(Member { place, always });
        }
    }
    members
}

/// Whether a shard says, before the index does, that a product is not on sale.
fn is_hidden_meanwhile(world: &World, list: &List, product: &str, from: Duration, to: Duration) -> bool {
    if !list.is_catalogue() {
        return false;
    }
    let first = (format!("STOCK#{product}#0"), "STOCK".to_owned());
    let versions = world.table.versions(&first, from, to);
    versions.iter().any(|version| version.as_ref().is_none_or(|shard| text(shard, "saleStatus") != "ON_SALE"))
}

/// A cart is as it was at some instant.
fn cart_violation(world: &World, list: &List, page: &Page) -> Option<String> {
    let (pk, sk) = list.keys();
    let shown: BTreeMap<&str, i64> = page
        .items
        .iter()
        .map(|item| (item["productId"].as_str().unwrap_or_default(), item["quantity"].as_i64().unwrap_or(0)))
        .collect();
    let versions = world.table.versions(&(pk, sk.to_owned()), page.from, page.to);
    let is_so = |version: &Option<Value>| {
        let items = version.as_ref().and_then(|cart| cart["items"]["M"].as_object());
        let items = items.into_iter().flatten();
        let items: BTreeMap<&str, i64> =
            items.filter_map(|(product, units)| Some((product.as_str(), units["N"].as_str()?.parse().ok()?))).collect();
        items == shown && page.items.len() == shown.len()
    };
    (!versions.iter().any(is_so)).then(|| format!("{:?} is not as any of {versions:?}", page.items))
}
