//! Notices to the shop, and the times at which they are sent.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::json;

use crate::{
    faults::NoticeFault,
    payment::{Payment, Status},
    text,
};

/// The most notices that wait. The first to be sent is dropped for one more: a notice is only a hint.
const MAX_WAITING: usize = 10_000;

/// The waits before repetitions, seven as at the provider. There they are minutes.
const REPEAT_AFTER: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
    Duration::from_secs(64),
    Duration::from_secs(256),
    Duration::from_secs(1_024),
    Duration::from_secs(4_096),
];

/// A notice as it is posted to the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same for all sendings of it: the header `tosspayments-webhook-transmission-id`.
    pub id: String,
    /// The number of sendings before this one: the header `tosspayments-webhook-transmission-retried-count`.
    pub retried: usize,
    /// The shop's id of the payment.
    pub order_id: String,
    pub body: String,
}

#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// By the time of sending, and then in the order of their creation.
    waiting: BTreeMap<(Timestamp, u64), Notice>,
    /// The number of notices so far.
    count: u64,
}

impl Notices {
    /// Makes the notices of a change that a payment went through at this time.
    pub(crate) fn tell(&mut self, payment: &Payment, fault: Option<NoticeFault>, now: Timestamp) {
        let at = match fault {
            Some(NoticeFault::Lose) => return,
            Some(NoticeFault::Late(time)) => now.saturating_add(time).unwrap_or(now),
            Some(NoticeFault::Twice) | None => now,
        };
        for body in bodies(payment, now) {
            self.count += 1;
            let id = text::token(&["notice", &self.count.to_string()]);
            let notice = Notice { id, retried: 0, order_id: payment.order_id.clone(), body };
            if fault == Some(NoticeFault::Twice) {
                self.wait(at, notice.clone());
            }
            self.wait(at, notice);
        }
    }

    pub(crate) fn next_sending(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    /// Takes the notices that are to be sent by now.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<Notice> {
        let later = self.waiting.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }

    /// Sends a notice once more after a while, if it was not sent too often.
    pub(crate) fn repeat(&mut self, notice: Notice, now: Timestamp) {
        if let Some(after) = REPEAT_AFTER.get(notice.retried) {
            let at = now.saturating_add(*after).unwrap_or(now);
            self.wait(at, Notice { retried: notice.retried + 1, ..notice });
        }
    }

    fn wait(&mut self, at: Timestamp, notice: Notice) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_first();
        }
        self.count += 1;
        self.waiting.insert((at, self.count), notice);
    }
}

fn bodies(payment: &Payment, now: Timestamp) -> Vec<String> {
    let created_at = text::local(now);
    let changed =
        json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": created_at, "data": payment.shown() }).to_string();
    let deposit = payment.account.as_ref().filter(|_| matches!(payment.status, Status::Done | Status::Canceled));
    let deposit = deposit.map(|account| {
        let callback = json!({
            "createdAt": created_at, "secret": account.secret, "orderId": payment.order_id,
            "status": payment.status.name(), "transactionKey": payment.transaction,
        });
        callback.to_string()
    });
    [Some(changed), deposit].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice { id: "n".to_owned(), retried: 0, order_id: "p1".to_owned(), body: "{}".to_owned() }
    }

    #[test]
    fn a_notice_is_repeated_seven_times() {
        let (mut notices, mut now) = (Notices::default(), Timestamp::UNIX_EPOCH);
        notices.repeat(notice(), now);
        for (number, after) in REPEAT_AFTER.iter().enumerate() {
            now += *after;
            assert_eq!(notices.take(now - Duration::from_millis(1)), []);
            let [sent] = notices.take(now).try_into().unwrap();
            assert_eq!(sent.retried, number + 1);
            notices.repeat(sent, now);
        }
        assert_eq!(notices.take(Timestamp::MAX), []);
    }

    #[test]
    fn the_notices_that_wait_are_bounded() {
        let mut notices = Notices::default();
        for _ in 0..=MAX_WAITING {
            notices.wait(Timestamp::UNIX_EPOCH, notice());
        }
        assert_eq!(notices.take(Timestamp::UNIX_EPOCH).len(), MAX_WAITING);
    }
}
