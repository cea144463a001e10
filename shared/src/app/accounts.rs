//! Accounts of active users, as the preconditions of a commit: cached if the commit asserts them, else read.

use super::{Failure, Shop};
use crate::{
    domain::{
        Refusal, UserId,
        refusal::Entity,
        user::{Account, UserStatus},
    },
    store::{Consistency, keys},
};

/// The account of an active user, from the cache or read. The commit that builds on it asserts it.
pub(super) async fn account(shop: &Shop, user: &UserId) -> Result<Account, Failure> {
    match shop.cached_account(user) {
        Some(account) => Ok(account),
        None => read_account(shop, user).await,
    }
}

/// The account of an active user, read.
pub(super) async fn read_account(shop: &Shop, user: &UserId) -> Result<Account, Failure> {
    ensure_active(user, shop.table.get(keys::account(user), Consistency::Strong).await?)
}

/// Refuses an unknown, suspended or withdrawn user.
pub(super) fn ensure_active(user: &UserId, account: Option<Account>) -> Result<Account, Failure> {
    match account {
        None => Err(Refusal::not_found(Entity::User, user).into()),
        Some(account) if account.status != UserStatus::Active => Err(Refusal::UserNotActive.into()),
        Some(account) => Ok(account),
    }
}
