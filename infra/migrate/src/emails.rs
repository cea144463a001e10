//! E-mail addresses: claims the address of each user of the first stage.
//!
//! An address of several users is claimed for the first of them to join. The others keep it, are listed, and must
//! choose another one with their next change of the address. The first pass claims, in any order of the users: a claim
//! moves to an earlier user. The second pass lists, once all claims are made.
//!
//! A claim made since the upgrade moves as well. Only the instant of joining counts, so the result depends neither on
//! the order of the table nor on the time of the migration.

use futures::future::BoxFuture;
use shared::{
    domain::{
        UserId,
        account::Account,
        user::{EmailClaim, Profile, UserStatus},
    },
    store::{Consistency, Outcome, StoreError, Transaction, keys, records::Record, users},
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "emails",
    purpose: "claims the e-mail address of each user; of users with one address, for the one who joined first",
    passes: &[Pass { sort_key: "PROFILE", handle: claim }, Pass { sort_key: "PROFILE", handle: list }],
};

/// The most tries for a user with a record that keeps changing.
const TRIES: u32 = 20;

enum Claim {
    Made,
    Moved,
    Shared,
    Withdrawn,
    /// The profile, or the claim's holder, changed since it was read.
    Changed,
}

fn claim<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Profile(profile) = record else { return Ok(Handled::counted("unreadable")) };
        let mut profile = Some(profile.as_ref().clone());
        for _ in 0..TRIES {
            let Some(current) = profile.filter(|profile| !profile.email_claimed) else {
                return Ok(Handled::counted("claimed before"));
            };
            match try_to_claim(shop, &current).await? {
                Claim::Made => return Ok(Handled::counted("claims made")),
                Claim::Moved => return Ok(Handled::counted("claims moved to an earlier user")),
                Claim::Shared => return Ok(Handled::counted("without a claim at first")),
                Claim::Withdrawn => return Ok(Handled::counted("withdrawn")),
                Claim::Changed => profile = profile_of(shop, &current.user_id).await?,
            }
        }
        Err(Failure::Restless(profile.map_or_else(String::new, |profile| format!("user {}", profile.user_id))))
    })
}

async fn try_to_claim(shop: &Shop, profile: &Profile) -> Result<Claim, Failure> {
    let (user, address) = (&profile.user_id, profile.email_key());
    let mut transaction = Transaction::new();
    let put = transaction.add(users::claim_email(&address, user));
    let note = transaction.add(users::set_email_claimed(profile, true));
    let check = transaction.add(users::check_not_withdrawn(user));
    let failures = match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
        Outcome::Committed => return Ok(Claim::Made),
        Outcome::Refused(failures) => failures,
    };
    if failures.refuses(note) {
        return Ok(Claim::Changed);
    }
    if failures.refuses(check) {
        return Ok(Claim::Withdrawn);
    }
    let Some(EmailClaim { user_id: holder_id }) = failures.of(put)?.flatten() else { return Ok(Claim::Changed) };
    let holder = profile_of(shop, &holder_id).await?;
    let holder = holder.filter(|holder| holder.email_claimed && holder.email_key() == address);
    if holder.as_ref().is_some_and(|holder| joined(holder) <= joined(profile)) {
        return Ok(Claim::Shared);
    }
    let mut transaction = Transaction::new();
    transaction.add(users::move_email(&address, &holder_id, user));
    transaction.add(users::set_email_claimed(profile, true));
    transaction.add(users::check_not_withdrawn(user));
    if let Some(holder) = &holder {
        transaction.add(users::set_email_claimed(holder, false));
    }
    Ok(match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
        Outcome::Committed => Claim::Moved,
        Outcome::Refused(_) => Claim::Changed,
    })
}

/// The order of claims: the earlier first, and of two at one instant the smaller id.
fn joined(profile: &Profile) -> (i64, &UserId) {
    (profile.created_at.as_millisecond(), &profile.user_id)
}

async fn profile_of(shop: &Shop, user: &UserId) -> Result<Option<Profile>, StoreError> {
    shop.table.get(keys::profile(user), Consistency::Strong).await
}

fn list<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Profile(profile) = record else { return Ok(Handled::counted("unreadable")) };
        if profile.email_claimed {
            return Ok(Handled::counted("users with a claim"));
        }
        let account: Option<Account> = shop.table.get(keys::account(&profile.user_id), Consistency::Strong).await?;
        if account.is_none_or(|account| account.status == UserStatus::Withdrawn) {
            return Ok(Handled::counted("withdrawn users"));
        }
        let address = profile.email_key();
        let holder: Option<EmailClaim> = shop.table.get(keys::email(&address), Consistency::Strong).await?;
        let holder = holder.map_or_else(|| "nobody".to_owned(), |claim| claim.user_id.to_string());
        let line = format!("user {} has an e-mail address that is claimed for {holder}", profile.user_id);
        Ok(Handled { figure: "users who share a claimed address", line: Some(line) })
    })
}
