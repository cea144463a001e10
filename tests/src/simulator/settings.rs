//! The bounds and rules of a run's shop: production's, or some of them chosen so small that a run reaches them.
//!
//! None is so small that correct code could not work. An order's own actions fit a transaction, and the system's
//! entries of a history have room.

use std::time::Duration;

use functions::stream::relay_events;
use jiff::SignedDuration;
use shared::{
    app::{Bounds, CONFIRM_AFTER, PaymentPath, PaymentPolicy, PeoplePolicy, Policy, RETURN_FEE, rebuild::Pace},
    domain::{
        Won,
        benefits::OnPartialCancel,
        caps::Caps,
        order::{ClaimPolicy, HistoryBounds},
        pricing::ShippingPolicy,
        scaling::{ScalingPace, ScalingPolicy},
    },
    store::{RetryBounds, TableBounds},
};

use super::{plan::pick, shape::Shape};
use crate::{limits::Chance, shop::policy};

/// The bounds and rules that a seed may make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSettings {
    /// The bounds of the shop's code.
    pub bounds: Bounds,
    /// The bounds of the relay's calls.
    pub relay: relay_events::Bounds,
    /// The amount of work of a rebuild at a time.
    pub pace: Pace,
    /// The rules of the shop itself.
    pub policy: Policy,
    /// The most attempts of the SDK for a call.
    pub sdk_attempts: u32,
    /// The most records of the stream, or messages of a queue, in a batch.
    pub batch: usize,
}

/// Small steps, with a wait that is longer than reads lag. Changes count as lost at once.
const PACE: Pace = Pace {
    settle: SignedDuration::from_secs(2),
    under_way: SignedDuration::ZERO,
    segments: 2,
    buckets: 2,
    rows: 4,
    pages: 3,
    products: 2,
    parts: 1,
};

impl RunSettings {
    /// The values of production, but for the rebuild's pace.
    pub fn production() -> Self {
        Self {
            bounds: Bounds::PRODUCTION,
            relay: relay_events::Bounds::PRODUCTION,
            pace: PACE,
            policy: policy(),
            sdk_attempts: 3,
            batch: 100,
        }
    }

    /// The settings of a shop whose products and campaigns grow whenever requests meet, to so many shards or counters.
    pub(super) fn growing_to(mut self, most: u16) -> Self {
        self.bounds = quick(self.bounds);
        self.policy.scaling.most_shards = most;
        self
    }

    /// Half of the runs have production's values; in the others about a third of the values are small.
    pub(super) fn generate(chance: &mut Chance, shape: &Shape) -> Self {
        let production = Self::production();
        if chance.below(2) == 0 {
            return production;
        }
        let actions = own_actions(shape);
        let scaling = if chance.below(2) == 0 { quick(Bounds::PRODUCTION) } else { Bounds::PRODUCTION };
        Self {
            bounds: Bounds {
                table: TableBounds {
                    batch_keys: small(chance, &[2, 3, 7, 20], 100),
                    batches_at_once: small(chance, &[1, 2], 8),
                    actions: small(chance, &[actions, actions + 2], 100),
                    retry: RetryBounds {
                        budget: small(
                            chance,
                            &[Duration::from_secs(2), Duration::from_secs(4)],
                            Duration::from_secs(7),
                        ),
                        waits: small(chance, &[6, 20], 200),
                        ..RetryBounds::PRODUCTION
                    },
                },
                cached_entries: small(chance, &[1, 2, 3], 1_000),
                product_age: small(chance, &seconds([1, 2]), Bounds::PRODUCTION.product_age),
                hot_after: scaling.hot_after,
                heat_window: scaling.heat_window,
                hot_look: scaling.hot_look,
                scaling_pace: scaling.scaling_pace,
                tickets_a_counter: scaling.tickets_a_counter,
                least_tickets: scaling.least_tickets,
                scaling_budget: Bounds::PRODUCTION.scaling_budget,
                moves_at_once: small(chance, &[1, 2], Bounds::PRODUCTION.moves_at_once),
                account_age: small(chance, &seconds([0, 5]), Bounds::PRODUCTION.account_age),
                campaign_age: small(chance, &seconds([1]), Bounds::PRODUCTION.campaign_age),
                drop_age: small(chance, &seconds([0]), Bounds::PRODUCTION.drop_age),
                sold_out_age: small(chance, &seconds([0]), Bounds::PRODUCTION.sold_out_age),
                quota_part_units: small(chance, &[1, 2], Bounds::PRODUCTION.quota_part_units),
                claims_rest: small(chance, &seconds([0]), Bounds::PRODUCTION.claims_rest),
                bestsellers_age: small(chance, &seconds([0]), Bounds::PRODUCTION.bestsellers_age),
                recent_age: small(chance, &seconds([0]), Bounds::PRODUCTION.recent_age),
                desk_heartbeat_age: Bounds::PRODUCTION.desk_heartbeat_age,
                desk_rows_at_once: Bounds::PRODUCTION.desk_rows_at_once,
                cached_parts: small(chance, &[1, 2], Bounds::PRODUCTION.cached_parts),
                first_rank_page: small(chance, &[1, 2], Bounds::PRODUCTION.first_rank_page),
                next_rank_page: small(chance, &[1, 3], Bounds::PRODUCTION.next_rank_page),
                rank_rounds: Bounds::PRODUCTION.rank_rounds,
                counts_at_once: small(chance, &[1, 2], Bounds::PRODUCTION.counts_at_once),
                count_first_wait_ms: Bounds::PRODUCTION.count_first_wait_ms,
                ranks_noted: small(chance, &[1, 2], Bounds::PRODUCTION.ranks_noted),
                cart_items: small(chance, &[1, 2], Bounds::PRODUCTION.cart_items),
                list_shards: small(chance, &[1, 2, 4], Bounds::PRODUCTION.list_shards),
                history: history(small(chance, &[16, 40], HistoryBounds::PRODUCTION.customer)),
                coupon_page: small(chance, &[1, 2], Bounds::PRODUCTION.coupon_page),
                coupon_pages: small(chance, &[1, 2], Bounds::PRODUCTION.coupon_pages),
                payments_listed: small(chance, &[1, 2], Bounds::PRODUCTION.payments_listed),
                seller_page: small(chance, &[1, 2], Bounds::PRODUCTION.seller_page),
                seller_products_at_once: small(chance, &[1, 2], Bounds::PRODUCTION.seller_products_at_once),
                seller_budget: small(chance, &[Duration::ZERO], Bounds::PRODUCTION.seller_budget),
                export_page: small(chance, &[1, 2], Bounds::PRODUCTION.export_page),
                export_scan: small(chance, &[1, 5], Bounds::PRODUCTION.export_scan),
                export_pages: small(chance, &[1, 2], Bounds::PRODUCTION.export_pages),
                export_part_bytes: small(chance, &[1], Bounds::PRODUCTION.export_part_bytes),
                export_parts: Bounds::PRODUCTION.export_parts,
                expired_page: small(chance, &[1, 2], Bounds::PRODUCTION.expired_page),
                sweep_part: small(chance, &[1, 2, 3], Bounds::PRODUCTION.sweep_part),
                sweeps_at_once: small(chance, &[1, 2], Bounds::PRODUCTION.sweeps_at_once),
                sweep_shards_at_once: small(chance, &[1, 2], Bounds::PRODUCTION.sweep_shards_at_once),
                holds_joined: small(chance, &[1, 2], Bounds::PRODUCTION.holds_joined),
                sweep_budget: Bounds::PRODUCTION.sweep_budget,
                claim_grace: small(chance, &seconds([1, 10]), Bounds::PRODUCTION.claim_grace),
            },
            relay: relay_events::Bounds {
                entries: small(chance, &[1, 2], production.relay.entries),
                bytes: small(chance, &[500], production.relay.bytes),
                ..production.relay
            },
            pace: Pace {
                segments: small(chance, &[1, 3], PACE.segments),
                buckets: small(chance, &[1, 5], PACE.buckets),
                rows: small(chance, &[1, 2], PACE.rows),
                pages: small(chance, &[1], PACE.pages),
                products: small(chance, &[1], PACE.products),
                parts: small(chance, &[2, 10], PACE.parts),
                ..PACE
            },
            policy: Policy {
                self_charge: true,
                return_fee: Won::new(small(chance, &[0, 12_000], RETURN_FEE.get())),
                confirm_after: small(chance, &seconds([900, 3_600, 86_400]), CONFIRM_AFTER),
                claims: ClaimPolicy {
                    change_of_mind: small(chance, &seconds([600, 1_800]), ClaimPolicy::DEFAULT.change_of_mind),
                    defect: small(chance, &seconds([1_200, 86_400]), ClaimPolicy::DEFAULT.defect),
                    ..ClaimPolicy::DEFAULT
                },
                on_partial_cancel: OnPartialCancel::Keep,
                payments: PaymentPolicy {
                    path: [PaymentPath::Both, PaymentPath::Both, PaymentPath::Session, PaymentPath::Bus]
                        [pick(chance, 4)],
                    session: small(chance, &seconds([60, 300]), production.policy.payments.session),
                    refund_patience: small(chance, &seconds([60, 3_600]), production.policy.payments.refund_patience),
                },
                people: PeoplePolicy {
                    require_address: small(chance, &[true], false),
                    erase_after: small(chance, &seconds([0, 900]), production.policy.people.erase_after),
                    ..production.policy.people
                },
                exports: production.policy.exports,
                scaling: ScalingPolicy { most_shards: shape.most_shards, ..production.policy.scaling },
                shipping: ShippingPolicy {
                    fee: Won::new(small(chance, &[0, 2_501], 3_000)),
                    free_from: Won::new(small(chance, &[0, 9_999], 30_000)),
                },
                hold: small(chance, &seconds([300]), production.policy.hold),
                sheet_validity: small(chance, &seconds([400]), production.policy.sheet_validity),
                caps: Caps {
                    pending_orders: small(chance, &[1, 2], Caps::DEFAULT.pending_orders),
                    held_units: small(chance, &[2, 5], Caps::DEFAULT.held_units),
                    ..Caps::DEFAULT
                },
            },
            sdk_attempts: small(chance, &[1, 2], production.sdk_attempts),
            batch: small(chance, &[1, 2], production.batch),
        }
    }
}

/// A pace at which a product grows whenever its sales meet others, and loses shards while it sells. Sales seldom meet in a
/// run, so that production's pace shows hardly a step in a hundred runs.
const QUICK_PACE: ScalingPace = ScalingPace {
    step: SignedDuration::from_millis(20),
    mark: SignedDuration::from_secs(1),
    cooling: SignedDuration::from_secs(3),
};

/// The bounds with this pace. Allocations seldom meet in a run, too.
fn quick(bounds: Bounds) -> Bounds {
    Bounds {
        hot_after: 1,
        hot_look: SignedDuration::ZERO,
        scaling_pace: QUICK_PACE,
        tickets_a_counter: 2,
        least_tickets: 1,
        ..bounds
    }
}

/// The least number of actions that a commit needs. It is an order of the longest basket with a reservation, a
/// purchase limit and a quota for each line, or a product with the most shards.
fn own_actions(shape: &Shape) -> usize {
    (11 + 4 * shape.most_lines).max(4 + usize::from(shape.most_shards))
}

fn history(customer: usize) -> HistoryBounds {
    if customer == HistoryBounds::PRODUCTION.customer {
        return HistoryBounds::PRODUCTION;
    }
    HistoryBounds { customer, shop: 2 * customer, system: 2 * customer + 40 }
}

fn seconds<const N: usize>(seconds: [i64; N]) -> [SignedDuration; N] {
    seconds.map(SignedDuration::from_secs)
}

/// One of the small values, in a third of the cases.
fn small<T: Copy>(chance: &mut Chance, small: &[T], usual: T) -> T {
    let (is_small, place) = (chance.below(3) == 0, pick(chance, small.len()));
    if is_small { small[place] } else { usual }
}
