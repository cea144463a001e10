//! Order sheets: the amounts of an intended order, frozen for a while.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CouponId, OrderId, OrderSheetId, Refusal, UserId,
    benefits::Benefits,
    cart::Cart,
    order::{Draft, OrderLine, own_shipments, shipments},
    pricing::{Amounts, Quote},
    shipping::Shipment,
};

/// A contract before payment: an order of it has exactly these lines and amounts, or is refused. It holds no stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderSheet {
    pub order_sheet_id: OrderSheetId,
    pub user_id: UserId,
    /// Its state, without the passing of time.
    pub state: SheetState,
    /// The lines of the intended order, with each line's part of the coupon.
    pub items: Vec<OrderLine>,
    /// The shipments, if sellers with terms of their own are among them.
    #[serde(default, rename = "shipments", skip_serializing_if = "Vec::is_empty")]
    pub own_shipments: Vec<Shipment>,
    #[serde(flatten)]
    pub amounts: Amounts,
    /// The conditions of its benefits, which its order takes over.
    #[serde(default, skip_serializing_if = "Benefits::is_empty")]
    pub benefits: Benefits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    /// Whether it was created from the cart, so that an order of it removes its items there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_cart: bool,
    /// The last order made of that cart before. A later one has the items of this sheet, or a part of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_order: Option<OrderId>,
    /// The order of this sheet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// The end of its validity, exclusive.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
}

/// The stored state of a sheet. Its expiry follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SheetState {
    /// Can be ordered while it is valid.
    Open,
    /// Was ordered.
    Ordered,
    /// Its validity ended before it was ordered, and the mark is written.
    Abandoned,
}

/// The state of a sheet as its user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SheetStatus {
    /// Can be ordered now.
    Open,
    /// Was ordered.
    Ordered,
    /// Its validity has ended.
    Expired,
}

impl OrderSheet {
    /// The sheet of a draft.
    pub fn new(order_sheet_id: OrderSheetId, draft: Draft, expires_at: Timestamp) -> Self {
        let Draft { user_id, mut items, quote, coupon_id, at, .. } = draft;
        for (line, share) in items.iter_mut().zip(quote.coupon_shares) {
            line.coupon_share = share;
            // A sheet holds no units, so that it counts on no limit and has nothing of a quota.
            line.limit = None;
            line.quota = None;
        }
        Self {
            order_sheet_id,
            user_id,
            state: SheetState::Open,
            items,
            own_shipments: own_shipments(quote.shipments),
            amounts: quote.amounts,
            benefits: quote.benefits,
            coupon_id,
            from_cart: false,
            cart_order: None,
            order_id: None,
            created_at: at,
            expires_at,
        }
    }

    /// The sheet with the cart that it was created from.
    #[must_use]
    pub fn created_from(self, cart: Cart) -> Self {
        Self { from_cart: true, cart_order: cart.last_order, ..self }
    }

    /// The amounts of the sheet.
    pub fn quote(&self) -> Quote {
        let coupon_shares = self.items.iter().map(|line| line.coupon_share).collect();
        let (shipments, benefits) = (self.shipments(), self.benefits.clone());
        Quote { amounts: self.amounts, coupon_shares, shipments, benefits }
    }

    /// The shipments of the intended order.
    pub fn shipments(&self) -> Vec<Shipment> {
        shipments(&self.own_shipments, self.amounts)
    }

    /// The state at this instant.
    pub fn status(&self, now: Timestamp) -> SheetStatus {
        match self.state {
            SheetState::Ordered => SheetStatus::Ordered,
            SheetState::Open if now < self.expires_at => SheetStatus::Open,
            SheetState::Open | SheetState::Abandoned => SheetStatus::Expired,
        }
    }

    /// Checks that it can be ordered at this instant.
    ///
    /// # Errors
    /// [`Refusal::SheetOrdered`], [`Refusal::SheetExpired`].
    pub fn orderable(&self, now: Timestamp) -> Result<(), Refusal> {
        let order_sheet_id = self.order_sheet_id.clone();
        match (self.status(now), &self.order_id) {
            (SheetStatus::Open, _) => Ok(()),
            (SheetStatus::Ordered, Some(order_id)) => {
                Err(Refusal::SheetOrdered { order_sheet_id, order_id: order_id.clone() })
            }
            (SheetStatus::Ordered, None) | (SheetStatus::Expired, _) => Err(Refusal::SheetExpired { order_sheet_id }),
        }
    }

    /// Checks that the cart of the sheet has not been ordered since.
    ///
    /// # Errors
    /// [`Refusal::SheetOrdered`] if another order has been made of the cart since.
    pub fn orderable_from(&self, cart: &Cart) -> Result<(), Refusal> {
        match &cart.last_order {
            Some(order_id) if self.cart_order != cart.last_order => {
                let order_sheet_id = self.order_sheet_id.clone();
                Err(Refusal::SheetOrdered { order_sheet_id, order_id: order_id.clone() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::domain::{
        ProductId, Quantity, Won,
        coupon::{Discount, Terms},
        order::{Actor, LineStatus},
        pricing::{ShippingPolicy, quote},
    };

    fn sheet() -> OrderSheet {
        sheet_with(None)
    }

    fn sheet_with(coupon: Option<&Terms>) -> OrderSheet {
        let line = OrderLine {
            product_id: ProductId::try_from("tea".to_owned()).unwrap(),
            seller_id: None,
            name: "Tea".to_owned(),
            quantity: Quantity::try_from(2).unwrap(),
            cancelled_quantity: 0,
            limit: None,
            quota: None,
            scrapped: 0,
            unit_price: Won::new(1_000),
            unit_discount: Won::new(100),
            coupon_share: Won::ZERO,
            outside_scope: false,
            status: LineStatus::PendingPayment,
        };
        let shipping = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
        let draft = Draft {
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            actor: Actor::Customer,
            quote: quote(&[line.priced()], coupon, shipping).unwrap(),
            items: vec![line],
            coupon_id: None,
            budget_shards: None,
            order_sheet_id: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let id = OrderSheetId::try_from("sheet".to_owned()).unwrap();
        OrderSheet::new(id, draft, Timestamp::UNIX_EPOCH + 30.minutes())
    }

    #[test]
    fn quotes_what_it_was_drawn_up_with() {
        let quote = sheet().quote();
        assert_eq!((quote.amounts.goods_total, quote.amounts.goods_discount), (Won::new(2_000), Won::new(200)));
        assert_eq!((quote.amounts.payable, quote.coupon_shares), (Won::new(4_800), vec![Won::ZERO]));
    }

    #[test]
    fn a_sheet_of_a_cart_has_the_last_order_of_the_cart() {
        let order_id = OrderId::try_from("o1".to_owned()).ok();
        let cart = Cart { last_order: order_id.clone(), ..Cart::default() };
        let from_cart = sheet().created_from(cart);
        assert_eq!((from_cart.from_cart, from_cart.cart_order.clone()), (true, order_id));
        assert_eq!(OrderSheet { from_cart: false, cart_order: None, ..from_cart }, sheet());
    }

    #[test]
    fn each_line_has_its_part_of_the_coupon() {
        let coupon = Discount::Fixed(Won::new(100)).into();
        let sheet = sheet_with(Some(&coupon));
        assert_eq!((sheet.amounts.coupon_discount, sheet.items[0].coupon_share), (Won::new(100), Won::new(100)));
        assert_eq!(
            (sheet.quote().amounts.payable, sheet.quote().coupon_shares),
            (Won::new(4_700), vec![Won::new(100)])
        );
    }

    #[test]
    fn expires_to_the_instant() {
        let sheet = sheet();
        assert_eq!(sheet.orderable(sheet.expires_at - 1.millisecond()), Ok(()));
        assert!(matches!(sheet.orderable(sheet.expires_at), Err(Refusal::SheetExpired { .. })));
        let abandoned = OrderSheet { state: SheetState::Abandoned, ..sheet };
        assert_eq!(abandoned.status(abandoned.expires_at), SheetStatus::Expired);
    }

    #[test]
    fn of_a_cart_that_was_ordered_since_is_nothing_left() {
        let cart = |order: Option<&str>| Cart {
            last_order: order.map(|id| OrderId::try_from(id.to_owned()).unwrap()),
            ..Cart::default()
        };
        let orders = [None, Some("o1"), Some("o2")];
        for (before, since) in orders.into_iter().flat_map(|before| orders.map(|since| (before, since))) {
            let refused = sheet().created_from(cart(before)).orderable_from(&cart(since)).is_err();
            assert_eq!(refused, since.is_some() && since != before, "{before:?} {since:?}");
        }
    }

    #[test]
    fn serves_one_order() {
        let order_id = OrderId::try_from("order".to_owned()).ok();
        let sheet = OrderSheet { state: SheetState::Ordered, order_id, ..sheet() };
        assert!(matches!(sheet.orderable(sheet.created_at), Err(Refusal::SheetOrdered { .. })));
        assert_eq!(sheet.status(sheet.expires_at), SheetStatus::Ordered);
        let of_no_order = OrderSheet { order_id: None, ..sheet };
        assert!(matches!(of_no_order.orderable(of_no_order.created_at), Err(Refusal::SheetExpired { .. })));
    }
}
