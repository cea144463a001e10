//! Users: joining, looking up, changing.

use serde::{Deserialize, Serialize};

use super::{
    Failure, RequestKey, Shop,
    idempotency::{self, Keep},
};
use crate::{
    domain::{
        Refusal, UserId,
        refusal::Entity,
        user::{Account, Profile, Seller, UserKind, UserStatus},
    },
    store::{Consistency, Outcome, Transaction, keys, users},
};

/// A user as others see them: profile and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who they are.
    pub profile: Profile,
    /// Whether they may trade.
    pub status: UserStatus,
}

/// What a new user tells of themselves.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their id, if they choose it.
    pub user_id: Option<UserId>,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Their postal address.
    pub address: Option<String>,
    /// What they are to the shop.
    pub kind: UserKind,
    /// Their business.
    pub seller: Option<Seller>,
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// Another name.
    pub name: Option<String>,
    /// Another e-mail address.
    pub email: Option<String>,
    /// Another telephone number.
    pub phone: Option<String>,
    /// Another postal address.
    pub address: Option<String>,
    /// Another kind.
    pub kind: Option<UserKind>,
    /// Another business.
    pub seller: Option<Seller>,
    /// Another status.
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
/// [`Refusal::AlreadyExists`] where the id is taken.
pub async fn create(shop: &Shop, new: NewUser, key: &RequestKey) -> Result<User, Failure> {
    let user_id = key.id(new.user_id.clone())?;
    let created = idempotency::unless_answered(shop, key, create_once(shop, new, user_id, key).await).await?;
    get(shop, &created.user_id).await
}

async fn create_once(shop: &Shop, new: NewUser, user_id: UserId, key: &RequestKey) -> Result<Created, Failure> {
    let NewUser { user_id: _, name, email, phone, address, kind, seller } = new;
    let created_at = shop.clock.now();
    let profile =
        Profile { user_id: user_id.clone(), name, email, phone, address, kind, seller, version: 1, created_at };

    let mut transaction = Transaction::new();
    transaction.add(users::create_profile(&profile)?);
    transaction.add(users::create_account(&user_id)?);
    let created = Created { user_id };
    let note = idempotency::note(shop, &mut transaction, key, &created, Keep::AWeek)?;
    match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => Ok(created),
        Outcome::Refused(evidence) => {
            idempotency::noted(&evidence, note, key)?.ok_or(Failure::Refused(Refusal::AlreadyExists(Entity::User)))
        }
    }
}

/// Looks a user up.
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

/// Changes a user.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn update(shop: &Shop, user: &UserId, change: &UserChange) -> Result<User, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let User { profile: seen, status } = get(shop, user).await?;
        let now = changed(&seen, change);
        let status = change.status.unwrap_or(status);

        let mut transaction = Transaction::new();
        transaction.add(users::replace_profile(&seen, &now)?);
        if change.status.is_some() {
            transaction.add(users::set_status(user, status)?);
        }
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                return Ok(User { profile: now, status });
            }
            Outcome::Refused(_) => backoff.pause("a profile changed meanwhile").await?,
        }
    }
}

fn changed(seen: &Profile, change: &UserChange) -> Profile {
    let UserChange { name, email, phone, address, kind, seller, status: _ } = change.clone();
    Profile {
        user_id: seen.user_id.clone(),
        name: name.unwrap_or_else(|| seen.name.clone()),
        email: email.unwrap_or_else(|| seen.email.clone()),
        phone: phone.or_else(|| seen.phone.clone()),
        address: address.or_else(|| seen.address.clone()),
        kind: kind.unwrap_or(seen.kind),
        seller: seller.or_else(|| seen.seller.clone()),
        version: seen.version.saturating_add(1),
        created_at: seen.created_at,
    }
}
