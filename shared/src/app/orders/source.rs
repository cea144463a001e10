//! The source of an order: the items of the request, the cart, or an order sheet.

use crate::{
    app::{Failure, Shop, accounts, cart},
    domain::{
        CouponId, Invalid, OrderSheetId, ProductId, Quantity, Refusal, UserId, Won, cart::Cart, order::MAX_LINES,
        refusal::Entity, sheet::OrderSheet,
    },
    store::{Consistency, keys, sheets::SheetRecord},
};

/// Units of a product to be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// The price of a unit, less its discount, as far as the customer knows.
    pub expected_price: Option<Won>,
}

impl Item {
    fn of(product_id: &ProductId, quantity: Quantity) -> Self {
        Self { product_id: product_id.clone(), quantity, expected_price: None }
    }
}

/// The source of the items of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderSource {
    /// Items in the request.
    Items {
        /// Products, each once.
        items: Vec<Item>,
        coupon_id: Option<CouponId>,
    },
    /// All items of the cart.
    Cart { coupon_id: Option<CouponId> },
    /// An order sheet, with its prices.
    Sheet(OrderSheetId),
}

/// The items of an order, before their products are read.
#[derive(Debug)]
pub(super) struct ResolvedItems {
    pub(super) items: Vec<Item>,
    pub(super) coupon_id: Option<CouponId>,
    /// The sheet that they are from.
    pub(super) sheet: Option<OrderSheet>,
    /// The cart that they are from and leave.
    pub(super) cart: Option<Cart>,
}

impl ResolvedItems {
    /// Resolves a source.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::SheetOrdered`], [`Refusal::SheetExpired`] for a sheet. For a cart an invalid
    /// `fromCart` if it is empty, [`Refusal::LimitExceeded`] if it has more products than an order has lines.
    pub(super) async fn from_source(shop: &Shop, user: &UserId, source: &OrderSource) -> Result<Self, Failure> {
        match source {
            OrderSource::Items { items, coupon_id } => {
                Ok(Self { items: items.clone(), coupon_id: coupon_id.clone(), sheet: None, cart: None })
            }
            OrderSource::Cart { coupon_id } => {
                let cart = cart::read(shop, user).await?;
                if cart.items.is_empty() {
                    // A user without a cart may be unknown.
                    accounts::read_account(shop, user).await?;
                    return Err(Failure::Invalid("fromCart", Invalid::EmptyCart));
                }
                // A cart of the first stage may have more than fit one now.
                if cart.items.len() > usize::from(MAX_LINES) {
                    return Err(Refusal::LimitExceeded { limit: "orderLines", max: MAX_LINES.into() }.into());
                }
                let items = cart.items.iter().map(|(product, quantity)| Item::of(product, *quantity)).collect();
                Ok(Self { items, coupon_id: coupon_id.clone(), sheet: None, cart: Some(cart) })
            }
            OrderSource::Sheet(id) => {
                let there: Option<SheetRecord> = shop.table.get(keys::sheet(id), Consistency::Strong).await?;
                let sheet = there.map(|record| record.sheet).filter(|sheet| sheet.user_id == *user);
                let sheet = sheet.ok_or_else(|| Refusal::not_found(Entity::OrderSheet, id))?;
                sheet.orderable(shop.clock.now())?;
                let items = sheet.items.iter().map(|line| Item::of(&line.product_id, line.quantity)).collect();
                let cart = if sheet.from_cart { Some(cart::read(shop, user).await?) } else { None };
                if let Some(cart) = &cart {
                    sheet.orderable_from(cart)?;
                }
                Ok(Self { items, coupon_id: sheet.coupon_id.clone(), sheet: Some(sheet), cart })
            }
        }
    }
}
