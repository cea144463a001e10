//! Notices of the provider. A notice is only a hint: a look-up decides.

use super::{
    provider,
    settle::{Word, settle},
};
use crate::{
    app::{Failure, Shop},
    domain::{
        provider::ProviderName,
        session::{PaymentSession, SessionStatus},
    },
};

/// The end of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    /// There is nothing left to do about it.
    Done,
    /// The provider did not answer the look-up: it is to send the notice again.
    AskAgain,
}

/// Takes a notice: looks the payment up at the provider if its session is open, and settles the session.
///
/// A notice that nobody asked for, a repeated or a forged one has no effect. It costs a look-up only if it is about a
/// session that waits for the provider's word, and names the deposit's secret where it names one.
///
/// # Errors
/// If the table cannot be reached: the provider sends the notice again.
pub async fn notice(shop: &Shop, from: ProviderName, body: &[u8]) -> Result<Noticed, Failure> {
    let provider = provider(shop)?;
    let Some(notice) = provider.read_notice(body).filter(|_| from == provider.name()) else {
        return Ok(Noticed::Done);
    };
    let Some(record) = super::read(shop, &notice.payment_id).await? else {
        return Ok(Noticed::Done);
    };
    if record.session.provider != from || !awaits_word(&record.session, notice.secret.as_deref()) {
        return Ok(Noticed::Done);
    }
    match provider.look_up(&notice.payment_id).await {
        Ok(Some(payment)) => {
            settle(shop, record, &Word::Payment(payment)).await?;
            Ok(Noticed::Done)
        }
        Ok(None) => Ok(Noticed::Done),
        Err(error) => {
            tracing::warn!(%error, payment.id = notice.payment_id.as_str(), "a notice could not be verified");
            Ok(Noticed::AskAgain)
        }
    }
}

/// Whether a notice with this secret can be about news of a session.
fn awaits_word(session: &PaymentSession, secret: Option<&str>) -> bool {
    let is_genuine = match (&session.deposit_secret, secret) {
        (Some(expected), Some(named)) => expected == named,
        _ => true,
    };
    let is_open = match session.status {
        SessionStatus::Confirming | SessionStatus::WaitingForDeposit | SessionStatus::Declined => true,
        SessionStatus::Expired => session.payment_key.is_some(),
        SessionStatus::Ready | SessionStatus::Paid | SessionStatus::Refunded => false,
    };
    is_genuine && is_open
}
