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

use super::{Caller, Checkout, Failure, Shop, listed};
use crate::{
    domain::{PaymentId, Refusal, UserId, desk::Period, refusal::Entity, session::PaymentSession},
    store::{Consistency, keys, sessions::SessionRecord},
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
    let list = (keys::sessions_of(user), |id: &PaymentId| keys::session(id));
    let (records, next) =
        listed::newest_first::<_, SessionRecord>(shop, user, list, Period::default(), after, limit).await?;
    Ok((records.into_iter().map(|record| record.session).collect(), next))
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
