//! Suspended or withdrawn sellers: their products are paused, which is not sold and not listed, until they are active
//! again.
//!
//! Orders never read a seller. A pause is a change of the product's offer, which each shard has and each sale asserts.
//! The commit that changes a user's status records the change. Products get it afterwards, each in a commit that
//! asserts the status it was derived from. Earlier orders and holds stand, since nothing that follows an order looks at
//! the offer.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | the second finds each product as it should be | of two statuses the older is refused by the account; a product created meanwhile asserts an active seller | the recorded change stays, and the sweep of the inventory goes on from there within a minute | the repetition carries the same token |

use futures::future;
use jiff::Timestamp;

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    products,
    sweeps::SweepStep,
};
use crate::{
    domain::{ProductId, UserId, account::Account, product::Product, user::UserStatus},
    store::{
        Consistency, Outcome, Transaction, keys,
        sellers::{self, SellerChange, SellerProduct},
        users,
    },
};

/// A part of the sellers whose products may lack a change of their status.
///
/// # Errors
/// If the table cannot be reached.
pub async fn changed(shop: &Shop, until: Timestamp, after: Option<Place>) -> Result<Expired<UserId>, Failure> {
    expiry::expired(shop, keys::SELLERS.to_owned(), until, after, keys::seller_change).await
}

/// Brings a change of a seller's status to their products, as far as a request has the time. The sweep does the rest,
/// so an error does not undo the change.
pub(super) async fn follow_change(shop: &Shop, seller: &UserId) {
    let started = tokio::time::Instant::now();
    loop {
        match align(shop, seller.clone()).await {
            Ok(SweepStep { more: true, .. }) if started.elapsed() <= shop.bounds.seller_budget => {}
            Ok(SweepStep { more, .. }) => {
                if more {
                    tracing::info!(%seller, "the sweep pauses or resumes the rest of the products");
                }
                return;
            }
            Err(error) => {
                tracing::warn!(%error, %seller, "the sweep pauses or resumes the products");
                return;
            }
        }
    }
}

/// Pauses or resumes a page of a seller's products, by the seller's status.
///
/// # Errors
/// If the table cannot be reached.
pub async fn align(shop: &Shop, seller: UserId) -> Result<SweepStep, Failure> {
    let mut backoff = shop.backoff();
    let (change_key, account_key) = (keys::seller_change(&seller), keys::account(&seller));
    let wanted = [change_key.clone(), account_key.clone()];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    let Some(change) = found.get::<SellerChange>(&change_key)? else { return Ok(SweepStep::default()) };
    let account: Account = found.get(&account_key)?.ok_or(Failure::Internal("a user who changed has an account"))?;

    let range = sellers::products_of(&seller, change.after.clone());
    let page = shop.table.query::<SellerProduct>(range, shop.bounds.seller_page).await?;
    let ids: Vec<ProductId> = page.records.iter().map(|listed| listed.product_id.clone()).collect();
    let mut described = products::describe(shop, &ids, &mut backoff).await?;
    let products: Vec<Product> = ids.iter().filter_map(|id| described.remove(id)).collect();
    let mut changes = Vec::new();
    for products in products.chunks(shop.bounds.seller_products_at_once.max(1)) {
        let changing = products.iter().map(|product| align_product(shop, product, &seller, account.status));
        changes.extend(future::try_join_all(changing).await?);
    }
    let corrected = changes.iter().filter(|aligned| **aligned == Aligned::Changed).count();
    let corrected = u64::try_from(corrected).unwrap_or(u64::MAX);
    if changes.contains(&Aligned::StatusChanged) {
        return Ok(SweepStep { corrected, more: true });
    }

    let last = page.records.last().filter(|_| page.more);
    let last = last.map(|listed| keys::seller_product(&seller, listed.created_at, &listed.product_id).sk);
    let mut transaction = Transaction::new();
    transaction.add(match &last {
        Some(last) => sellers::note_progress(&seller, &change, last),
        None => sellers::finish_change(&seller, &change),
    });
    // Refused if a later change replaced this one, which has its own run.
    let is_replaced = matches!(shop.table.commit(transaction, &mut backoff).await?, Outcome::Refused(_));
    Ok(SweepStep { corrected, more: last.is_some() || is_replaced })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aligned {
    /// The product was as it should be.
    Unchanged,
    /// The product was paused or resumed.
    Changed,
    /// The seller's status is another by now.
    StatusChanged,
}

async fn align_product(
    shop: &Shop,
    product: &Product,
    seller: &UserId,
    status: UserStatus,
) -> Result<Aligned, Failure> {
    let mut backoff = shop.backoff();
    let is_paused = status != UserStatus::Active;
    let mut before = product.clone();
    while before.is_paused() != is_paused {
        let after = before.clone().with_paused(is_paused).swept_from(shop.clock.now());
        let after = Product { version: before.version.saturating_add(1), ..after };
        let (mut transaction, check) = (Transaction::new(), users::check_status(seller, status));
        let check = transaction.add(check);
        match products::commit_change(shop, &before, &after, transaction, &mut backoff).await? {
            None => return Ok(Aligned::Changed),
            Some(failures) if failures.refuses(check) => return Ok(Aligned::StatusChanged),
            Some(_) => {}
        }
        backoff.pause("a product changed meanwhile").await?;
        before = products::described(shop, &product.product_id).await?;
    }
    Ok(Aligned::Unchanged)
}
