//! Tickets of campaigns.

use serde::de::IgnoredAny;
use shared::{
    domain::{CouponId, UserId, tickets::own_shard},
    store::coupons,
};

use crate::TestShop;

/// The users `u0`, `u1` … whose own counter is this one of so many.
pub fn users_of(counter: u16, counters: u16) -> impl Iterator<Item = String> {
    let is_own = move |user: &String| own_shard(&UserId::try_from(user.clone()).unwrap(), counters) == counter;
    (0..).map(|number| format!("u{number}")).filter(is_own)
}

/// Allocates tickets of a counter, as far as it has so many, as functions that die before they claim them.
pub async fn orphan_tickets(shop: &TestShop, coupon: &str, counter: u16, count: usize) {
    let coupon = CouponId::try_from(coupon.to_owned()).unwrap();
    for _ in 0..count {
        let allocation = coupons::allocate_ticket(&coupon, counter, shop.now());
        let _ = shop.instance().table.apply::<IgnoredAny>(&allocation, &mut shop.instance().backoff()).await.unwrap();
    }
}
