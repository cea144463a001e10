//! Events of orders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Envelope, EventKind};
use crate::domain::{
    CouponId, OrderId, ProductId, UserId, Won,
    order::{HistoryEvent, LineStatus, Order, OrderStatus, PaymentMethod},
};

/// The version of [`OrderSnapshot`].
const VERSION: u16 = 1;

/// An order as others see it, with its lines and amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the order")]
pub struct OrderSnapshot {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub status: OrderStatus,
    pub payment: PaymentMethod,
    pub items: Vec<LineSnapshot>,
    pub goods_total: Won,
    pub goods_discount: Won,
    pub coupon_id: Option<CouponId>,
    pub coupon_discount: Won,
    pub shipping_fee: Won,
    pub payable: Won,
    pub paid: Won,
    pub refunded: Won,
    pub created_at: Timestamp,
    pub paid_at: Option<Timestamp>,
}

/// A line of an order as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the line")]
pub struct LineSnapshot {
    pub item_id: String,
    pub product_id: ProductId,
    pub seller_id: Option<UserId>,
    pub name: String,
    pub quantity: u16,
    pub cancelled_quantity: u16,
    pub unit_price: Won,
    pub unit_discount: Won,
    pub amount: Won,
    pub coupon_share: Won,
    pub status: LineStatus,
}

/// The events of one change of an order: one for each happening that the new image has and the old one had not.
/// The same change gives the same events, however often it is delivered.
pub fn from_change(old: Option<&Order>, new: &Order) -> Vec<Envelope<OrderSnapshot>> {
    let known = old.map_or(0, |old| old.history.len());
    let happenings = new.history.iter().zip(1_u64..).skip(known);
    happenings
        .map(|(happening, sequence)| Envelope {
            event_id: format!("{}-{sequence}", new.order_id),
            kind: match happening.event {
                HistoryEvent::Paid => EventKind::OrderPaid,
                HistoryEvent::PaymentFailed => EventKind::OrderPaymentFailed,
            },
            version: VERSION,
            occurred_at: happening.at,
            aggregate_id: new.order_id.to_string(),
            sequence,
            data: OrderSnapshot::of(new),
        })
        .collect()
}

impl OrderSnapshot {
    fn of(order: &Order) -> Self {
        let line = |(line, number): (&crate::domain::order::OrderLine, usize)| LineSnapshot {
            item_id: number.to_string(),
            product_id: line.product_id.clone(),
            seller_id: line.seller_id.clone(),
            name: line.name.clone(),
            quantity: line.quantity.get(),
            cancelled_quantity: line.cancelled_quantity,
            unit_price: line.unit_price,
            unit_discount: line.unit_discount,
            amount: line.amount().unwrap_or_default(),
            coupon_share: line.coupon_share,
            status: line.status,
        };
        Self {
            order_id: order.order_id.clone(),
            user_id: order.user_id.clone(),
            status: order.status,
            payment: order.payment,
            items: order.items.iter().zip(1..).map(line).collect(),
            goods_total: order.goods_total,
            goods_discount: order.goods_discount,
            coupon_id: order.coupon_id.clone(),
            coupon_discount: order.coupon_discount,
            shipping_fee: order.shipping_fee,
            payable: order.payable,
            paid: order.paid,
            refunded: order.refunded,
            created_at: order.created_at,
            paid_at: order.paid_at,
        }
    }
}
