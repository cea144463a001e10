//! Lists: products and campaigns have their entries in the index by time, where the desk and the catalogue read them.

use shared::{
    domain::product::SaleStatus,
    store::{keys, records::Record},
};

use crate::{findings::Findings, holds::Place, report::Invariant};

/// Checks the entry of a product or a campaign in the index by time. Until the first stage's data is migrated,
/// campaigns and products that are not on sale may have none.
pub(crate) fn check(place: Place, record: &Record, findings: &mut Findings) {
    let (belongs, may_lack) = match record {
        Record::Product(product) => {
            let status = product.offer.status;
            let place = keys::product_by_time(status, product.created_at, &product.product_id);
            (place, status != SaleStatus::OnSale)
        }
        Record::Campaign(campaign) => (keys::campaign_by_time(campaign.created_at, &campaign.coupon_id), true),
        Record::Session(record) => {
            let session = &record.session;
            (keys::session_by_time(&session.user_id, session.created_at, &session.payment_id), false)
        }
        _ => return,
    };
    if place.is_listed() || !may_lack {
        place.check_equals(belongs.into(), "place in the index by time", Invariant::Lists, record, findings);
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::product::Product,
        store::{Key, keys::IndexKey},
    };

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
