//! Users: profile and account.

use super::{Action, StoreError, keys};
use crate::domain::UserId;
use crate::domain::user::{Account, Profile, UserStatus};

/// Adds a user's profile.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn create_profile(profile: &Profile) -> Result<Action, StoreError> {
    Action::create(keys::profile(&profile.user_id), profile)
}

/// Adds a user's account, empty.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn create_account(user: &UserId) -> Result<Action, StoreError> {
    Action::create(keys::account(user), &Account::NEW)
}

/// Replaces a profile that is still as it was read.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn replace_profile(seen: &Profile, now: &Profile) -> Result<Action, StoreError> {
    Action::put(keys::profile(&now.user_id), now)?.when("#version = :seen").value(":seen", seen.version)
}

/// Changes whether an existing user may trade.
///
/// # Errors
/// Where the value cannot be written as an attribute.
pub fn set_status(user: &UserId, status: UserStatus) -> Result<Action, StoreError> {
    Action::update(keys::account(user), "SET #status = :status").when("attribute_exists(#pk)").value(":status", status)
}

/// Moves the balance of an account that is still as it was seen, and whose user may trade.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn move_balance(user: &UserId, seen: &Account, now: &Account) -> Result<Action, StoreError> {
    if_unchanged(set_balance(user, now)?, seen)
}

/// Pays money back to an account that is still as it was seen, whether or not its user may trade.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn refund_balance(user: &UserId, seen: &Account, now: &Account) -> Result<Action, StoreError> {
    set_balance(user, now)?.when("#sequence = :seen").value(":seen", seen.sequence)
}

fn set_balance(user: &UserId, now: &Account) -> Result<Action, StoreError> {
    Action::update(keys::account(user), "SET #balance = :balance, #sequence = :sequence, #head = :head")
        .value(":balance", now.balance)?
        .value(":sequence", now.sequence)?
        .value(":head", now.head)
}

/// Asserts that an account is still as it was seen, and that its user may trade.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn check_account(user: &UserId, seen: &Account) -> Result<Action, StoreError> {
    if_unchanged(Action::check(keys::account(user)), seen)
}

fn if_unchanged(action: Action, seen: &Account) -> Result<Action, StoreError> {
    action
        .when("#sequence = :seen AND #status = :active")
        .value(":seen", seen.sequence)?
        .value(":active", UserStatus::Active)
}
