//! Products.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{
        bestsellers::Bestseller,
        products::{Listed, Stocked, Yours},
    },
    domain::{
        DropId, ProductId, UserId, Won,
        product::{Offer, Product, SaleStatus},
        purchase_limit::{PurchaseLimit, Within},
        timed_offer::TimedOffer,
    },
};

/// The status of a product as shown: empty stock is a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = ProductStatus)]
pub enum ShownStatus {
    /// Can be bought.
    OnSale,
    /// No unit is left in stock.
    SoldOut,
    /// Not listed, not sold.
    Discontinued,
    /// As if it did not exist.
    Hidden,
}

impl ShownStatus {
    pub(super) fn of(offer: &Offer, stock: i64) -> Self {
        match offer.status {
            SaleStatus::OnSale if stock > 0 => Self::OnSale,
            SaleStatus::OnSale => Self::SoldOut,
            SaleStatus::Discontinued => Self::Discontinued,
            SaleStatus::Hidden => Self::Hidden,
        }
    }
}

/// A purchase limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PurchaseLimit)]
pub struct PurchaseLimitView {
    /// The most units that a user may order: those ordered or held since the limit was set count, less those cancelled,
    /// expired and returned.
    pub per_user: i64,
    /// The time within which the units count.
    pub within: Within,
}

impl From<PurchaseLimit> for PurchaseLimitView {
    fn from(PurchaseLimit { per_user, within, .. }: PurchaseLimit) -> Self {
        Self { per_user, within }
    }
}

/// A timed offer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TimedOffer)]
pub struct TimedOfferView {
    /// The discount on a unit, which replaces that of the product.
    pub discount: Won,
    /// The instant from which it counts.
    pub from: Timestamp,
    /// The instant from which it counts no longer.
    pub until: Timestamp,
    /// The units that are sold at it; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

impl From<TimedOffer> for TimedOfferView {
    fn from(TimedOffer { discount, from, until, quota }: TimedOffer) -> Self {
        Self { discount, from, until, quantity: quota.map(|quota| quota.quantity) }
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Product)]
pub struct ProductView {
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The price of a unit.
    pub price: Won,
    /// The discount on a unit. While one of `offers` runs, that one's discount counts instead.
    pub discount: Won,
    /// Units in stock, exact at the moment of reading; with `stock=recent`, as of `asOf`.
    pub stock: i64,
    /// Whether it can be bought.
    pub status: ShownStatus,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The most units of it that a user may order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<PurchaseLimitView>,
    /// The instant from which it can be ordered. It is listed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale_from: Option<Timestamp>,
    /// The instant from which it can be ordered no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale_until: Option<Timestamp>,
    /// Its timed offers, in the order of their time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub offers: Vec<TimedOfferView>,
    /// The drop that guards it, if there is one. While that is enabled, an order needs a ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_id: Option<DropId>,
    /// The instant of the last change.
    pub updated_at: Timestamp,
    /// With `stock=recent` only: the instant that the read began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

impl ProductView {
    /// The view with the instant that the read began.
    #[must_use]
    pub fn as_of(self, instant: Timestamp) -> Self {
        Self { as_of: Some(instant), ..self }
    }
}

impl From<Stocked> for ProductView {
    fn from(Stocked { product, stock }: Stocked) -> Self {
        Self {
            status: ShownStatus::of(&product.offer, stock),
            updated_at: product.last_updated(),
            product_id: product.product_id,
            name: product.name,
            description: product.description,
            category: product.category,
            price: product.offer.price,
            discount: product.offer.discount,
            stock,
            seller_id: product.seller_id,
            limit: product.limit.map(PurchaseLimitView::from),
            sale_from: product.window.from,
            sale_until: product.window.until,
            offers: product.offers.into_iter().map(TimedOfferView::from).collect(),
            drop_id: product.drop_id,
            as_of: None,
        }
    }
}

/// The part of a product that a user may still order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Yours)]
pub struct YoursView {
    /// The product.
    pub product_id: ProductId,
    /// The price of a unit.
    pub price: Won,
    /// The discount on a unit that an order of one unit has now.
    pub discount: Won,
    /// The units of the user that count on the purchase limit, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bought: Option<i64>,
    /// The units that the limit leaves to the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// The instant from which it can be ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale_from: Option<Timestamp>,
    /// The instant from which it can be ordered no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale_until: Option<Timestamp>,
    /// The timed offer that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<RunningOfferView>,
}

/// A timed offer that runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RunningOffer)]
pub struct RunningOfferView {
    #[serde(flatten)]
    pub offer: TimedOfferView,
    /// The units left at it, for all users together, if it has a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
}

impl From<Yours> for YoursView {
    fn from(Yours { product, of_limit, offer }: Yours) -> Self {
        let has_unit = |(offer, left): &(TimedOffer, Option<i64>)| {
            left.is_none_or(|left| left > 0).then(|| product.offer.discounted_by(offer))
        };
        let sold_at = offer.as_ref().and_then(has_unit).unwrap_or(product.offer);
        Self {
            price: sold_at.price,
            discount: sold_at.discount,
            bought: of_limit.map(|(bought, _)| bought),
            left: of_limit.map(|(_, left)| left),
            sale_from: product.window.from,
            sale_until: product.window.until,
            offer: offer.map(|(offer, left)| RunningOfferView { offer: offer.into(), left }),
            product_id: product.product_id,
        }
    }
}

/// A product in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedProduct)]
pub struct ListedProductView {
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// The price of a unit.
    pub price: Won,
    /// The discount on a unit, without timed offers.
    pub discount: Won,
    /// Units in stock, exact at the moment of reading; with `stock=recent`, as of `asOf`.
    pub stock: i64,
    /// Whether it can be bought.
    pub status: ShownStatus,
}

impl From<Listed> for ListedProductView {
    fn from(Listed { product_id, name, offer, stock }: Listed) -> Self {
        let status = ShownStatus::of(&offer, stock);
        Self { product_id, name, price: offer.price, discount: offer.discount, stock, status }
    }
}

/// A product as its seller and admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskProduct)]
pub struct DeskProductView {
    /// The product as the public sees it.
    #[serde(flatten)]
    pub product: ProductView,
    /// The product's own status while its seller is suspended or withdrawn: it returns with the seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_status: Option<SaleStatus>,
    /// The number of shards over which its stock is spread.
    pub stock_shards: u16,
    /// Whether that number is as an admin set it. Otherwise it follows the demand.
    pub stock_shards_pinned: bool,
    /// Whether the product is in flash mode: orders reserve its units ahead of their commit.
    pub flash: bool,
    /// Whether that mode is as an admin set it. Otherwise it follows the demand, where the shop allows it.
    pub flash_pinned: bool,
    /// Whether it is sent to its buyer, so that an order of it needs an address.
    pub needs_shipping: bool,
    /// The instant of its creation.
    pub created_at: Timestamp,
}

impl From<Stocked> for DeskProductView {
    fn from(stocked: Stocked) -> Self {
        let Product { paused_status, stock_shards, flash, scaling, needs_shipping, created_at, .. } = stocked.product;
        let (stock_shards_pinned, flash_pinned) = (scaling.shards_pinned, scaling.flash_pinned);
        let product = stocked.into();
        Self {
            product,
            paused_status,
            stock_shards,
            stock_shards_pinned,
            flash,
            flash_pinned,
            needs_shipping,
            created_at,
        }
    }
}

/// A product in a list of the desk.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedDeskProduct)]
pub struct ListedDeskProductView {
    /// The product as the catalogue lists it.
    #[serde(flatten)]
    pub product: ListedProductView,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The product's own status while its seller is suspended or withdrawn: it returns with the seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_status: Option<SaleStatus>,
    /// The number of shards over which its stock is spread.
    pub stock_shards: u16,
    /// Whether that number is as an admin set it. Otherwise it follows the demand.
    pub stock_shards_pinned: bool,
    /// Whether the product is in flash mode: orders reserve its units ahead of their commit.
    pub flash: bool,
    /// Whether that mode is as an admin set it. Otherwise it follows the demand, where the shop allows it.
    pub flash_pinned: bool,
    /// Whether it is sent to its buyer, so that an order of it needs an address.
    pub needs_shipping: bool,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

impl From<Stocked> for ListedDeskProductView {
    fn from(Stocked { product, stock }: Stocked) -> Self {
        Self {
            paused_status: product.paused_status,
            stock_shards: product.stock_shards,
            stock_shards_pinned: product.scaling.shards_pinned,
            flash: product.flash,
            flash_pinned: product.scaling.flash_pinned,
            needs_shipping: product.needs_shipping,
            created_at: product.created_at,
            updated_at: product.last_updated(),
            seller_id: product.seller_id,
            product: Listed { product_id: product.product_id, name: product.name, offer: product.offer, stock }.into(),
        }
    }
}

/// A bestseller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bestseller)]
pub struct BestsellerView {
    /// The rank, from 1.
    pub rank: usize,
    /// The product.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// The price of a unit.
    pub price: Won,
    /// The discount on a unit, without timed offers.
    pub discount: Won,
    /// Units in stock, at most a second ago.
    pub stock: i64,
    /// Whether it can be bought.
    pub status: ShownStatus,
    /// Units sold in the three days, less those cancelled. Units that cost nothing do not count.
    pub sold_quantity: i64,
}

impl BestsellerView {
    /// The bestsellers, best first.
    pub fn ranked(best: Vec<Bestseller>) -> Vec<Self> {
        let view = |(Bestseller { listed, sold: sold_quantity }, rank): (Bestseller, usize)| {
            let ListedProductView { product_id, name, price, discount, stock, status } = listed.into();
            Self { rank, product_id, name, price, discount, stock, status, sold_quantity }
        };
        best.into_iter().zip(1..).map(view).collect()
    }
}
