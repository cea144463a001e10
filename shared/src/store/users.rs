//! Users: profile and account.

use super::{Action, keys};
use crate::domain::{
    UserId,
    account::Account,
    address::Missing,
    caps::{Caps, Held, Window},
    text::EmailKey,
    user::{EmailClaim, Profile, UserStatus},
};

pub fn create_profile(profile: &Profile) -> Action {
    Action::create(keys::profile(&profile.user_id), profile)
}

/// Adds a user's account.
pub fn create_account(user: &UserId, account: &Account) -> Action {
    Action::create(keys::account(user), account)
}

/// Replaces a profile that still has the version that was read.
pub fn replace_profile(before: &Profile, after: &Profile) -> Action {
    unchanged(Action::put(keys::profile(&after.user_id), after), before)
}

/// Changes the status of an account that still has the status that was read.
pub fn set_status(user: &UserId, before: UserStatus, after: UserStatus) -> Action {
    Action::update(keys::account(user), "SET #status = :after")
        .when("#status = :before")
        .value(":before", before)
        .value(":after", after)
}

/// Makes an address, or none, the one that orders are shipped to, beside another change of the account by SET.
pub fn and_address(action: Action, number: Option<u64>, missing: Missing) -> Action {
    let Some(number) = number else {
        return action.and_also("REMOVE #addressNumber, #noPostcode, #noLine1");
    };
    let action = action.and_also(", #addressNumber = :address").value(":address", number);
    let (set, remove): (Vec<_>, Vec<_>) =
        [("#noPostcode", missing.postcode), ("#noLine1", missing.line1)].into_iter().partition(|(_, is_set)| *is_set);
    let action = set.iter().fold(action, |action, (name, _)| action.and_also(&format!(", {name} = :yes")));
    let action = if set.is_empty() { action } else { action.value(":yes", true) };
    match remove.as_slice() {
        [] => action,
        names => {
            action.and_also(&format!("REMOVE {}", names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// The same change of an account by itself. The profile's version decides between two of them.
pub fn set_address(user: &UserId, number: Option<u64>, missing: Missing) -> Action {
    // The status is set to what it is, since the clause that follows only adds to others.
    let update = Action::update(keys::account(user), "SET #status = #status").when("attribute_exists(#pk)");
    and_address(update, number, missing)
}

/// Asserts also that orders are shipped to the address with this number, or to none.
pub fn asserting_address(action: Action, number: Option<u64>) -> Action {
    let condition = action.condition.clone().unwrap_or_default();
    match number {
        None => action.when(format!("attribute_not_exists(#addressNumber) AND {condition}")),
        Some(number) => action.when(format!("#addressNumber = :address AND {condition}")).value(":address", number),
    }
}

/// Withdraws the user of an account, with `after` as its ledger's head if money is given up; refused if the ledger went
/// on or an order was held since it was read, or the status is another.
pub fn withdraw(user: &UserId, before: &Account, after: Option<&Account>) -> Action {
    let action = match after {
        Some(after) => set_balance(user, after).and_also(", #status = :withdrawn"),
        None => Action::update(keys::account(user), "SET #status = :withdrawn"),
    };
    let holds = match before.holds_placed {
        0 => "attribute_not_exists(#holdsPlaced)",
        _ => "#holdsPlaced = :holds",
    };
    let action = action
        .when(format!("#sequence = :seen AND #status = :before AND {holds}"))
        .value(":seen", before.sequence)
        .value(":before", before.status)
        .value(":withdrawn", UserStatus::Withdrawn);
    if before.holds_placed == 0 { action } else { action.value(":holds", before.holds_placed) }
}

/// Takes the address off the account of a withdrawn user.
pub fn forget_address(user: &UserId) -> Action {
    Action::update(keys::account(user), "REMOVE #addressNumber, #noPostcode, #noLine1")
        .when("#status = :withdrawn")
        .value(":withdrawn", UserStatus::Withdrawn)
}

/// Claims an e-mail address for a user; refused while another user has it. Idempotent.
pub fn claim_email(address: &EmailKey, user: &UserId) -> Action {
    let claim = EmailClaim { user_id: user.clone() };
    Action::put(keys::email(address), &claim).when("attribute_not_exists(#pk) OR #userId = :user").value(":user", user)
}

/// Releases a user's e-mail address; refused if another user has it. Idempotent.
pub fn release_email(address: &EmailKey, user: &UserId) -> Action {
    Action::delete(keys::email(address)).when("attribute_not_exists(#pk) OR #userId = :user").value(":user", user)
}

/// Moves the claim of an e-mail address from one user to another; refused if the first does not have it.
pub fn move_email(address: &EmailKey, from: &UserId, to: &UserId) -> Action {
    let claim = EmailClaim { user_id: to.clone() };
    Action::put(keys::email(address), &claim).when("#userId = :from").value(":from", from)
}

/// Records whether a profile's e-mail address is claimed, if the profile still has the version that was read.
pub fn set_email_claimed(before: &Profile, is_claimed: bool) -> Action {
    let key = keys::profile(&before.user_id);
    let version = before.version.saturating_add(1);
    let update = if is_claimed {
        Action::update(key, "SET #version = :version, #emailClaimed = :claimed").value(":claimed", true)
    } else {
        Action::update(key, "SET #version = :version REMOVE #emailClaimed")
    };
    unchanged(update.value(":version", version), before)
}

pub fn check_active(user: &UserId) -> Action {
    check_status(user, UserStatus::Active)
}

/// Asserts that a user is active, or has no record.
pub fn check_active_or_absent(user: &UserId) -> Action {
    Action::check(keys::account(user))
        .when("attribute_not_exists(#pk) OR #status = :active")
        .value(":active", UserStatus::Active)
}

pub fn check_status(user: &UserId, status: UserStatus) -> Action {
    Action::check(keys::account(user)).when("#status = :status").value(":status", status)
}

pub fn check_not_withdrawn(user: &UserId) -> Action {
    Action::check(keys::account(user))
        .when("attribute_exists(#pk) AND #status <> :withdrawn")
        .value(":withdrawn", UserStatus::Withdrawn)
}

fn unchanged(action: Action, before: &Profile) -> Action {
    action.when("#version = :before").value(":before", before.version)
}

/// Changes the balance of an account; refused if the ledger went on since it was read, or the user is not active.
pub fn move_balance(user: &UserId, seen: &Account, now: &Account) -> Action {
    if_unchanged(set_balance(user, now), seen, "")
}

/// Corrects the balance of an account; refused if the ledger went on since it was read, or the user has withdrawn.
pub fn adjust_balance(user: &UserId, before: &Account, after: &Account) -> Action {
    set_balance(user, after)
        .when("#sequence = :seen AND #status <> :withdrawn")
        .value(":seen", before.sequence)
        .value(":withdrawn", UserStatus::Withdrawn)
}

/// Refunds money to an account; refused if the ledger went on since it was read. The user need not be active.
pub fn refund_balance(user: &UserId, seen: &Account, now: &Account) -> Action {
    set_balance(user, now).when("#sequence = :seen").value(":seen", seen.sequence)
}

fn set_balance(user: &UserId, now: &Account) -> Action {
    Action::update(keys::account(user), "SET #balance = :balance, #sequence = :sequence, #head = :head")
        .value(":balance", now.balance)
        .value(":sequence", now.sequence)
        .value(":head", now.head)
}

/// Adds the hold of a new order to the counts; refused if the user is not active or, with `caps`, would exceed them.
pub fn hold(user: &UserId, held: Held, caps: Option<&Caps>) -> Action {
    let action = Action::update(keys::account(user), ADD_HELD)
        .value(":orders", held.orders)
        .value(":units", held.units)
        .value(":active", UserStatus::Active);
    let Some(caps) = caps else {
        return action.when("#status = :active");
    };
    action
        .when(
            "#status = :active AND (attribute_not_exists(#heldOrders) \
             OR (#heldOrders <= :ordersBefore AND #heldUnits <= :unitsBefore))",
        )
        .value(":ordersBefore", caps.pending_orders.saturating_sub(held.orders))
        .value(":unitsBefore", caps.held_units.saturating_sub(held.units))
}

/// [`hold`] together with a change of the balance; refused also if the ledger went on since the account was read.
pub fn hold_and_pay(user: &UserId, before: &Account, after: &Account, held: Held, caps: Option<&Caps>) -> Action {
    let held_back = hold(user, held, caps);
    let condition = held_back.condition.clone().unwrap_or_default();
    held_back
        .preceded_by(set_balance(user, after))
        .when(format!("#sequence = :seen AND {condition}"))
        .value(":seen", before.sequence)
}

/// Counts the hold of an order among those that wait for a deposit; refused if the user would exceed the caps.
pub fn await_deposit(user: &UserId, held: Held, caps: &Caps) -> Action {
    let action = Action::update(keys::account(user), ADD_DEPOSIT)
        .value(":depositOrders", held.orders)
        .value(":depositUnits", held.units);
    action
        .when(
            "attribute_exists(#pk) AND (attribute_not_exists(#depositOrders) \
             OR (#depositOrders <= :ordersBefore AND #depositUnits <= :unitsBefore))",
        )
        .value(":ordersBefore", caps.deposit_orders.saturating_sub(held.orders))
        .value(":unitsBefore", caps.deposit_units.saturating_sub(held.units))
}

/// Subtracts the hold of an order, and what it counts among deposits, from the counts. The only condition is that the account exists: nothing may prevent
/// the end of a hold.
pub fn release(user: &UserId, held: Held, deposit: Option<Held>) -> Action {
    let action = Action::update(keys::account(user), "ADD").when("attribute_exists(#pk)");
    less_held(action, held, deposit)
}

/// Adds [`release`] to a change of the balance.
pub fn also_release(action: Action, held: Held, deposit: Option<Held>) -> Action {
    less_held(action.and_also("ADD"), held, deposit)
}

const ADD_HELD: &str = "ADD #heldOrders :orders, #heldUnits :units, #holdsPlaced :orders";
const ADD_DEPOSIT: &str = "ADD #depositOrders :depositOrders, #depositUnits :depositUnits";

/// Completes an update that ends with the verb `ADD`.
fn less_held(action: Action, held: Held, deposit: Option<Held>) -> Action {
    let less = |number: i64| number.saturating_neg();
    let action = match deposit {
        None => action.and_also("#heldOrders :orders, #heldUnits :units"),
        Some(deposit) => action
            .and_also(
                "#heldOrders :orders, #heldUnits :units, #depositOrders :depositOrders, #depositUnits :depositUnits",
            )
            .value(":depositOrders", less(deposit.orders))
            .value(":depositUnits", less(deposit.units)),
    };
    action.value(":orders", less(held.orders)).value(":units", less(held.units))
}

/// Counts an order refused for an insufficient balance; refused if the ledger went on since the account was read, the
/// user is not active or, with `caps`, the cap is reached.
pub fn count_failed(user: &UserId, seen: &Account, hour: Window, caps: Option<&Caps>) -> Action {
    let account = keys::account(user);
    let is_first = seen.failed_hour != hour.number;
    let (update, then, max) = match caps {
        _ if is_first => ("SET #failedHour = :hour, #failedPayments = :one", NOT_THIS_HOUR, None),
        None => ("SET #failedPayments = #failedPayments + :one", " AND #failedHour = :hour", None),
        Some(caps) => (
            "SET #failedPayments = #failedPayments + :one",
            " AND #failedHour = :hour AND #failedPayments < :max",
            Some(caps.failed_payments),
        ),
    };
    let action = Action::update(account, update).value(":hour", hour.number).value(":one", 1);
    let action = if_unchanged(action, seen, then);
    match max {
        Some(max) => action.value(":max", max),
        None => action,
    }
}

const NOT_THIS_HOUR: &str = " AND (attribute_not_exists(#failedHour) OR #failedHour <> :hour)";

fn if_unchanged(action: Action, seen: &Account, then: &str) -> Action {
    action
        .when(format!("#sequence = :seen AND #status = :active{then}"))
        .value(":seen", seen.sequence)
        .value(":active", UserStatus::Active)
}
