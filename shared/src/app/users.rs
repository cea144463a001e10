//! Users: joining, looking up, changing.
//!
//! No two users share an e-mail address, withdrawn ones apart. The claim of an address is an item of its own. The
//! commit that changes the user writes or deletes it, so the rule holds at any instant. A profile records whether its
//! address is claimed: records of the first stage have no claim until the migration or a change of the address makes
//! one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Role, Shop, addresses,
    idempotency::{self, Keep, Transacted},
    personal::{self, Seal},
    withdrawing,
};
use crate::{
    domain::{
        ETag, Patch, Precondition, Refusal, UserId,
        account::Account,
        address::Address,
        refusal::Entity,
        text::{EmailKey, PhoneKey},
        user::{EmailClaim, Profile, Seller, UserKind, UserStatus},
    },
    platform::CipherKey,
    store::{
        Action, Consistency, Outcome, Transaction, keys,
        people::{self, PhoneRecord},
        sellers,
        table::Range,
        users,
    },
};

/// A user as others see them: profile and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The profile, opened.
    pub profile: Profile,
    pub status: UserStatus,
    account: Account,
    seal: Seal,
    /// Whether some of the profile is stored plain still.
    is_plain: bool,
}

impl User {
    pub fn etag(&self) -> ETag {
        self.profile.etag(self.status)
    }

    /// The address that is claimed for the user, if one is.
    fn claim(&self) -> Option<EmailKey> {
        self.profile.email_claimed.then(|| self.profile.email_key())
    }

    fn phone(&self) -> Option<PhoneKey> {
        self.profile.phone.as_deref().map(PhoneKey::from_number)
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
    pub address: Option<Address>,
    pub kind: UserKind,
    pub seller: Option<Seller>,
}

/// A change of a user. A field that is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The state that the caller expects the user to be in.
    pub precondition: Precondition,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Patch<String>,
    pub address: Patch<Address>,
    pub kind: Option<UserKind>,
    pub seller: Patch<Seller>,
    pub status: Option<UserStatus>,
    /// Whether the user gives up the balance with a withdrawal.
    pub forfeits: bool,
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
    let mut profile = Profile {
        user_id: user_id.clone(),
        name: new.name,
        email: new.email,
        email_claimed: true,
        email_key: None,
        phone: new.phone,
        address: new.address,
        address_number: None,
        kind: new.kind,
        seller: new.seller,
        version: 1,
        created_at: now,
        updated_at: Some(now),
        erased_at: None,
    };
    let seal = Seal::new(&user_id, Some(CipherKey::generate(&shop.random)));
    let mut transaction = Transaction::new();
    let account = match profile.ship_to() {
        None => Account::NEW,
        Some(address) => {
            let (number, missing) = (addresses::new_number(shop), address.missing());
            profile.address_number = Some(number);
            transaction.add(addresses::create(shop, &seal, &user_id, number, &address)?);
            Account { address_number: number, no_postcode: missing.postcode, no_line1: missing.line1, ..Account::NEW }
        }
    };
    let put = transaction.add(users::create_profile(&seal.seal_profile(&shop.random, &profile)?));
    transaction.add(users::create_account(&user_id, &account));
    if let Some(key) = seal.key() {
        transaction.add(people::create_key(&user_id, key));
    }
    if let Some(phone) = &profile.phone {
        transaction.add(people::list_phone(&PhoneKey::from_number(phone), &user_id));
    }
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
    let (profile, account, key) = (keys::profile(user), keys::account(user), keys::user_key(user));
    let wanted = [profile.clone(), account.clone(), key];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let seal = Seal::new(user, personal::key_in(&found, user)?);
    match (found.get::<Profile>(&profile)?, found.get::<Account>(&account)?) {
        (Some(stored), Some(account)) => Ok(User {
            profile: seal.open_profile(&stored),
            status: account.status,
            account,
            is_plain: stored.email_key.is_none() && stored.erased_at.is_none(),
            seal,
        }),
        _ => Err(Refusal::not_found(Entity::User, user).into()),
    }
}

/// The criterion of a search for users.
#[derive(Debug, Clone)]
pub enum Criterion {
    Email(String),
    Phone(String),
}

/// Users that one search finds, at most.
const FOUND: usize = 100;

/// Returns the users with an e-mail address, at most one, or with a telephone number. No key of the table has either:
/// both are looked up by their digest.
///
/// # Errors
/// If the table cannot be reached.
pub async fn find(shop: &Shop, criterion: &Criterion) -> Result<Vec<User>, Failure> {
    let ids: Vec<UserId> = match criterion {
        Criterion::Email(address) => {
            let key = keys::email(&EmailKey::from_address(address));
            let claim: Option<EmailClaim> = shop.table.get(key, Consistency::Strong).await?;
            claim.map(|claim| claim.user_id).into_iter().collect()
        }
        Criterion::Phone(number) => {
            let range = Range::of_partition(keys::phone_partition(&PhoneKey::from_number(number)), "USER#");
            let page = shop.table.query::<PhoneRecord>(range, FOUND).await?;
            page.records.into_iter().map(|record| record.user_id).collect()
        }
    };
    let mut users = Vec::new();
    for id in &ids {
        users.push(get(shop, id).await?);
    }
    Ok(users)
}

/// Changes a user. Run twice it changes the same again; of two concurrent changes, one follows the other.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::PreconditionFailed`], [`Refusal::EmailTaken`]; [`Failure::Invalid`] if kind and
/// business would disagree.
pub async fn update(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    change: &UserChange,
    key: Option<&RequestKey>,
) -> Result<User, Failure> {
    match update_once(shop, caller, user, change, key).await {
        Err(Failure::Refused(refusal)) => match key.filter(|key| key.given) {
            Some(key) if idempotency::recall::<Created>(shop, key).await?.is_some() => {
                follow(shop, user, change).await;
                get(shop, user).await
            }
            _ => Err(refusal.into()),
        },
        other => other,
    }
}

/// Brings a change of the status to what follows from it; returns whether personal data may have been erased. Also for a
/// repetition, since the change before it may have died.
async fn follow(shop: &Shop, user: &UserId, change: &UserChange) -> bool {
    if change.status.is_some() {
        super::sellers::follow_change(shop, user).await;
    }
    let erases = change.status == Some(UserStatus::Withdrawn) && shop.policy.people.erase_after.is_zero();
    if erases {
        withdrawing::erase_at_once(shop, user).await;
    }
    erases
}

/// Withdraws a user: an end that only an admin undoes, and only until the personal data is erased. A withdrawn user stays
/// as they are.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::OpenBusiness`].
pub async fn withdraw(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    forfeits: bool,
    key: &RequestKey,
) -> Result<User, Failure> {
    let status = Some(UserStatus::Withdrawn);
    update(shop, caller, user, &UserChange { status, forfeits, ..UserChange::default() }, Some(key)).await
}

async fn update_once(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    change: &UserChange,
    key: Option<&RequestKey>,
) -> Result<User, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let before = get(shop, user).await?;
        change.precondition.check(&before.etag()).map_err(Refusal::from)?;
        let mut after = changed(&before, change, shop.clock.now())?;
        let withdraws = after.status == UserStatus::Withdrawn;
        if before.profile.erased_at.is_some() {
            // Nothing of them can change any more.
            return if withdraws && *change == UserChange::only_status(change) {
                Ok(before)
            } else {
                Err(Refusal::UserNotActive.into())
            };
        }
        let leaves = withdraws && before.status != UserStatus::Withdrawn;
        if leaves {
            withdrawing::ensure_free(shop, user, &before.account, change.forfeits).await?;
        }

        let mut transaction = Transaction::new();
        let mut seal = before.seal.clone();
        if seal.key().is_none() {
            let key = CipherKey::generate(&shop.random);
            transaction.add(people::create_key(user, &key));
            seal = Seal::new(user, Some(key));
        }
        let status = if leaves {
            Some(withdrawing::close(shop, user, &before.account, caller.role.into(), &mut transaction)?)
        } else {
            change.status.map(|_| users::set_status(user, before.status, after.status))
        };
        if before.status == UserStatus::Withdrawn && !withdraws {
            transaction.add(people::delete_erasure(user));
        }
        let created = Created { user_id: user.clone() };
        let note = key.and_then(|key| idempotency::note(shop, &mut transaction, key, created, Keep::AWeek));
        if let Some(account) = set_address(shop, &before, &mut after, &seal, status, &mut transaction)? {
            transaction.add(account);
        }
        let stored = seal.seal_profile(&shop.random, &after.profile)?;
        let put = transaction.add(users::replace_profile(&before.profile, &stored));
        let (old_phone, new_phone) = (before.phone(), after.phone());
        if let Some(phone) = old_phone.as_ref().filter(|phone| Some(*phone) != new_phone.as_ref()) {
            transaction.add(people::unlist_phone(phone, user));
        }
        if let Some(phone) = new_phone.as_ref().filter(|phone| before.is_plain || Some(*phone) != old_phone.as_ref()) {
            transaction.add(people::list_phone(phone, user));
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
                return Ok(if follow(shop, user, change).await { get(shop, user).await? } else { after });
            }
            Outcome::Refused(failures)
                if key.map_or(Ok(None), |key| idempotency::noted::<Created>(&failures, note, key))?.is_some() =>
            {
                follow(shop, user, change).await;
                return get(shop, user).await;
            }
            // A newer profile decides anew, also about the address.
            Outcome::Refused(failures) if !failures.refuses(put) && claim.is_some_and(|at| failures.refuses(at)) => {
                return Err(Refusal::EmailTaken.into());
            }
            Outcome::Refused(_) => backoff.pause("a profile changed meanwhile").await?,
        }
    }
}

impl UserChange {
    /// The same change of the status alone.
    fn only_status(change: &Self) -> Self {
        Self { status: change.status, forfeits: change.forfeits, ..Self::default() }
    }
}

fn changed(before: &User, change: &UserChange, now: Timestamp) -> Result<User, Failure> {
    let UserChange { precondition: _, name, email, phone, address, kind, seller, status, forfeits: _ } = change.clone();
    let (old, status) = (&before.profile, status.unwrap_or(before.status));
    let concerns_business = kind.is_some() || !seller.is_keep();
    let claims = old.email_claimed || email.is_some() || before.status == UserStatus::Withdrawn;
    let (email_key, erased_at) = (None, old.erased_at);
    let profile = Profile {
        user_id: old.user_id.clone(),
        name: name.unwrap_or_else(|| old.name.clone()),
        email: email.unwrap_or_else(|| old.email.clone()),
        email_claimed: claims && status != UserStatus::Withdrawn,
        email_key,
        phone: phone.apply(old.phone.clone()),
        address: address.apply(old.address.clone()),
        address_number: old.address_number,
        kind: kind.unwrap_or(old.kind),
        seller: seller.apply(old.seller.clone()),
        version: old.version.saturating_add(1),
        created_at: old.created_at,
        updated_at: Some(now.max(old.last_updated())),
        erased_at,
    };
    // A record of the first stage may disagree with itself; a change of something else leaves it as it is.
    if concerns_business {
        let agreement = profile.kind.check_business(profile.seller.is_some());
        agreement.map_err(|invalid| Failure::Invalid("seller", invalid))?;
    }
    Ok(User { profile, status, ..before.clone() })
}

/// Adds the address that orders are shipped to from now on, if it is another, and returns the change of the account:
/// that of its status included, if there is one. The address has the user's name and telephone number by default, so it
/// changes with them.
fn set_address(
    shop: &Shop,
    before: &User,
    after: &mut User,
    seal: &Seal,
    status: Option<Action>,
    transaction: &mut Transaction,
) -> Result<Option<Action>, Failure> {
    let address = after.profile.ship_to();
    if address == before.profile.ship_to() && address.is_some() == before.account.ship_to().is_some() {
        return Ok(status);
    }
    let user = &before.profile.user_id;
    let number = address.as_ref().map(|_| addresses::new_number(shop));
    after.profile.address_number = number;
    if let (Some(number), Some(address)) = (number, &address) {
        transaction.add(addresses::create(shop, seal, user, number, address)?);
    }
    let missing = address.map(|address| address.missing()).unwrap_or_default();
    Ok(Some(match status {
        Some(status) => users::and_address(status, number, missing),
        None => users::set_address(user, number, missing),
    }))
}
