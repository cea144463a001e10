//! Payments from outside.
//!
//! A payment session is written before the provider is asked, and only the provider's own word changes it: the answer to
//! a confirmation, or a look-up after a notice or by the sweep. Money that arrives is used in one commit with the session,
//! or goes back.

mod confirm;
mod create;
mod notice;
pub mod provider;
mod refund;
mod settle;
mod sweep;

pub use confirm::confirm;
pub use create::{Created, NewPayment, create};
pub use notice::{Noticed, notice};
pub use refund::refund;
pub use sweep::{open_refunds, open_sessions, sweep_refunds, sweep_session};

use provider::PaymentProvider;

use super::{Caller, Checkout, Failure, Shop, readable};
use crate::{
    domain::{PaymentId, Refusal, UserId, refusal::Entity, session::PaymentSession},
    store::{Consistency, Key, keys, rows, sessions::SessionRecord, table::Range},
};

/// Returns a payment session, for its user and admins.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, caller: &Caller, id: &PaymentId) -> Result<PaymentSession, Failure> {
    Ok(visible(caller, id, read(shop, id).await?)?.session)
}

/// Returns a part of a user's payment sessions, newest first, and the position of the next part, if there is one.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub async fn list(
    shop: &Shop,
    user: &UserId,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<PaymentSession>, Option<String>), Failure> {
    let place = after.and_then(|sk| Some((keys::session(&keys::id_at(&sk)?), sk)));
    let range = Range::by_time(keys::sessions_of(user)).newest_first().after_indexed(place);
    let page = shop.table.query::<rows::ByTime>(range, limit).await?;
    if page.records.is_empty() {
        super::balance::get(shop, user).await?;
    }
    let next = page.records.last().filter(|_| page.more).map(|row| row.position.clone());
    let ids =
        page.records.iter().map(|row| row.id::<PaymentId>().ok_or(Failure::Internal("an index key ends with an id")));
    let wanted: Vec<Key> = ids.map(|id| id.map(|id| keys::session(&id))).collect::<Result<_, _>>()?;
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut sessions = Vec::new();
    for key in &wanted {
        let record = readable(key, found.get::<SessionRecord>(key).map_err(Failure::from))?.flatten();
        sessions.extend(record.map(|record| record.session));
    }
    Ok((sessions, next))
}

/// The page of the shop's provider.
///
/// # Errors
/// [`Refusal::NotFound`] if the shop takes no payments from outside.
pub fn checkout(shop: &Shop) -> Result<&Checkout, Refusal> {
    shop.checkout.as_ref().ok_or_else(|| Refusal::not_found(Entity::Path, "/payments"))
}

/// The provider of the shop.
///
/// # Errors
/// [`Refusal::NotFound`] if the shop takes no payments from outside; if the function was opened without its provider.
pub(super) fn provider(shop: &Shop) -> Result<&dyn PaymentProvider, Failure> {
    checkout(shop)?;
    shop.provider.as_deref().ok_or(Failure::Internal("the function has no payment provider"))
}

async fn read(shop: &Shop, id: &PaymentId) -> Result<Option<SessionRecord>, Failure> {
    Ok(shop.table.get(keys::session(id), Consistency::Strong).await?)
}

fn visible(caller: &Caller, id: &PaymentId, record: Option<SessionRecord>) -> Result<SessionRecord, Refusal> {
    let visible = record.filter(|record| caller.may_act_for(&record.session.user_id));
    visible.ok_or_else(|| Refusal::not_found(Entity::Payment, id))
}
