//! Products and their offers.

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    DropId, ETag, ProductId, UserId, Won,
    invalid::named,
    purchase_limit::PurchaseLimit,
    scaling::{Scale, Scaling},
    swept::SweepPlan,
    timed_offer::TimedOffer,
};

/// The sale status of a product. `SOLD_OUT` is not among them: such a product is ON_SALE without stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleStatus {
    /// Listed and sold.
    OnSale,
    /// Not listed, not sold, still shown by its id.
    Discontinued,
    /// As if it did not exist.
    Hidden,
}

named!(SaleStatus { "ON_SALE" => OnSale, "DISCONTINUED" => Discontinued, "HIDDEN" => Hidden });

/// The sale status of a new product. None is created DISCONTINUED.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InitialStatus {
    /// Listed and sold at once.
    #[default]
    OnSale,
    /// As if it did not exist, except to its seller and admins.
    Hidden,
}

named!(InitialStatus { "ON_SALE" => OnSale, "HIDDEN" => Hidden });

impl From<InitialStatus> for SaleStatus {
    fn from(status: InitialStatus) -> Self {
        match status {
            InitialStatus::OnSale => Self::OnSale,
            InitialStatus::Hidden => Self::Hidden,
        }
    }
}

impl SaleStatus {
    /// The status of a product with this status of its own while it is paused.
    const fn while_paused(self) -> Self {
        match self {
            Self::OnSale | Self::Discontinued => Self::Discontinued,
            Self::Hidden => Self::Hidden,
        }
    }
}

/// The time in which a product is sold; without an end, on and on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleWindow {
    #[serde(
        rename = "saleFrom",
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub from: Option<Timestamp>,
    /// Exclusive.
    #[serde(
        rename = "saleUntil",
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub until: Option<Timestamp>,
}

impl SaleWindow {
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether some instant is in it.
    pub fn is_valid(&self) -> bool {
        self.from.zip(self.until).is_none_or(|(from, until)| from < until)
    }
}

/// The description and the offer of a product. Its stock is in the [inventory](crate::domain::inventory).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    pub product_id: ProductId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    #[serde(flatten)]
    pub offer: Offer,
    /// The product's own status while it is paused, since its seller is not active: the status that it returns to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_status: Option<SaleStatus>,
    /// The number of shards of its stock: more of them sell faster.
    pub stock_shards: u16,
    /// Whether orders reserve its units ahead of their commit (see [`reservations`](crate::domain::reservations)),
    /// which sells faster still.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flash: bool,
    /// The drop that guards it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_id: Option<DropId>,
    /// The way in which these two follow the demand.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// Whether it is sent to its buyer, so that an order of it needs an address.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub needs_shipping: bool,
    /// The most units of it that a user may order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PurchaseLimit>,
    /// The time in which it is sold.
    #[serde(flatten)]
    pub window: SaleWindow,
    /// In the order of their time; no two run at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<TimedOffer>,
    /// The sweep of its inventory.
    #[serde(flatten)]
    pub sweep: SweepPlan,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Absent in a record of the first stage.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub updated_at: Option<Timestamp>,
}

/// The seconds for which functions may go on with an outdated product: an instance caches it for a minute, and then
/// lives for some more.
const OLD_WAYS_SECONDS: i64 = 120;

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_yes(is_so: &bool) -> bool {
    *is_so
}

impl Product {
    /// The instant of the last change, or of the creation if the record has none.
    pub fn last_updated(&self) -> Timestamp {
        self.updated_at.unwrap_or(self.created_at)
    }

    /// The entity tag of the product's public fields, without its stock.
    pub fn etag(&self) -> ETag {
        let Self { product_id, name, description, category, seller_id, offer, limit, window, offers, .. } = self;
        let updated_at = self.last_updated().as_millisecond();
        let mut described = json!([product_id, name, description, category, seller_id, offer, updated_at]);
        if offer.terms.is_some() {
            described = json!([described, limit, window]);
        }
        if !offers.is_empty() {
            described = json!([described, offers]);
        }
        // The tags of products that are shipped stay those that they had before the field.
        ETag::from_fields(&if self.needs_shipping { described } else { json!([described, false]) })
    }

    /// Whether the product is not sold because its seller is not active.
    pub fn is_paused(&self) -> bool {
        self.paused_status.is_some()
    }

    /// The status that its seller or an admin gave it.
    pub fn own_status(&self) -> SaleStatus {
        self.paused_status.unwrap_or(self.offer.status)
    }

    /// The product with another status of its own. A paused one stays paused.
    #[must_use]
    pub fn with_own_status(self, own: SaleStatus) -> Self {
        let is_paused = self.is_paused();
        self.with(own, is_paused)
    }

    /// The product paused or not, with its own status kept.
    #[must_use]
    pub fn with_paused(self, is_paused: bool) -> Self {
        let own = self.own_status();
        self.with(own, is_paused)
    }

    fn with(self, own: SaleStatus, is_paused: bool) -> Self {
        let status = if is_paused { own.while_paused() } else { own };
        Self { paused_status: is_paused.then_some(own), offer: Offer { status, ..self.offer }, ..self }
    }

    /// The product with these sale terms. Others than before get the number of the product's version.
    #[must_use]
    pub fn with_terms(self, limit: Option<PurchaseLimit>, window: SaleWindow, offers: Vec<TimedOffer>) -> Self {
        let has_terms =
            limit.is_some() || window != SaleWindow::default() || !offers.is_empty() || self.drop_id.is_some();
        let is_same = (limit, window, &offers) == (self.limit, self.window, &self.offers);
        let terms = if is_same { self.offer.terms } else { has_terms.then_some(self.version) };
        Self { limit, window, offers, offer: Offer { terms, ..self.offer }, ..self }
    }

    /// The timed offer that runs at an instant.
    pub fn offer_at(&self, at: Timestamp) -> Option<&TimedOffer> {
        self.offers.iter().find(|offer| offer.runs(at))
    }

    /// The product guarded by a drop: with sale terms of a new version, so that no order is made by what was known before.
    #[must_use]
    pub fn guarded_by(self, drop: DropId) -> Self {
        let version = self.version.saturating_add(1);
        Self { drop_id: Some(drop), version, offer: Offer { terms: Some(version), ..self.offer }, ..self }
    }

    /// The number of its shards and its mode, with the way in which they follow the demand.
    pub fn scale(&self) -> Scale {
        Scale { shards: self.stock_shards, flash: self.flash, scaling: self.scaling }
    }

    /// The product at another scale.
    #[must_use]
    pub fn at_scale(self, scale: Scale) -> Self {
        Self { stock_shards: scale.shards, flash: scale.flash, scaling: scale.scaling, ..self }
    }

    /// Whether its inventory needs the sweep: shards to even out, or reservations to check.
    pub fn needs_sweep(&self) -> bool {
        self.flash || self.stock_shards > 1
    }

    /// The product after a change, with the next look of the sweep: now if it needs one. If it no longer does, it is
    /// swept once more when all functions know that.
    #[must_use]
    pub fn swept_from(self, now: Timestamp) -> Self {
        let from = match (self.needs_sweep(), self.sweep.from) {
            (true, _) => Some(now),
            (false, Some(_)) => now.checked_add(OLD_WAYS_SECONDS.seconds()).ok(),
            (false, None) => None,
        };
        Self { sweep: SweepPlan { from, idle: 0 }, ..self }
    }
}

/// The offer of a product. An order asserts it when units leave the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    pub price: Won,
    pub discount: Won,
    #[serde(rename = "saleStatus")]
    pub status: SaleStatus,
    /// The version of the product with its present sale terms; none for a product that has none. An order asserts the
    /// number alone, since the terms do not fit the condition of a sale.
    #[serde(default, rename = "saleTerms", skip_serializing_if = "Option::is_none")]
    pub terms: Option<u64>,
}

impl Offer {
    /// The price of a unit, less its discount.
    pub fn unit_cost(&self) -> Won {
        self.price.checked_sub(self.discount).unwrap_or_default()
    }

    /// The offer with the discount of a timed one. A price that was lowered meanwhile is the most that it takes off.
    #[must_use]
    pub fn discounted_by(self, offer: &TimedOffer) -> Self {
        Self { discount: offer.discount.min(self.price), ..self }
    }

    /// Whether price and discount are those of the other.
    pub fn costs_as_much_as(&self, other: &Self) -> bool {
        (self.price, self.discount) == (other.price, other.discount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::purchase_limit::Within;

    const OFFER: Offer =
        Offer { price: Won::new(1_000), discount: Won::new(100), status: SaleStatus::OnSale, terms: None };

    fn product() -> Product {
        Product {
            drop_id: None,
            product_id: ProductId::try_from("tea".to_owned()).unwrap(),
            name: "Tea".to_owned(),
            description: None,
            category: None,
            seller_id: None,
            offer: OFFER,
            paused_status: None,
            stock_shards: 1,
            flash: false,
            scaling: Scaling::default(),
            needs_shipping: true,
            limit: None,
            window: SaleWindow::default(),
            offers: Vec::new(),
            sweep: SweepPlan::default(),
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: None,
        }
    }

    fn timed_offer() -> TimedOffer {
        TimedOffer { discount: Won::new(500), from: after(10), until: after(20), quota: None }
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + seconds.seconds()
    }

    #[test]
    fn a_paused_product_is_not_sold_and_returns_to_its_own_status() {
        use SaleStatus::{Discontinued, Hidden, OnSale};
        for (own, paused) in [(OnSale, Discontinued), (Discontinued, Discontinued), (Hidden, Hidden)] {
            let sold = product().with_own_status(own);
            assert_eq!((sold.is_paused(), sold.own_status(), sold.offer.status), (false, own, own));
            let pausing = sold.clone().with_paused(true);
            assert_eq!((pausing.is_paused(), pausing.own_status(), pausing.offer.status), (true, own, paused));
            assert_eq!(pausing.clone().with_paused(true), pausing);
            assert_eq!(pausing.with_paused(false), sold);
        }
    }

    #[test]
    fn a_paused_product_stays_paused_whatever_status_it_is_given() {
        let given = product().with_paused(true).with_own_status(SaleStatus::Hidden);
        assert_eq!((given.is_paused(), given.offer.status), (true, SaleStatus::Hidden));
        let given = given.with_own_status(SaleStatus::OnSale);
        assert_eq!((given.is_paused(), given.offer.status), (true, SaleStatus::Discontinued));
        assert_eq!(given.with_paused(false), product());
    }

    #[test]
    fn a_new_product_is_sold_or_hidden_as_asked() {
        assert_eq!(SaleStatus::from(InitialStatus::OnSale), SaleStatus::OnSale);
        assert_eq!(SaleStatus::from(InitialStatus::Hidden), SaleStatus::Hidden);
    }

    #[test]
    fn the_sweep_passes_by_a_product_that_has_several_shards_or_is_in_flash_mode() {
        for (stock_shards, flash, needs) in [(1, false, false), (2, false, true), (1, true, true), (2, true, true)] {
            let product = Product { stock_shards, flash, ..product() };
            assert_eq!(product.needs_sweep(), needs, "{stock_shards} {flash}");
        }
    }

    #[test]
    fn the_sweep_comes_once_more_when_every_function_knows_that_it_need_not() {
        let flash = |flash, from| Product { flash, sweep: SweepPlan { from, idle: 0 }, ..product() };
        for (needs, from, then) in [
            (true, None, Some(after(50))),
            (true, Some(after(7)), Some(after(50))),
            (false, Some(after(7)), Some(after(50 + 120))),
            (false, None, None),
        ] {
            assert_eq!(flash(needs, from).swept_from(after(50)), flash(needs, then), "{needs} {from:?}");
        }
    }

    #[test]
    fn a_product_without_a_change_was_last_updated_at_its_creation() {
        assert_eq!(product().last_updated(), Timestamp::UNIX_EPOCH);
        assert_eq!(Product { updated_at: Some(after(1)), ..product() }.last_updated(), after(1));
    }

    #[test]
    fn the_tag_of_a_product_changes_with_each_described_field_and_with_no_other() {
        let described = product().etag();
        for other in [
            Product { product_id: ProductId::try_from("cup".to_owned()).unwrap(), ..product() },
            Product { name: "Cup".to_owned(), ..product() },
            Product { description: Some("green".to_owned()), ..product() },
            Product { category: Some("green".to_owned()), ..product() },
            Product { seller_id: UserId::try_from("mina".to_owned()).ok(), ..product() },
            Product { offer: Offer { price: Won::new(1_001), ..OFFER }, ..product() },
            product().with_terms(
                Some(PurchaseLimit { per_user: 1, within: Within::Ever, since: 1 }),
                SaleWindow::default(),
                Vec::new(),
            ),
            product().with_terms(None, SaleWindow { from: Some(after(1)), until: None }, Vec::new()),
            product().with_terms(None, SaleWindow { from: None, until: Some(after(1)) }, Vec::new()),
            product().with_terms(None, SaleWindow::default(), vec![timed_offer()]),
            Product { updated_at: Some(after(1)), ..product() },
        ] {
            assert_ne!(other.etag(), described, "{other:?}");
        }
        let stored_otherwise =
            Product { stock_shards: 2, version: 2, sweep: SweepPlan::beginning_at(after(1)), ..product() };
        assert_eq!(stored_otherwise.etag(), described);
    }

    #[test]
    fn sale_terms_have_the_version_with_which_they_changed() {
        let limit = Some(PurchaseLimit { per_user: 1, within: Within::Ever, since: 1 });
        let window = SaleWindow { from: Some(after(1)), until: None };
        let limited = product().with_terms(limit, SaleWindow::default(), Vec::new());
        assert_eq!((product().offer.terms, limited.offer.terms), (None, Some(1)));
        let later = Product { version: 7, ..limited };
        assert_eq!(later.clone().with_terms(limit, SaleWindow::default(), Vec::new()).offer.terms, Some(1));
        assert_eq!(later.clone().with_terms(limit, window, Vec::new()).offer.terms, Some(7));
        let offers = vec![timed_offer()];
        assert_eq!(later.clone().with_terms(limit, SaleWindow::default(), offers).offer.terms, Some(7));
        assert_eq!(later.with_terms(None, SaleWindow::default(), Vec::new()).offer.terms, None);
    }

    #[test]
    fn a_window_is_open_from_its_begin_to_before_its_end() {
        let window = SaleWindow { from: Some(after(1)), until: Some(after(3)) };
        for (at, is_open) in [(0, false), (1, true), (2, true), (3, false)] {
            assert_eq!(window.is_open(after(at)), is_open, "{at}");
        }
        assert!(SaleWindow::default().is_open(after(0)) && window.is_valid());
        assert!(!SaleWindow { until: window.from, ..window }.is_valid());
    }

    #[test]
    fn a_unit_costs_its_price_less_its_discount_whatever_the_status() {
        assert_eq!(OFFER.unit_cost(), Won::new(900));
        assert!(OFFER.costs_as_much_as(&Offer { status: SaleStatus::Hidden, ..OFFER }));
        // Also 900 won, yet another offer.
        assert!(!OFFER.costs_as_much_as(&Offer { price: Won::new(900), discount: Won::ZERO, ..OFFER }));
        assert!(!OFFER.costs_as_much_as(&Offer { price: Won::new(1_001), ..OFFER }));
        assert!(!OFFER.costs_as_much_as(&Offer { discount: Won::new(101), ..OFFER }));
    }

    #[test]
    fn a_timed_offer_replaces_the_discount_while_it_runs() {
        let product = product().with_terms(None, SaleWindow::default(), vec![timed_offer()]);
        assert_eq!([9, 10, 19, 20].map(|at| product.offer_at(after(at)).is_some()), [false, true, true, false]);
        assert_eq!(OFFER.discounted_by(&timed_offer()), Offer { discount: Won::new(500), ..OFFER });
        let cheap = Offer { price: Won::new(400), ..OFFER };
        assert_eq!(cheap.discounted_by(&timed_offer()).unit_cost(), Won::ZERO);
    }
}
