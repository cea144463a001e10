//! Users: joining, looking up, changing.
//!
//! No two users share an e-mail address, withdrawn ones apart. The claim of an address is an item of its own. The
//! commit that changes the user writes or deletes it, so the rule holds at any instant. A profile records whether its
//! address is claimed: records of the first stage have no claim until the migration or a change of the address makes
//! one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Role, Shop,
    idempotency::{self, Keep, Transacted},
};
use crate::{
    domain::{
        ETag, Patch, Precondition, Refusal, UserId,
        account::Account,
        refusal::Entity,
        text::EmailKey,
        user::{Profile, Seller, UserKind, UserStatus},
    },
    store::{Consistency, Outcome, Transaction, keys, sellers, users},
};

/// A user as others see them: profile and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub profile: Profile,
    pub status: UserStatus,
}

impl User {
    pub fn etag(&self) -> ETag {
        self.profile.etag(self.status)
    }

    /// The address that is claimed for the user, if one is.
    fn claim(&self) -> Option<EmailKey> {
        self.profile.email_claimed.then(|| EmailKey::from_address(&self.profile.email))
    }
}

/// The data of a new user.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their id, if it is chosen.
    pub user_id: Option<UserId>,
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub kind: UserKind,
    pub seller: Option<Seller>,
}

/// A change of a user. A field that is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// The state that the caller expects the user to be in.
    pub precondition: Precondition,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Patch<String>,
    pub address: Patch<String>,
    pub kind: Option<UserKind>,
    pub seller: Patch<Seller>,
    pub status: Option<UserStatus>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    user_id: UserId,
}

/// Adds a user with an empty account.
///
/// # Errors
/// [`Refusal::AlreadyExists`] if the id is taken, [`Refusal::EmailTaken`] if the e-mail address is,
/// [`Refusal::NotFound`] if the key created a user whom the caller can no longer choose.
pub async fn create(shop: &Shop, new: NewUser, key: &RequestKey) -> Result<User, Failure> {
    let chosen = new.user_id.clone();
    let user_id = key.id(chosen.clone())?;
    let created = idempotency::unless_answered(shop, key, create_once(shop, new, user_id, key).await).await?;
    // An admin no longer creates others.
    if chosen.is_some_and(|chosen| chosen != created.user_id) {
        return Err(Refusal::not_found(Entity::User, created.user_id).into());
    }
    get(shop, &created.user_id).await
}

async fn create_once(shop: &Shop, new: NewUser, user_id: UserId, key: &RequestKey) -> Result<Created, Failure> {
    let now = shop.clock.now();
    let profile = Profile {
        user_id: user_id.clone(),
        name: new.name,
        email: new.email,
        email_claimed: true,
        phone: new.phone,
        address: new.address,
        kind: new.kind,
        seller: new.seller,
        version: 1,
        created_at: now,
        updated_at: Some(now),
    };
    let mut transaction = Transaction::new();
    let put = transaction.add(users::create_profile(&profile));
    transaction.add(users::create_account(&user_id));
    transaction.add(users::claim_email(&EmailKey::from_address(&profile.email), &user_id));
    let created = Created { user_id };
    match idempotency::transact(shop, transaction, key, created, Keep::AWeek, &mut shop.backoff()).await? {
        Transacted::Committed(created) | Transacted::Replayed(created) => Ok(created),
        Transacted::Refused(failures) if failures.refuses(put) => Err(Refusal::AlreadyExists(Entity::User).into()),
        Transacted::Refused(_) => Err(Refusal::EmailTaken.into()),
    }
}

/// Refuses changes by suspended or withdrawn sellers and admins. A request that committed before is answered again. A
/// caller without a record is known by the token alone.
///
/// # Errors
/// [`Refusal::UserNotActive`].
pub async fn may_change(shop: &Shop, caller: &Caller, key: Option<&RequestKey>) -> Result<(), Failure> {
    if caller.role == Role::Customer {
        return Ok(());
    }
    let account: Option<Account> = shop.table.get(keys::account(&caller.user_id), Consistency::Strong).await?;
    if account.is_none_or(|account| account.status == UserStatus::Active) {
        return Ok(());
    }
    match key {
        Some(key) if idempotency::has_outcome(shop, key).await? => Ok(()),
        _ => Err(Refusal::UserNotActive.into()),
    }
}

/// Returns a user.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, user: &UserId) -> Result<User, Failure> {
    let (profile, account) = (keys::profile(user), keys::account(user));
    let wanted = [profile.clone(), account.clone()];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    match (found.get::<Profile>(&profile)?, found.get::<Account>(&account)?) {
        (Some(profile), Some(account)) => Ok(User { profile, status: account.status }),
        _ => Err(Refusal::not_found(Entity::User, user).into()),
    }
}

/// Changes a user. Run twice it changes the same again; of two concurrent changes, one follows the other.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::PreconditionFailed`], [`Refusal::EmailTaken`]; [`Failure::Invalid`] if kind and
/// business would disagree.
pub async fn update(shop: &Shop, user: &UserId, change: &UserChange) -> Result<User, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let before = get(shop, user).await?;
        change.precondition.check(&before.etag()).map_err(Refusal::from)?;
        let after = changed(&before, change, shop.clock.now())?;

        let mut transaction = Transaction::new();
        let put = transaction.add(users::replace_profile(&before.profile, &after.profile));
        if change.status.is_some() {
            transaction.add(users::set_status(user, before.status, after.status));
        }
        let (old_claim, new_claim) = (before.claim(), after.claim());
        let mut claim = None;
        if old_claim != new_claim {
            if let Some(address) = &old_claim {
                transaction.add(users::release_email(address, user));
            }
            claim = new_claim.as_ref().map(|address| users::claim_email(address, user));
        }
        let claim = claim.map(|claim| transaction.add(claim));
        if before.status != after.status {
            transaction.add(sellers::note_change(user, after.profile.version, shop.clock.now()));
        }
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                // Also for a repetition, since the change before it may have died.
                if change.status.is_some() {
                    super::sellers::follow_change(shop, user).await;
                }
                return Ok(after);
            }
            // A newer profile decides anew, also about the address.
            Outcome::Refused(failures) if !failures.refuses(put) && claim.is_some_and(|at| failures.refuses(at)) => {
                return Err(Refusal::EmailTaken.into());
            }
            Outcome::Refused(_) => backoff.pause("a profile changed meanwhile").await?,
        }
    }
}

fn changed(before: &User, change: &UserChange, now: Timestamp) -> Result<User, Failure> {
    let UserChange { precondition: _, name, email, phone, address, kind, seller, status } = change.clone();
    let (old, status) = (&before.profile, status.unwrap_or(before.status));
    let concerns_business = kind.is_some() || !seller.is_keep();
    let claims = old.email_claimed || email.is_some() || before.status == UserStatus::Withdrawn;
    let profile = Profile {
        user_id: old.user_id.clone(),
        name: name.unwrap_or_else(|| old.name.clone()),
        email: email.unwrap_or_else(|| old.email.clone()),
        email_claimed: claims && status != UserStatus::Withdrawn,
        phone: phone.apply(old.phone.clone()),
        address: address.apply(old.address.clone()),
        kind: kind.unwrap_or(old.kind),
        seller: seller.apply(old.seller.clone()),
        version: old.version.saturating_add(1),
        created_at: old.created_at,
        updated_at: Some(now.max(old.last_updated())),
    };
    // A record of the first stage may disagree with itself; a change of something else leaves it as it is.
    if concerns_business {
        let agreement = profile.kind.check_business(profile.seller.is_some());
        agreement.map_err(|invalid| Failure::Invalid("seller", invalid))?;
    }
    Ok(User { profile, status })
}
