//! The policy of issuing coupons alone, at a size that real handlers on a laptop do not reach: a queue of events over the
//! same buckets, latencies and waits.
//!
//! A customer's request looks whether it may (one read), draws a ticket from the counter that its user's id names, and
//! claims the slot in a transaction on items that nobody else touches. Who finds a counter empty looks at all of them, and
//! draws from one that has tickets. An instance of the function goes by its last look for a second: if those who come too
//! late all looked, the 3,000 reads a second of each counter would be all that could be told. An instance serves one
//! request at a time; who finds none free waits outside.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use shared::{domain::stock, store::RetryBounds};

use super::{Bucket, Chance, Limits};

/// For how long an instance goes by what it saw of the counters.
const LOOK_FRESH: Duration = Duration::from_secs(1);

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

/// Its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The users with a coupon.
    pub issued: u32,
    /// Who was told that there are none left.
    pub too_late: u32,
    /// How often someone was told to try again.
    pub busy: u32,
    /// Writes, and looks at the counters, that a partition did not let through.
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
    /// Whether it has found a counter empty, and not looked at all of them since.
    must_look: bool,
}

struct World {
    sale: Sale,
    limits: Limits,
    chance: Chance,
    partitions: Vec<Bucket>,
    left: Vec<i64>,
    /// What the counters' partitions let through of reads.
    reads: Vec<Bucket>,
    /// Of each instance, which counters had tickets when it last looked, and until when it goes by that.
    looked: Vec<Option<(Duration, Vec<u16>)>>,
    queue: BinaryHeap<Reverse<(Duration, u64, Step, Request)>>,
    outside: VecDeque<u32>,
    result: Issued,
}

/// Runs a sale to its end.
pub fn simulate(sale: Sale, limits: Limits) -> Issued {
    let bucket = Bucket::new(limits.write_units, limits.burst_seconds);
    let mut world = World {
        sale,
        limits,
        chance: Chance::new(limits.seed),
        partitions: vec![bucket; usize::from(limits.partitions)],
        left: stock::spread(i64::from(sale.coupons), sale.counters),
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

    /// Lets the next who waits outside in, and looks whether they may.
    fn admit(&mut self, instance: u32, now: Duration) {
        if let Some(customer) = self.outside.pop_front() {
            let read = self.chance.latency();
            self.after(
                now + read,
                Step::Draw,
                Request { customer, instance, began: now, attempt: 0, must_look: false },
            );
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
                request = Request { began: now, attempt: 0, must_look: false, ..request };
                let read = self.chance.latency();
                self.after(now + read, Step::Draw, request);
            }
        }
    }

    /// Draws from the user's own counter, or from one that the last look showed open. Who finds it empty looks at all.
    fn draw(&mut self, now: Duration, request: Request) {
        let instance = usize::try_from(request.instance).unwrap();
        if request.must_look {
            if !self.reads.iter_mut().all(|counter| counter.has(1.0, now)) {
                self.result.throttled += 1;
                return self.pause(now, Step::Draw, request);
            }
            self.reads.iter_mut().for_each(|counter| counter.take(1.0));
            let open = (0..self.sale.counters).filter(|&counter| self.left[usize::from(counter)] > 0).collect();
            self.looked[instance] = Some((now + LOOK_FRESH, open));
            let way = self.chance.latency();
            return self.after(now + way, Step::Draw, Request { must_look: false, ..request });
        }
        let own = u16::try_from(request.customer % u32::from(self.sale.counters)).unwrap();
        let number = match &self.looked[instance] {
            Some((until, open)) if *until > now => {
                if open.is_empty() {
                    return self.after(now, Step::Done { issued: false }, request);
                }
                let any = usize::try_from(self.chance.below(u64::try_from(open.len()).unwrap())).unwrap();
                if open.contains(&own) { own } else { open[any] }
            }
            _ => own,
        };
        // The counters' partitions: by a hash, so that two may share one.
        let place = [Chance::new(u64::from(number)).below(u64::from(self.limits.partitions))];
        if !self.carried(&place, 1.0, now) {
            return self.pause(now, Step::Draw, request);
        }
        let way = self.chance.latency();
        let left = &mut self.left[usize::from(number)];
        if *left > 0 {
            *left -= 1;
            return self.after(now + way, Step::Claim, Request { attempt: 0, ..request });
        }
        self.after(now + way, Step::Draw, Request { must_look: true, ..request });
    }

    /// Waits as the shop does; whose patience ends comes back after a second with nothing remembered. One with a ticket is
    /// not given up: what a burnt ticket costs is another matter.
    fn pause(&mut self, now: Duration, step: Step, request: Request) {
        let wait = Duration::from_millis(self.chance.below(RetryBounds::PRODUCTION.window_ms(request.attempt) + 1));
        if step == Step::Draw && now + wait >= request.began + RetryBounds::PRODUCTION.patience {
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
