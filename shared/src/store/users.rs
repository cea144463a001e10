//! Users: profile and account.

use super::{Action, StoreError, keys};
use crate::domain::{
    UserId,
    text::EmailKey,
    user::{Account, EmailClaim, Profile, UserStatus},
};

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
pub fn replace_profile(before: &Profile, after: &Profile) -> Result<Action, StoreError> {
    unchanged(Action::put(keys::profile(&after.user_id), after)?, before)
}

/// Changes the status of an account that still has the status that was read.
///
/// # Errors
/// Where the value cannot be written as an attribute.
pub fn set_status(user: &UserId, before: UserStatus, after: UserStatus) -> Result<Action, StoreError> {
    Action::update(keys::account(user), "SET #status = :after")
        .when("#status = :before")
        .value(":before", before)?
        .value(":after", after)
}

/// Claims an e-mail address for a user; refused while another user has it. Twice is as good as once.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn claim_email(address: &EmailKey, user: &UserId) -> Result<Action, StoreError> {
    let claim = EmailClaim { user_id: user.clone() };
    Action::put(keys::email(address), &claim)?.when("attribute_not_exists(#pk) OR #userId = :user").value(":user", user)
}

/// Releases a user's e-mail address; refused where another user has it. Twice is as good as once.
///
/// # Errors
/// Where the value cannot be written as an attribute.
pub fn release_email(address: &EmailKey, user: &UserId) -> Result<Action, StoreError> {
    Action::delete(keys::email(address)).when("attribute_not_exists(#pk) OR #userId = :user").value(":user", user)
}

/// Moves the claim of an e-mail address from one user to another; refused where the first does not have it.
///
/// # Errors
/// Where the record cannot be written as an item.
pub fn move_email(address: &EmailKey, from: &UserId, to: &UserId) -> Result<Action, StoreError> {
    let claim = EmailClaim { user_id: to.clone() };
    Action::put(keys::email(address), &claim)?.when("#userId = :from").value(":from", from)
}

/// Notes whether a profile's e-mail address is claimed, if the profile is still as it was read.
///
/// # Errors
/// Where a value cannot be written as an attribute.
pub fn set_email_claimed(before: &Profile, is_claimed: bool) -> Result<Action, StoreError> {
    let key = keys::profile(&before.user_id);
    let version = before.version.saturating_add(1);
    let update = if is_claimed {
        Action::update(key, "SET #version = :version, #emailClaimed = :claimed").value(":claimed", true)?
    } else {
        Action::update(key, "SET #version = :version REMOVE #emailClaimed")
    };
    unchanged(update.value(":version", version)?, before)
}

/// Asserts that a user has not withdrawn.
///
/// # Errors
/// Where the value cannot be written as an attribute.
pub fn check_not_withdrawn(user: &UserId) -> Result<Action, StoreError> {
    Action::check(keys::account(user))
        .when("attribute_exists(#pk) AND #status <> :withdrawn")
        .value(":withdrawn", UserStatus::Withdrawn)
}

fn unchanged(action: Action, before: &Profile) -> Result<Action, StoreError> {
    action.when("#version = :before").value(":before", before.version)
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
