//! Accounts, as the preconditions of a commit.

use super::{Failure, Shop};
use crate::{
    domain::{Refusal, UserId, account::Account, refusal::Entity, user::UserStatus},
    store::{Consistency, keys},
};

/// The account of an active user, read.
pub(super) async fn read_account(shop: &Shop, user: &UserId) -> Result<Account, Failure> {
    ensure_active(user, shop.table.get(keys::account(user), Consistency::Strong).await?)
}

/// The account of a known user, active or not, read. Money that is theirs moves in any state.
pub(super) async fn read_any_account(shop: &Shop, user: &UserId) -> Result<Account, Failure> {
    let account = shop.table.get(keys::account(user), Consistency::Strong).await?;
    account.ok_or(Failure::Internal("an account stays"))
}

/// Refuses an unknown, suspended or withdrawn user.
pub(super) fn ensure_active(user: &UserId, account: Option<Account>) -> Result<Account, Failure> {
    match account {
        None => Err(Refusal::not_found(Entity::User, user).into()),
        Some(account) if account.status != UserStatus::Active => Err(Refusal::UserNotActive.into()),
        Some(account) => Ok(account),
    }
}
