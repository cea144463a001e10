//! The rows of an export, page by page. Each page is one read of a list that exists, so no write of the shop pays for
//! exports.

use super::super::{
    Caller, Failure, Role, Shop,
    balance::{self, OpenedEntry},
    cart, coupons,
    desk::{self, LineFilter},
    orders::{self, AuthorizedOrder, OrderFilter},
    payments, personal,
    products::Stocked,
    users::{self, User},
    withdrawals,
};
use crate::{
    domain::{
        OrderId, OrderItemId, Refusal, UserId, WithdrawalId,
        address::Address,
        coupon::{CouponStatus, IssuedCoupon},
        export::{Export, ExportKind},
        ledger::{EntryKind, LedgerEntry},
        order::OrderLine,
        session::PaymentSession,
        withdrawal::Withdrawal,
    },
    store::{
        exports::{self, ExportCursor},
        keys, people,
        table::Range,
    },
};
use jiff::Timestamp;

/// A row of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Line(Box<LineRow>),
    /// An entry of the ledger of a user.
    LedgerEntry(UserId, Box<LedgerEntry>),
    Product(Box<Stocked>),
    Profile(Box<User>),
    /// An address that orders were shipped to.
    Address(Box<Address>),
    Order(Box<AuthorizedOrder>),
    Entry(Box<OpenedEntry>),
    Withdrawal(Box<Withdrawal>),
    Coupon(Box<IssuedCoupon>),
    Cart(Box<cart::LiveCart>),
    Payment(Box<PaymentSession>),
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    pub order_id: OrderId,
    pub item_id: OrderItemId,
    /// The orderer; sellers do not see them.
    pub user_id: Option<UserId>,
    pub created_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub line: OrderLine,
}

/// A page, and the place from which the next one goes on, if there is more.
pub(super) type Rows = (Vec<Row>, Option<ExportCursor>);

/// Reads a page of an export. It may have no row although there is more.
///
/// # Errors
/// If the table cannot be reached.
pub(super) async fn page(shop: &Shop, export: &Export, cursor: Option<ExportCursor>) -> Result<Rows, Failure> {
    let limit = shop.bounds.export_page;
    let after = match &cursor {
        Some(ExportCursor::After(place)) => Some(place.clone()),
        _ => None,
    };
    match (export.of, &export.seller_id) {
        (ExportKind::Orders, Some(seller)) => lines_of_seller(shop, export, seller, after, limit).await,
        (ExportKind::Orders, None) => lines(shop, export, after, limit).await,
        (ExportKind::Products, seller) => products(shop, export, seller.as_ref(), after, limit).await,
        (ExportKind::Ledger, _) => ledger(shop, export, cursor).await,
        (ExportKind::Mine, _) => {
            let (section, place) = match cursor {
                Some(ExportCursor::Section(section, place)) => (section, place),
                _ => (0, None),
            };
            mine(shop, export, section, place, limit).await
        }
    }
}

/// The lines of all orders, newest first.
async fn lines(shop: &Shop, export: &Export, after: Option<String>, limit: usize) -> Result<Rows, Failure> {
    let part = desk::orders(shop, None, export.period(), after.as_deref(), limit).await?.part;
    let mut rows = Vec::new();
    for order in part.items {
        for (number, line) in (1_usize..).zip(order.items) {
            let item_id = OrderItemId::try_from(number.to_string());
            rows.push(Row::Line(Box::new(LineRow {
                order_id: order.order_id.clone(),
                item_id: item_id.map_err(|_| Failure::Internal("a number is an id"))?,
                user_id: Some(order.user_id.clone()),
                created_at: order.created_at,
                paid_at: order.paid_at,
                line,
            })));
        }
    }
    Ok((rows, part.next.map(ExportCursor::After)))
}

/// The lines of a seller in paid orders, oldest first: an order that was never paid concerns no seller.
async fn lines_of_seller(
    shop: &Shop,
    export: &Export,
    seller: &UserId,
    after: Option<String>,
    limit: usize,
) -> Result<Rows, Failure> {
    let filter = LineFilter { seller: Some(seller), status: None, period: export.period(), recipients_for: None };
    let part = desk::lines(shop, &filter, after.as_deref(), limit).await?.part;
    let row = |listed: desk::DeskLine| {
        Row::Line(Box::new(LineRow {
            order_id: listed.order_id,
            item_id: listed.item_id,
            user_id: None,
            created_at: listed.created_at,
            paid_at: Some(listed.paid_at),
            line: listed.line,
        }))
    };
    Ok((part.items.into_iter().map(row).collect(), part.next.map(ExportCursor::After)))
}

/// Products, in the order of their creation.
async fn products(
    shop: &Shop,
    export: &Export,
    seller: Option<&UserId>,
    after: Option<String>,
    limit: usize,
) -> Result<Rows, Failure> {
    let (period, part) = (export.period(), desk::products(shop, seller, None, after, limit).await?);
    let is_over = period.to.is_some_and(|to| part.items.last().is_some_and(|last| last.product.created_at >= to));
    let rows = part.items.into_iter().filter(|listed| period.has(listed.product.created_at));
    let rows = rows.map(|listed| Row::Product(Box::new(listed))).collect();
    Ok((rows, part.next.filter(|_| !is_over).map(ExportCursor::After)))
}

/// Entries of all ledgers, by a scan of the table: those of a user stand together, in their order. An index by time would
/// cost each payment a write.
async fn ledger(shop: &Shop, export: &Export, cursor: Option<ExportCursor>) -> Result<Rows, Failure> {
    let after = match cursor {
        Some(ExportCursor::Scan(cursor)) => Some(cursor),
        _ => None,
    };
    let (items, next) = shop.table.scan_items(keys::LEDGER_PREFIX, after, shop.bounds.export_scan).await?;
    let (period, mut rows) = (export.period(), Vec::new());
    for item in items {
        let (user, entry) = exports::ledger_row(item)?;
        if period.has(entry.at) {
            rows.push(Row::LedgerEntry(user, Box::new(entry)));
        }
    }
    Ok((rows, next.map(ExportCursor::Scan)))
}

/// The states of coupons: all.
const COUPONS: [CouponStatus; 4] =
    [CouponStatus::Usable, CouponStatus::Used, CouponStatus::Expired, CouponStatus::Revoked];

/// The sections of a user's own data, in their order.
const SECTIONS: u16 = 7;

/// A page of a user's own data: the first section from this one on that has any.
async fn mine(
    shop: &Shop,
    export: &Export,
    section: u16,
    place: Option<String>,
    limit: usize,
) -> Result<Rows, Failure> {
    let (rows, next) = match section_page(shop, export, section, place, limit).await {
        // A list that is empty asks for the user, who can be erased meanwhile.
        Err(Failure::Refused(Refusal::NotFound { .. })) => (Vec::new(), None),
        other => other?,
    };
    let following = section.checked_add(1).filter(|next| *next < SECTIONS);
    let cursor = match (next, following) {
        (Some(place), _) => Some(ExportCursor::Section(section, Some(place))),
        (None, Some(following)) => Some(ExportCursor::Section(following, None)),
        (None, None) => None,
    };
    Ok((rows, cursor))
}

/// A page of a section, and the position after it, if the section goes on.
async fn section_page(
    shop: &Shop,
    export: &Export,
    section: u16,
    place: Option<String>,
    limit: usize,
) -> Result<(Vec<Row>, Option<String>), Failure> {
    let (user, period) = (&export.user_id, export.period());
    let caller = Caller { user_id: user.clone(), role: Role::Customer };
    match section {
        0 => Ok((vec![Row::Profile(Box::new(users::get(shop, user).await?))], None)),
        1 => addresses(shop, user, place, limit).await,
        2 => {
            let filter = OrderFilter { status: None, period };
            let (found, next) = orders::list(shop, &caller, user, filter, place, limit).await?;
            let mut rows = Vec::new();
            for order in found {
                rows.push(Row::Order(Box::new(orders::with_texts(shop, order).await?)));
            }
            Ok((rows, next))
        }
        3 => entries(shop, export, &caller, place, limit).await,
        4 => {
            let after = place.map(coupons::CouponPlace::try_from).transpose();
            let after = after.map_err(|_| Failure::Internal("a position is one of a coupon"))?;
            let (found, next) = coupons::list(shop, user, &COUPONS, after, limit).await?;
            let rows = found.into_iter().map(|coupon| Row::Coupon(Box::new(coupon))).collect();
            Ok((rows, next.map(|place| place.as_str().to_owned())))
        }
        5 => Ok((vec![Row::Cart(Box::new(cart::get(shop, user).await?))], None)),
        _ => {
            let (found, next) = payments::list(shop, user, place, limit).await?;
            let found = found.into_iter().filter(|session| period.has(session.created_at));
            Ok((found.map(|session| Row::Payment(Box::new(session))).collect(), next))
        }
    }
}

/// The addresses that orders of the user were shipped to.
async fn addresses(
    shop: &Shop,
    user: &UserId,
    place: Option<String>,
    limit: usize,
) -> Result<(Vec<Row>, Option<String>), Failure> {
    let range = Range::of_partition(keys::user_partition(user), keys::ADDRESS_PREFIX).after(place);
    let page = shop.table.query::<people::ListedAddress>(range, limit).await?;
    let seal = personal::seal_of(shop, user).await?;
    let next = page.records.last().filter(|_| page.more).map(|listed| listed.sk.clone());
    let opened = page.records.iter().filter_map(|listed| {
        let record = personal::address_record(listed.number()?);
        seal.open_address(&record, &listed.address)
    });
    Ok((opened.map(|address| Row::Address(Box::new(address))).collect(), next))
}

/// Ledger entries, newest first, each withdrawal with its account at a bank.
async fn entries(
    shop: &Shop,
    export: &Export,
    caller: &Caller,
    place: Option<String>,
    limit: usize,
) -> Result<(Vec<Row>, Option<String>), Failure> {
    let before = place.map(|place| place.parse()).transpose();
    let before = before.map_err(|_| Failure::Internal("a position is one of the ledger"))?;
    let (found, more) = balance::entries(shop, &export.user_id, before, limit).await?;
    let last = found.last().map(|last| &last.entry);
    let is_over = last.is_some_and(|last| last.at < export.from);
    let next = last.filter(|_| more && !is_over).map(|last| last.sequence.to_string());
    let mut rows = Vec::new();
    for found in found.into_iter().filter(|found| export.period().has(found.entry.at)) {
        let entry = &found.entry;
        let is_withdrawal = entry.kind == EntryKind::Withdrawal && entry.amount.get() < 0;
        let withdrawal = WithdrawalId::try_from(entry.entry_id.clone()).ok().filter(|_| is_withdrawal);
        rows.push(Row::Entry(Box::new(found)));
        if let Some(id) = withdrawal {
            rows.push(Row::Withdrawal(Box::new(withdrawals::get(shop, caller, &id).await?)));
        }
    }
    Ok((rows, next))
}
