//! The policy of issuing coupons alone, at a size that real handlers on a laptop do not reach: a queue of events over
//! the same buckets, latencies and waits.
//!
//! A customer's request checks the user (one read) and allocates a ticket from the counter of the user's id. It claims
//! the ticket in a transaction on items that no other request touches. A request that finds its counter empty looks at
//! all counters, and takes a ticket from one that has some. Which one is production's choice ([`RemainingTickets`]).
//!
//! An instance of the function trusts its last look for a second. If all late requests looked, their refusals would be
//! bound to the 3,000 reads a second of each counter. An instance serves one request at a time; a request that finds
//! none free waits outside.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use shared::{
    domain::{spread::spread, tickets::RemainingTickets},
    store::RetryBounds,
};

use super::{Bucket, Chance, Limits};

/// The time for which an instance trusts its last look at the counters.
const LOOK_FRESH: Duration = Duration::from_secs(1);

/// A sale of coupons.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    /// The number of customers. Each wants one coupon, all at the beginning.
    pub customers: u32,
    /// The number of coupons.
    pub coupons: u32,
    /// The number of counters.
    pub counters: u16,
    /// The number of requests that are served at a time.
    pub instances: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The number of users with a coupon.
    pub issued: u32,
    /// The number of refusals because no coupon is left.
    pub too_late: u32,
    /// The number of answers that asked to try again.
    pub busy: u32,
    /// Writes, and looks at the counters, that a partition throttled.
    pub throttled: u64,
    pub write_units: f64,
    /// The time of the last coupon.
    pub sold_out: Duration,
    /// The time of the last answer.
    pub over: Duration,
    /// The durations of the requests that got a coupon, sorted.
    pub latencies: Vec<Duration>,
    /// The number of processed events.
    pub events: u64,
}

impl Issued {
    pub fn per_second(&self) -> f64 {
        f64::from(self.issued) / self.sold_out.as_secs_f64().max(0.001)
    }

    /// The duration that this percentage of the requests with a coupon did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// The next step of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Allocate a ticket.
    Allocate,
    /// Claim it and issue the coupon.
    Claim,
    /// Be answered: with a coupon or without.
    Done { issued: bool },
    /// Come back after a 503.
    Return,
}

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    customer: u32,
    instance: u32,
    began: Duration,
    attempt: u32,
    /// Whether the request has found a counter empty, and not looked at all of them since.
    must_look: bool,
}

struct World {
    sale: Sale,
    limits: Limits,
    chance: Chance,
    partitions: Vec<Bucket>,
    left: Vec<i64>,
    /// The read capacity of the counters' partitions.
    reads: Vec<Bucket>,
    /// For each instance, the tickets left at its last look and since, and the end of its trust in that.
    looked: Vec<Option<(Duration, RemainingTickets)>>,
    queue: BinaryHeap<Reverse<(Duration, u64, Step, Request)>>,
    outside: VecDeque<u32>,
    result: Issued,
}

pub fn simulate(sale: Sale, limits: Limits) -> Issued {
    let bucket = Bucket::new(limits.write_units, limits.burst_seconds);
    let mut world = World {
        sale,
        limits,
        chance: Chance::new(limits.seed),
        partitions: vec![bucket; usize::from(limits.partitions)],
        left: spread(i64::from(sale.coupons), sale.counters),
        reads: vec![Bucket::new(limits.read_units, limits.burst_seconds); usize::from(sale.counters)],
        looked: vec![None; usize::try_from(sale.instances).unwrap()],
        queue: BinaryHeap::new(),
        outside: (0..sale.customers).collect(),
        result: Issued {
            issued: 0,
            too_late: 0,
            busy: 0,
            throttled: 0,
            write_units: 0.0,
            sold_out: Duration::ZERO,
            over: Duration::ZERO,
            latencies: Vec::new(),
            events: 0,
        },
    };
    for instance in 0..sale.instances {
        world.admit(instance, Duration::ZERO);
    }
    while let Some(Reverse((now, _, step, request))) = world.queue.pop() {
        world.result.events += 1;
        world.work(now, step, request);
    }
    world.result.latencies.sort_unstable();
    world.result
}

impl World {
    fn after(&mut self, at: Duration, step: Step, request: Request) {
        self.queue.push(Reverse((at, self.chance.bits(), step, request)));
    }

    /// Admits the next request that waits outside, and checks its user.
    fn admit(&mut self, instance: u32, now: Duration) {
        if let Some(customer) = self.outside.pop_front() {
            let read = self.chance.latency();
            self.after(
                now + read,
                Step::Allocate,
                Request { customer, instance, began: now, attempt: 0, must_look: false },
            );
        }
    }

    fn work(&mut self, now: Duration, step: Step, mut request: Request) {
        match step {
            Step::Allocate => self.allocate(now, request),
            Step::Claim => {
                // A claim record and a user's coupon: each in any partition, at two units.
                let places = [self.anywhere(), self.anywhere()];
                if !self.carried(&places, 2.0, now) {
                    return self.pause(now, Step::Claim, request);
                }
                let way = self.chance.latency() + self.limits.lock;
                self.after(now + way, Step::Done { issued: true }, request);
            }
            Step::Done { issued } => {
                if issued {
                    self.result.issued += 1;
                    self.result.sold_out = now;
                    self.result.latencies.push(now - request.began);
                } else {
                    self.result.too_late += 1;
                }
                self.result.over = now;
                self.admit(request.instance, now);
            }
            Step::Return => {
                request = Request { began: now, attempt: 0, must_look: false, ..request };
                let read = self.chance.latency();
                self.after(now + read, Step::Allocate, request);
            }
        }
    }

    /// Allocates from the user's own counter, or from one that had tickets at the last look. A request that finds it
    /// empty looks at all.
    fn allocate(&mut self, now: Duration, request: Request) {
        let instance = usize::try_from(request.instance).unwrap();
        if request.must_look {
            if !self.reads.iter_mut().all(|counter| counter.has(1.0, now)) {
                self.result.throttled += 1;
                return self.pause(now, Step::Allocate, request);
            }
            self.reads.iter_mut().for_each(|counter| counter.take(1.0));
            self.looked[instance] = Some((now + LOOK_FRESH, RemainingTickets::new(self.left.clone())));
            let way = self.chance.latency();
            return self.after(now + way, Step::Allocate, Request { must_look: false, ..request });
        }
        let own = u16::try_from(request.customer % u32::from(self.sale.counters)).unwrap();
        let chance = self.chance.bits();
        let choice = match &self.looked[instance] {
            Some((until, left)) if *until > now => left.choose(own, chance),
            _ => Some(own),
        };
        let Some(number) = choice else { return self.after(now, Step::Done { issued: false }, request) };
        // The partition of a counter, by a hash, so that two counters may share one.
        let place = [Chance::new(u64::from(number)).below(u64::from(self.limits.partitions))];
        if !self.carried(&place, 1.0, now) {
            return self.pause(now, Step::Allocate, request);
        }
        let way = self.chance.latency();
        let left = &mut self.left[usize::from(number)];
        let has_some = *left > 0;
        *left -= i64::from(has_some);
        if let Some((_, seen)) = &mut self.looked[instance] {
            seen.note(number, *left);
        }
        if has_some {
            return self.after(now + way, Step::Claim, Request { attempt: 0, ..request });
        }
        self.after(now + way, Step::Allocate, Request { must_look: true, ..request });
    }

    /// Waits as the shop does. A request out of retry budget comes back after a second, with no state. A request with a
    /// ticket goes on waiting: the cost of orphaned tickets is no subject of this model.
    fn pause(&mut self, now: Duration, step: Step, request: Request) {
        let wait = Duration::from_millis(self.chance.below(RetryBounds::PRODUCTION.window_ms(request.attempt) + 1));
        if step == Step::Allocate && now + wait >= request.began + RetryBounds::PRODUCTION.budget {
            self.result.busy += 1;
            return self.after(now + Duration::from_secs(1), Step::Return, request);
        }
        let way = self.chance.latency();
        self.after(now + way + wait, step, Request { attempt: request.attempt + 1, ..request });
    }

    fn anywhere(&mut self) -> u64 {
        self.chance.below(u64::from(self.limits.partitions))
    }

    /// Spends `units` in each of these partitions, if all of them have as many.
    fn carried(&mut self, places: &[u64], units: f64, now: Duration) -> bool {
        let places: Vec<usize> = places.iter().map(|&place| usize::try_from(place).unwrap()).collect();
        if !places.iter().all(|&place| self.partitions[place].has(units, now)) {
            self.result.throttled += 1;
            return false;
        }
        for place in places {
            self.partitions[place].take(units);
            self.result.write_units += units;
        }
        true
    }
}
