//! Personal data: seals what the first stage stored plain.
//!
//! Each user gets a key. Their profile, the bank accounts of their withdrawals and the reasons in the histories of their
//! orders are sealed with it. An address becomes a record, which later orders refer to. Texts about users whose data is
//! erased are removed. Reasons in ledgers stay as they are: the hashes of the ledgers cover them.

use futures::future::BoxFuture;
use shared::{
    app::personal,
    domain::{UserId, user::Profile},
    platform::is_sealed,
    store::{
        Consistency, Outcome, Transaction, keys,
        orders::{self, OrderRecord},
        records::Record,
        withdrawals::{self, WithdrawalRecord},
    },
};

use crate::{Failure, Handled, Pass, Shop, Step};

pub(crate) const STEP: Step = Step {
    name: "people",
    purpose: "seals the personal data of users, withdrawals and orders",
    passes: &[
        Pass { sort_key: "PROFILE", handle: seal_profile },
        Pass { sort_key: "WITHDRAWAL", handle: seal_withdrawal },
        Pass { sort_key: "ORDER", handle: seal_order },
    ],
};

/// The most tries for a record that keeps changing.
const TRIES: u32 = 20;

fn seal_profile<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Profile(profile) = record else { return Ok(Handled::counted("unreadable")) };
        let user = &profile.user_id;
        for _ in 0..TRIES {
            let stored: Option<Profile> = shop.table.get(keys::profile(user), Consistency::Strong).await?;
            let Some(stored) = stored.filter(|stored| stored.email_key.is_none() && stored.erased_at.is_none()) else {
                return Ok(Handled::counted("profiles sealed before"));
            };
            if personal::seal_stored(shop.use_cases(), &stored).await? {
                return Ok(Handled::counted("profiles sealed"));
            }
        }
        Err(Failure::Restless(format!("user {user}")))
    })
}

fn seal_withdrawal<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Withdrawal(record) = record else { return Ok(Handled::counted("unreadable")) };
        let mut record = record.as_ref().clone();
        for _ in 0..TRIES {
            let before = &record.withdrawal;
            let sealed = personal::sealed_withdrawal(shop.use_cases(), before.clone()).await?;
            if sealed == *before {
                return Ok(Handled::counted("withdrawals sealed before"));
            }
            let after = WithdrawalRecord { withdrawal: sealed, ..record.clone() };
            let mut transaction = Transaction::new();
            let put = transaction.add(withdrawals::replace(before, &after));
            match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
                Outcome::Committed => return Ok(Handled::counted("withdrawals sealed")),
                Outcome::Refused(failures) => match failures.of::<WithdrawalRecord>(put)?.flatten() {
                    Some(there) => record = there,
                    None => return Ok(Handled::counted("unreadable")),
                },
            }
        }
        Err(Failure::Restless(format!("withdrawal {}", record.withdrawal.withdrawal_id)))
    })
}

fn seal_order<'a>(shop: &'a Shop, record: &'a Record) -> BoxFuture<'a, Result<Handled, Failure>> {
    Box::pin(async move {
        let Record::Order(record) = record else { return Ok(Handled::counted("unreadable")) };
        let mut record = record.as_ref().clone();
        for _ in 0..TRIES {
            let is_plain = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| !is_sealed(reason));
            if !record.order.history.iter().any(|entry| is_plain(&entry.reason)) {
                return Ok(Handled::counted("orders without plain texts"));
            }
            let (id, user): (_, UserId) = (record.order.order_id.clone(), record.order.user_id.clone());
            let mut after = record.clone();
            for entry in after.order.history.iter_mut().filter(|entry| is_plain(&entry.reason)) {
                let plain = entry.reason.take();
                entry.reason = personal::seal_text(shop.use_cases(), &user, id.as_str(), plain.as_deref()).await?;
            }
            let mut transaction = Transaction::new();
            // The version stays, since no event follows from it; a change meanwhile makes another.
            let put = transaction.add(orders::replace(&record.order, &after));
            match shop.table.commit(transaction, &mut shop.table.backoff()).await? {
                Outcome::Committed => return Ok(Handled::counted("orders sealed")),
                Outcome::Refused(failures) => match failures.of::<OrderRecord>(put)?.flatten() {
                    Some(there) => record = there,
                    None => return Ok(Handled::counted("unreadable")),
                },
            }
        }
        Err(Failure::Restless(format!("order {}", record.order.order_id)))
    })
}
