//! Orders: placing, looking up.

mod facts;
mod place;

pub use place::{PlaceOrder, place};

use serde::Deserialize;

use super::{Caller, Failure, Role, Shop};
use crate::{
    domain::{
        OrderId, Refusal, UserId, Won,
        order::{Order, OrderLine},
        refusal::Entity,
    },
    store::{Consistency, Key, keys, orders::OrderRecord, table::Range},
};

/// An order as the caller may see it: a seller sees the lines that are theirs.
///
/// # Errors
/// [`Refusal::NotFound`] where there is none, or none of it is the caller's.
pub async fn get(shop: &Shop, caller: &Caller, id: &OrderId) -> Result<Visible, Failure> {
    let record: Option<OrderRecord> = shop.table.get(keys::order(id), Consistency::Strong).await?;
    record
        .and_then(|record| Visible::to(caller, record.order))
        .ok_or_else(|| Refusal::not_found(Entity::Order, id).into())
}

/// An order, and which of its lines (by number, from 1) whoever asked may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The order.
    pub order: Order,
    /// The lines' numbers.
    pub lines: Vec<usize>,
}

impl Visible {
    /// All of an order.
    pub fn whole(order: Order) -> Self {
        Self { lines: (1..=order.items.len()).collect(), order }
    }

    fn to(caller: &Caller, order: Order) -> Option<Self> {
        if caller.may_act_for(&order.user_id) {
            return Some(Self::whole(order));
        }
        if caller.role != Role::Seller {
            return None;
        }
        let theirs =
            |(line, number): (&OrderLine, usize)| (line.seller_id.as_ref() == Some(&caller.user_id)).then_some(number);
        let lines: Vec<usize> = order.items.iter().zip(1..).filter_map(theirs).collect();
        (!lines.is_empty()).then(|| Self { order: amounts_of(&lines, order), lines })
    }
}

/// The order with the amounts of some of its lines alone: what the others cost, the coupon and the shipping fee are the
/// customer's business.
fn amounts_of(lines: &[usize], order: Order) -> Order {
    let visible: Vec<&OrderLine> =
        lines.iter().filter_map(|number| order.items.get(number.saturating_sub(1))).collect();
    let sum = |amount: fn(&OrderLine) -> Option<Won>| {
        Won::checked_sum(visible.iter().filter_map(|line| amount(line))).unwrap_or_default()
    };
    let goods_total = sum(|line| line.unit_price.checked_mul(line.quantity));
    let goods_discount = sum(|line| line.unit_discount.checked_mul(line.quantity));
    let coupon_discount = sum(|line| Some(line.coupon_share));
    let payable = sum(|line| line.amount()?.checked_sub(line.coupon_share));
    let paid = if order.paid_at.is_some() { payable } else { Won::ZERO };
    Order {
        goods_total,
        goods_discount,
        coupon_id: None,
        coupon_discount,
        shipping_fee: Won::ZERO,
        payable,
        paid,
        refunded: Won::ZERO,
        ..order
    }
}

/// An order's place in the index by time.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexRow {
    by_time_sk: String,
}

/// A part of a user's orders, newest first, and where the next part begins, if there is one.
///
/// # Errors
/// [`Refusal::NotFound`] where the user is unknown.
pub async fn list(
    shop: &Shop,
    user: &UserId,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<Order>, Option<String>), Failure> {
    let place = after.and_then(|sk| Some((keys::order(&order_id(&sk)?), sk)));
    let range = Range::by_time(keys::orders_of(user)).newest_first().after_indexed(place);
    let page = shop.table.query::<IndexRow>(range, limit).await?;
    if page.records.is_empty() {
        super::balance::get(shop, user).await?;
    }
    let next = page.records.last().filter(|_| page.more).map(|row| row.by_time_sk.clone());
    let ids =
        page.records.iter().map(|row| order_id(&row.by_time_sk).ok_or(Failure::Broken("an index key ends with an id")));
    let wanted: Vec<Key> = ids.map(|id| id.map(|id| keys::order(&id))).collect::<Result<_, _>>()?;
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut orders = Vec::new();
    for key in &wanted {
        orders.extend(found.get::<OrderRecord>(key)?.map(|record| record.order));
    }
    Ok((orders, next))
}

fn order_id(index_sk: &str) -> Option<OrderId> {
    OrderId::try_from(keys::id_of_index_key(index_sk)?.to_owned()).ok()
}
