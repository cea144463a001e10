//! Caps: the most that a user may have pending, or ask for in a time.

/// The caps of a shop for each user. Admins acting for a user are exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Pending orders at once. Exact.
    pub pending_orders: i64,
    /// Units held by these. Exact.
    pub held_units: i64,
    /// Of the pending orders, those that wait for a deposit. Exact.
    pub deposit_orders: i64,
    /// Units held by these. Exact.
    pub deposit_units: i64,
    /// Orders refused for an insufficient balance, kept as PAYMENT_FAILED, in an hour of the clock.
    pub failed_payments: i64,
    /// Charges in a minute of the clock, as one instance of a function counts them.
    pub charges: i64,
    /// Coupons issued, likewise.
    pub coupon_issues: i64,
    /// Order sheets, likewise.
    pub order_sheets: i64,
}

impl Caps {
    /// The caps without a configuration.
    pub const DEFAULT: Self = Self {
        pending_orders: 20,
        held_units: 200,
        deposit_orders: 3,
        deposit_units: 20,
        failed_payments: 30,
        charges: 300,
        coupon_issues: 300,
        order_sheets: 300,
    };
}

/// The part of a user's caps that pending orders use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub orders: i64,
    /// The units of these orders.
    pub units: i64,
}

impl Held {
    pub const NOTHING: Self = Self { orders: 0, units: 0 };
}

/// An hour or minute of the clock within which something is counted, and the seconds left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its number since 1970.
    pub number: i64,
    /// Seconds until the next begins, from 1.
    pub left_s: i64,
}

impl Window {
    pub fn hour(at: jiff::Timestamp) -> Self {
        Self::of(at, 3_600)
    }

    pub fn minute(at: jiff::Timestamp) -> Self {
        Self::of(at, 60)
    }

    fn of(at: jiff::Timestamp, length_s: i64) -> Self {
        let second = at.as_second();
        Self { number: second.div_euclid(length_s), left_s: length_s - second.rem_euclid(length_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_of_the_clock() {
        let at = |text: &str| text.parse().unwrap();
        let hour = Window::hour(at("1970-01-01T02:59:59.999Z"));
        assert_eq!(hour, Window { number: 2, left_s: 1 });
        assert_eq!(Window::hour(at("1970-01-01T03:00:00Z")), Window { number: 3, left_s: 3_600 });
        assert_eq!(Window::minute(at("1970-01-01T00:01:30Z")), Window { number: 1, left_s: 30 });
        assert_eq!(Window::minute(at("1969-12-31T23:59:59Z")), Window { number: -1, left_s: 1 });
    }
}
