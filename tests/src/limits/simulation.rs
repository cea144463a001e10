//! The policy of issuing coupons alone, at a size that real handlers on a laptop do not reach: a queue of events over the
//! same buckets, latencies and waits.
//!
//! A customer's request looks whether it may (one read), draws a ticket from the counter that its user's id names (or else
//! from the next), and claims the slot in a transaction on items that nobody else touches. An instance of the function
//! remembers for a second that a counter is empty; without that, those who come too late would cost a write for each
//! counter. It serves one request at a time; who finds none free waits outside.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use shared::{domain::stock, store::Backoff};

use super::{Bucket, Chance, Limits};

/// A sale of coupons.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    /// Who want one each, all at the beginning.
    pub customers: u32,
    /// How many there are.
    pub coupons: u32,
    /// Over how many counters they are spread.
    pub counters: u16,
    /// How many requests are served at a time.
    pub instances: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// Who got a coupon.
    pub issued: u32,
    /// Who was told that there are none left.
    pub too_late: u32,
    /// How often someone was told to try again.
    pub busy: u32,
    /// Writes that a partition did not let through.
    pub throttled: u64,
    /// Write units spent.
    pub write_units: f64,
    /// When the last coupon was issued.
    pub sold_out: Duration,
    /// When everyone had an answer.
    pub over: Duration,
    /// How long requests took that got a coupon, sorted.
    pub latencies: Vec<Duration>,
    /// Events that were worked off.
    pub events: u64,
}

impl Issued {
    /// Coupons issued a second.
    pub fn per_second(&self) -> f64 {
        f64::from(self.issued) / self.sold_out.as_secs_f64().max(0.001)
    }

    /// How long requests took that got a coupon, of which this part of a hundred took no longer.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// What a request does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Draw a ticket.
    Draw,
    /// Claim its slot and give the coupon.
    Claim,
    /// Be answered: with a coupon or without.
    Done { issued: bool },
    /// Come back after being told to.
    Return,
}

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    customer: u32,
    instance: u32,
    began: Duration,
    attempt: u32,
    /// How many counters were empty so far.
    empty: u16,
}

struct World {
    sale: Sale,
    limits: Limits,
    chance: Chance,
    partitions: Vec<Bucket>,
    left: Vec<i64>,
    /// Of each instance, until when it takes each counter for empty.
    believed_empty: Vec<Vec<Duration>>,
    queue: BinaryHeap<Reverse<(Duration, u64, Step, Request)>>,
    outside: VecDeque<u32>,
    result: Issued,
}

/// Runs a sale to its end.
pub fn simulate(sale: Sale, limits: Limits) -> Issued {
    let counters = usize::from(sale.counters);
    let bucket = Bucket::new(limits.write_units, limits.burst_seconds);
    let mut world = World {
        sale,
        limits,
        chance: Chance::new(limits.seed),
        partitions: vec![bucket; usize::from(limits.partitions)],
        left: stock::spread(i64::from(sale.coupons), sale.counters),
        believed_empty: vec![vec![Duration::ZERO; counters]; usize::try_from(sale.instances).unwrap()],
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

    /// Lets the next who waits outside in, and looks whether they may.
    fn admit(&mut self, instance: u32, now: Duration) {
        if let Some(customer) = self.outside.pop_front() {
            let read = self.chance.latency();
            self.after(now + read, Step::Draw, Request { customer, instance, began: now, attempt: 0, empty: 0 });
        }
    }

    fn work(&mut self, now: Duration, step: Step, mut request: Request) {
        match step {
            Step::Draw => self.draw(now, request),
            Step::Claim => {
                // A slot and a user's coupon: each somewhere, at two units.
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
                request = Request { began: now, attempt: 0, empty: 0, ..request };
                let read = self.chance.latency();
                self.after(now + read, Step::Draw, request);
            }
        }
    }

    fn draw(&mut self, now: Duration, mut request: Request) {
        let counters = self.sale.counters;
        while request.empty < counters {
            let number = u16::try_from((request.customer + u32::from(request.empty)) % u32::from(counters)).unwrap();
            let counter = usize::from(number);
            let instance = usize::try_from(request.instance).unwrap();
            if self.believed_empty[instance][counter] > now {
                request.empty += 1;
                continue;
            }
            // The counters' partitions: by a hash, so that two may share one.
            let place = [Chance::new(u64::from(number)).below(u64::from(self.limits.partitions))];
            if !self.carried(&place, 1.0, now) {
                return self.pause(now, Step::Draw, request);
            }
            let way = self.chance.latency();
            if self.left[counter] > 0 {
                self.left[counter] -= 1;
                return self.after(now + way, Step::Claim, Request { attempt: 0, ..request });
            }
            self.believed_empty[instance][counter] = now + Duration::from_secs(1);
            request.empty += 1;
            return self.after(now + way, Step::Draw, request);
        }
        self.after(now, Step::Done { issued: false }, request);
    }

    /// Waits as the shop does; whose patience ends comes back after a second with nothing remembered. One with a ticket is
    /// not given up: what a burnt ticket costs is another matter.
    fn pause(&mut self, now: Duration, step: Step, request: Request) {
        let wait = Duration::from_millis(self.chance.below(Backoff::window_ms(request.attempt) + 1));
        if step == Step::Draw && now + wait >= request.began + Backoff::PATIENCE {
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
