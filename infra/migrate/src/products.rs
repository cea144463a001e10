//! Products and campaigns: lists those of the first stage for the desk.
//!
//! The first stage listed only products on sale. Only index keys are set, so versions stay.

use futures::future::BoxFuture;
use shared::{
    domain::product::{Product, SaleStatus},
    store::{Outcome, Transaction, coupons, products, records::Record},
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "products",
    purpose: "lists products that are not on sale, and campaigns, for the desk",
    passes: &[Pass { sort_key: "PRODUCT", handle: list_product }, Pass { sort_key: "CAMPAIGN", handle: list_campaign }],
};

/// The most tries for a product that keeps changing.
const TRIES: u32 = 20;

fn list_product<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let mut product = match record {
            Record::Product(product) => product.as_ref().clone(),
            Record::SellerProduct { .. } => return Ok(Handled::counted("places in lists")),
            _ => return Ok(Handled::counted("unreadable")),
        };
        for _ in 0..TRIES {
            if product.offer.status == SaleStatus::OnSale {
                return Ok(Handled::counted("products on sale"));
            }
            let mut transaction = Transaction::new();
            let set = transaction.add(products::set_listed(&product));
            let failures = match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
                Outcome::Committed => return Ok(Handled::counted("products listed")),
                Outcome::Refused(failures) => failures,
            };
            let now: Option<Product> = failures.of(set)?.flatten();
            match now {
                Some(now) if now.version != product.version => product = now,
                _ => return Ok(Handled::counted("products listed before")),
            }
        }
        Err(Failure::Restless(format!("product {}", product.product_id)))
    })
}

fn list_campaign<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Campaign(campaign) = record else { return Ok(Handled::counted("unreadable")) };
        let mut transaction = Transaction::new();
        transaction.add(coupons::set_listed(campaign));
        Ok(match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
            Outcome::Committed => Handled::counted("campaigns listed"),
            Outcome::Refused(_) => Handled::counted("campaigns listed before"),
        })
    })
}
