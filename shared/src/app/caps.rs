//! Caps: the callers that they apply to, and the counts in memory.

use jiff::Timestamp;

use super::{Caller, Failure, Shop, readable};
use crate::{
    domain::{
        OrderId, Refusal, UserId,
        account::Account,
        caps::{Held, Window},
    },
    store::{Backoff, Consistency, Key, keys, orders::OrderRecord, rows, table::Range},
};

/// An action that a user may take a number of times a minute, counted by each instance of a function for itself. An
/// instance that a user calls again and again counts exactly; several at once let through as many times more. Nothing
/// is written for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Paced {
    Charge,
    CouponIssue,
    OrderSheet,
}

/// The longest wait that a refusal names, in seconds.
const LONGEST_WAIT_S: i64 = 60;

impl Caller {
    /// Whether an action of this caller for `user` counts against the user's caps: those of admins for others do not.
    pub(super) fn is_capped(&self, user: &UserId) -> bool {
        self.user_id == *user || !self.may_act_for(user)
    }
}

impl Shop {
    fn pace(&self, what: Paced) -> (&'static str, i64) {
        let caps = &self.policy.caps;
        match what {
            Paced::Charge => ("charges", caps.charges),
            Paced::CouponIssue => ("couponIssues", caps.coupon_issues),
            Paced::OrderSheet => ("orderSheets", caps.order_sheets),
        }
    }

    /// Refuses a user who has done this too often in this minute.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`].
    pub(super) fn check_pace(&self, what: Paced, caller: &Caller, user: &UserId) -> Result<(), Refusal> {
        let (limit, max) = self.pace(what);
        let minute = Window::minute(self.clock.now());
        if caller.is_capped(user) && self.counted(what, user, minute.number) >= max {
            return Err(too_many(limit, max, minute.left_s));
        }
        Ok(())
    }

    /// Counts an action.
    pub(super) fn count_pace(&self, what: Paced, user: &UserId) {
        let minute = Window::minute(self.clock.now()).number;
        self.count(what, user, minute, self.counted(what, user, minute).saturating_add(1));
    }
}

/// The refusal with a wait of this many seconds, as far as is known.
pub(super) fn too_many(limit: &'static str, max: i64, wait_s: i64) -> Refusal {
    Refusal::TooManyRequests { limit, max, retry_after_s: wait_s.clamp(1, LONGEST_WAIT_S) }
}

/// Refuses an order that would hold more than the user may, by an account as it is.
///
/// # Errors
/// [`Refusal::LimitExceeded`] if the order alone exceeds the cap, [`Refusal::TooManyRequests`] if it does so with other
/// orders.
pub(super) async fn refuse_hold(
    shop: &Shop,
    user: &UserId,
    account: &Account,
    more: Held,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    let caps = &shop.policy.caps;
    if more.units > caps.held_units {
        return Err(Refusal::LimitExceeded { limit: "heldUnits", max: caps.held_units }.into());
    }
    if account.can_hold(more, caps) {
        return Ok(());
    }
    let is_full = account.held_orders >= caps.pending_orders;
    let (limit, max) = if is_full { ("pendingOrders", caps.pending_orders) } else { ("heldUnits", caps.held_units) };
    let wait = match earliest_end(shop, user, backoff).await? {
        Some(end) => end.duration_since(shop.clock.now()).as_secs().saturating_add(1),
        None => LONGEST_WAIT_S,
    };
    Err(too_many(limit, max, wait).into())
}

/// The end of the first of a user's holds, among as many of the newest orders as may be pending. The read is eventual:
/// it is advice.
async fn earliest_end(shop: &Shop, user: &UserId, backoff: &mut Backoff) -> Result<Option<Timestamp>, Failure> {
    let most = usize::try_from(shop.policy.caps.pending_orders).unwrap_or(1).clamp(1, shop.bounds.table.batch_keys);
    let newest = shop.table.query::<rows::ByTime>(Range::by_time(keys::orders_of(user)).newest_first(), most).await?;
    let ids = newest.records.iter().filter_map(rows::ByTime::id::<OrderId>);
    let wanted: Vec<Key> = ids.map(|id| keys::order(&id)).collect();
    let found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
    let mut earliest = None;
    for key in &wanted {
        let order = readable(key, found.get::<OrderRecord>(key).map_err(Failure::from))?.flatten();
        let end = order.and_then(|record| record.order.hold_expires_at);
        earliest = [earliest, end].into_iter().flatten().min();
    }
    Ok(earliest)
}
