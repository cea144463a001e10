//! Sellers: lists the products of each seller, and pauses those of suspended or withdrawn sellers.
//!
//! The first pass lists. The second notes a change of each inactive user with products. The sweep of
//! products pauses these within a minute or two.

use futures::future::BoxFuture;
use shared::{
    domain::user::{Profile, UserStatus},
    store::{
        Consistency, Outcome, Transaction, keys,
        records::Record,
        sellers::{self, SellerProduct},
    },
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "sellers",
    purpose: "lists the products of each seller, and pauses those of sellers who are not active",
    passes: &[Pass { sort_key: "PRODUCT", handle: list }, Pass { sort_key: "ACCOUNT", handle: note }],
};

fn list<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let product = match record {
            Record::Product(product) => product,
            Record::SellerProduct { .. } => return Ok(Handled::counted("places in lists")),
            _ => return Ok(Handled::counted("unreadable")),
        };
        let Some(seller) = &product.seller_id else { return Ok(Handled::counted("products of the shop itself")) };
        let mut transaction = Transaction::new();
        transaction.add(sellers::list_product(seller, product));
        // The put has no condition.
        let (Outcome::Committed | Outcome::Refused(_)) =
            shop.table.commit(transaction, &mut shop.table.backoff()).await?;
        Ok(Handled::counted("products listed"))
    })
}

fn note<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Account { user, account } = record else { return Ok(Handled::counted("unreadable")) };
        if account.status == UserStatus::Active {
            return Ok(Handled::counted("active users"));
        }
        let products = shop.table.query::<SellerProduct>(sellers::products_of(user, None), 1).await?;
        let profile: Option<Profile> = shop.table.get(keys::profile(user), Consistency::Strong).await?;
        let Some(profile) = profile.filter(|_| !products.records.is_empty()) else {
            return Ok(Handled::counted("users without products who are not active"));
        };
        let mut transaction = Transaction::new();
        transaction.add(sellers::note_earlier_change(user, profile.version, shop.clock.now()));
        Ok(Handled::counted(match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
            Outcome::Committed => "sellers whose products the sweep pauses",
            Outcome::Refused(_) => "sellers with a change noted before",
        }))
    })
}
