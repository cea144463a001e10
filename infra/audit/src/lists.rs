//! Lists: products and campaigns are in the index by time where the desk and the catalogue look for them.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::{
    domain::product::SaleStatus,
    store::{
        Item,
        keys::{self, BY_TIME, IndexKey},
        records::Record,
    },
};

use crate::{
    findings::Findings,
    report::{Invariant, Subject},
};

/// The place of an item in the index by time: its partition and sort key there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed(Option<String>, Option<String>);

impl Listed {
    pub(crate) fn of(item: &Item) -> Self {
        let text = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok().cloned());
        Self(text(BY_TIME.pk), text(BY_TIME.sk))
    }

    /// Checks that a product or a campaign has its own place. Until the first stage's data is migrated, campaigns and
    /// products that are not on sale can have none.
    pub(crate) fn check(self, record: &Record, findings: &mut Findings) {
        let (place, may_lack) = match record {
            Record::Product(product) => {
                let status = product.offer.status;
                let place = keys::product_by_time(status, product.created_at, &product.product_id);
                (place, status != SaleStatus::OnSale)
            }
            Record::Campaign(campaign) => (keys::campaign_by_time(campaign.created_at, &campaign.coupon_id), true),
            _ => return,
        };
        let IndexKey { pk, sk } = place;
        let belongs = Self(Some(pk), Some(sk));
        if self != belongs && !(may_lack && self == Self(None, None)) {
            let key = record.key();
            let mut checks = findings.about(Invariant::Lists, Subject::Item(key.pk, key.sk));
            checks.equal("place in the index by time", (belongs.0, belongs.1), (self.0, self.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{domain::product::Product, store::Key};

    use super::*;
    use crate::fixture::{LONG_AGO, NOW, Shop, at, coupon, product};

    fn place(status: SaleStatus, instant: &str) -> IndexKey {
        keys::product_by_time(status, at(instant), &product("tea"))
    }

    /// The violations once an item is listed there.
    fn listed_there(mut shop: Shop, key: &Key, place: Option<IndexKey>) -> Vec<String> {
        shop.list(key.clone(), place);
        shop.violations()
    }

    #[test]
    fn a_product_on_sale_is_in_the_catalogue() {
        let key = keys::product(&product("tea"));
        for wrong in [None, Some(place(SaleStatus::Hidden, LONG_AGO)), Some(place(SaleStatus::OnSale, NOW))] {
            let violations = listed_there(Shop::healthy(), &key, wrong);
            let rule =
                r#"[lists] item "PRODUCT#tea" "PRODUCT": place in the index by time: expected (Some("PRODUCTS")"#;
            assert!(violations.len() == 1 && violations[0].starts_with(rule), "{violations:?}");
        }
    }

    #[test]
    fn a_product_off_sale_is_in_the_list_of_its_status_or_not_migrated_yet() {
        let key = keys::product(&product("tea"));
        for (listed, is_fine) in [
            (None, true),
            (Some(place(SaleStatus::Discontinued, LONG_AGO)), true),
            (Some(place(SaleStatus::OnSale, LONG_AGO)), false),
        ] {
            let mut shop = Shop::healthy();
            let mut tea: Product = shop.get(&key);
            tea.offer.status = SaleStatus::Discontinued;
            shop.put(key.clone(), tea);
            let violations = listed_there(shop, &key, listed);
            assert_eq!(!violations.iter().any(|line| line.starts_with("[lists]")), is_fine, "{violations:?}");
        }
    }

    #[test]
    fn a_campaign_is_in_its_place_or_not_migrated_yet() {
        let key = keys::campaign(&coupon("welcome"));
        let place = |instant: &str| keys::campaign_by_time(at(instant), &coupon("welcome"));
        assert_eq!(listed_there(Shop::healthy(), &key, None), [] as [&str; 0]);
        assert_eq!(listed_there(Shop::healthy(), &key, Some(place(LONG_AGO))), [] as [&str; 0]);
        assert_eq!(listed_there(Shop::healthy(), &key, Some(place(NOW))).len(), 1);
    }
}
