//! What is to be ordered: items named in the request, the cart, or an order sheet.

use crate::{
    app::{Failure, Shop, cart, facts},
    domain::{
        CouponId, Invalid, OrderSheetId, ProductId, Quantity, Refusal, UserId, cart::Cart, refusal::Entity,
        sheet::OrderSheet,
    },
    store::{Consistency, keys, sheets::SheetRecord},
};

/// The most lines an order can have.
pub const MAX_LINES: usize = 50;

/// Where it says what is to be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basket {
    /// In the request.
    Items {
        /// Which products, each once.
        lines: Vec<(ProductId, Quantity)>,
        /// The coupon to use.
        coupon_id: Option<CouponId>,
    },
    /// In the cart, all of it.
    Cart {
        /// The coupon to use.
        coupon_id: Option<CouponId>,
    },
    /// On an order sheet, with the prices, too.
    Sheet(OrderSheetId),
}

/// What is to be ordered, as far as it is known before the products are looked at.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) lines: Vec<(ProductId, Quantity)>,
    pub(super) coupon_id: Option<CouponId>,
    /// The sheet that has said so.
    pub(super) sheet: Option<OrderSheet>,
    /// The cart that it is in and is to be taken out of.
    pub(super) cart: Option<Cart>,
}

impl Wanted {
    /// Looks up what a basket holds.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::SheetOrdered`], [`Refusal::SheetExpired`] for a sheet; for a cart that is empty
    /// an invalid `fromCart`, [`Refusal::LimitExceeded`] for one with more products than an order has lines.
    pub(super) async fn in_basket(shop: &Shop, user: &UserId, basket: &Basket) -> Result<Self, Failure> {
        match basket {
            Basket::Items { lines, coupon_id } => {
                Ok(Self { lines: lines.clone(), coupon_id: coupon_id.clone(), sheet: None, cart: None })
            }
            Basket::Cart { coupon_id } => {
                let cart = cart::read(shop, user).await?;
                if cart.items.is_empty() {
                    // Who has no cart may be unknown.
                    facts::read_account(shop, user).await?;
                    return Err(Failure::Invalid("fromCart", Invalid::EmptyCart));
                }
                if cart.items.len() > MAX_LINES {
                    let max = i64::try_from(MAX_LINES).unwrap_or(i64::MAX);
                    return Err(Refusal::LimitExceeded { limit: "orderLines", max }.into());
                }
                let lines = cart.items.iter().map(|(product, quantity)| (product.clone(), *quantity)).collect();
                Ok(Self { lines, coupon_id: coupon_id.clone(), sheet: None, cart: Some(cart) })
            }
            Basket::Sheet(id) => {
                let there: Option<SheetRecord> = shop.table.get(keys::sheet(id), Consistency::Strong).await?;
                let sheet = there.map(|record| record.sheet).filter(|sheet| sheet.user_id == *user);
                let sheet = sheet.ok_or_else(|| Refusal::not_found(Entity::OrderSheet, id))?;
                sheet.orderable(shop.clock.now())?;
                let lines = sheet.items.iter().map(|line| (line.product_id.clone(), line.quantity)).collect();
                let cart = if sheet.from_cart { Some(cart::read(shop, user).await?) } else { None };
                if let Some(cart) = &cart {
                    sheet.orderable_from(cart)?;
                }
                Ok(Self { lines, coupon_id: sheet.coupon_id.clone(), sheet: Some(sheet), cart })
            }
        }
    }
}
