//! Orders.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    app::orders::Visible,
    domain::{
        CouponId, OrderId, ProductId, UserId, Won,
        order::{Actor, Change, HistoryEvent, LineStatus, OrderStatus, PaymentMethod},
    },
};

/// An order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the order")]
pub struct OrderView {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub status: OrderStatus,
    pub payment: PaymentMethod,
    pub items: Vec<OrderLineView>,
    pub goods_total: Won,
    pub goods_discount: Won,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    pub coupon_discount: Won,
    pub shipping_fee: Won,
    pub payable: Won,
    pub paid: Won,
    pub refunded: Won,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// A line of an order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLineView {
    pub item_id: String,
    pub sequence: usize,
    pub product_id: ProductId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    pub name: String,
    pub quantity: u16,
    pub cancelled_quantity: u16,
    pub unit_price: Won,
    pub unit_discount: Won,
    pub amount: Won,
    pub coupon_share: Won,
    pub status: LineStatus,
    /// What the caller can do with the line now.
    pub allowed_actions: Vec<&'static str>,
}

impl From<Visible> for OrderView {
    fn from(Visible { order, lines }: Visible) -> Self {
        let items = order.items.into_iter().zip(1..).filter(|(_, number)| lines.contains(number));
        let items = items.map(|(line, sequence)| OrderLineView {
            item_id: sequence.to_string(),
            sequence,
            amount: line.amount().unwrap_or_default(),
            product_id: line.product_id,
            seller_id: line.seller_id,
            name: line.name,
            quantity: line.quantity.get(),
            cancelled_quantity: line.cancelled_quantity,
            unit_price: line.unit_price,
            unit_discount: line.unit_discount,
            coupon_share: line.coupon_share,
            status: line.status,
            allowed_actions: Vec::new(),
        });
        Self {
            items: items.collect(),
            order_id: order.order_id,
            user_id: order.user_id,
            status: order.status,
            payment: order.payment,
            goods_total: order.goods_total,
            goods_discount: order.goods_discount,
            coupon_id: order.coupon_id,
            coupon_discount: order.coupon_discount,
            shipping_fee: order.shipping_fee,
            payable: order.payable,
            paid: order.paid,
            refunded: order.refunded,
            created_at: order.created_at,
            updated_at: order.updated_at,
            paid_at: order.paid_at,
        }
    }
}

/// One step in an order's history.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the step")]
pub struct HistoryView {
    pub event: HistoryEvent,
    /// The line, or none where it is the order as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    pub from: Option<State>,
    pub to: State,
    pub actor: Actor,
    pub at: Timestamp,
}

/// The state of an order or of a line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum State {
    Order(OrderStatus),
    Line(LineStatus),
}

/// An order's history, oldest step first.
pub fn history(Visible { order, lines }: &Visible) -> Vec<HistoryView> {
    let steps = order.changes().into_iter().filter_map(|(happening, change)| {
        let (item_id, from, to) = match change {
            Change::Order { from, to } => (None, from.map(State::Order), State::Order(to)),
            Change::Line { number, from, to } if lines.contains(&number) => {
                (Some(number.to_string()), from.map(State::Line), State::Line(to))
            }
            Change::Line { .. } => return None,
        };
        Some(HistoryView { event: happening.event, item_id, from, to, actor: happening.actor, at: happening.at })
    });
    steps.collect()
}
