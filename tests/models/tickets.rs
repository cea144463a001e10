//! First come, first served: a function allocates a ticket of a counter, then claims it. A sweep voids orphaned
//! tickets.

use std::{collections::BTreeSet, ops::Range};

use shared::domain::{coupon::Counter, swept::Swept};
use stateright::Property;

use crate::{
    claims::{Budget, Claims, Function, Protocol, State, StateOf, noted},
    explore::{GRACE, at, holds, needed},
};

/// A condition, or an atomic pair of writes, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// A ticket is allocated beyond the limit.
    Limit,
    /// A ticket is claimed although it has a claim record.
    ClaimIfAbsent,
    /// A user gets the coupon although they have one.
    IssueIfAbsent,
    /// A ticket is voided although it has a claim record.
    VoidIfAbsent,
    /// The limit is raised even if the ticket is not voided.
    RaiseWithVoid,
    /// The sweep takes a ticket that was just allocated for an old one.
    Seen,
    /// No sweep runs.
    Sweep,
}

/// A campaign of so many coupons. Some of its users send two requests at once.
#[derive(Debug, Clone)]
struct Tickets {
    total: i64,
    /// The user of each function.
    users: Vec<usize>,
    budget: Budget,
    forgotten: Option<Forgotten>,
}

/// The claim record of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Claim {
    Void,
    Of(usize),
}

/// The progress of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sweep {
    Read { counter: Counter, tick: i64 },
    Found { counter: Counter, tick: i64, orphans: Vec<i64> },
    Done { counter: Counter, tick: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Table {
    counter: Counter,
    claims: Vec<Option<Claim>>,
    /// The number of coupons that each user was issued.
    issued: Vec<u8>,
}

impl Table {
    fn claim(&self, ticket: i64) -> Option<Claim> {
        self.claims.get(usize::try_from(ticket).unwrap()).copied().flatten()
    }

    fn put(&mut self, ticket: i64, claim: Claim) {
        let place = usize::try_from(ticket).unwrap();
        self.claims.resize(self.claims.len().max(place + 1), None);
        self.claims[place] = Some(claim);
    }

    fn count(&self, is: impl Fn(Claim) -> bool) -> i64 {
        i64::try_from(self.claims.iter().flatten().filter(|claim| is(**claim)).count()).unwrap()
    }
}

impl Tickets {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }
}

/// The tickets that a sweep is to check.
fn due(counter: &Counter, tick: i64) -> Range<i64> {
    counter.swept.due(at(tick), GRACE).unwrap_or(0..0)
}

impl Protocol for Tickets {
    type Table = Table;
    type Taken = i64;
    type Sweep = Sweep;

    fn functions(&self) -> usize {
        self.users.len()
    }

    fn budget(&self) -> Budget {
        self.budget
    }

    fn table(&self) -> Table {
        let users = self.users.iter().collect::<BTreeSet<_>>().len();
        Table { counter: Counter::new(self.total), claims: Vec::new(), issued: vec![0; users] }
    }

    fn has_sweeps(&self) -> bool {
        !self.forgot(Forgotten::Sweep)
    }

    fn progress(table: &Table) -> (Swept, i64) {
        (table.counter.swept, table.counter.next)
    }

    fn is_done(&self, table: &Table, function: usize) -> bool {
        table.issued[self.users[function]] > 0 && !self.forgot(Forgotten::IssueIfAbsent)
    }

    fn is_available(&self, table: &Table, _: usize) -> bool {
        table.counter.left() > 0
    }

    fn take(&self, table: &mut Table, _: usize) -> Function<i64> {
        let Counter { next, limit, .. } = table.counter;
        if next < limit || self.forgot(Forgotten::Limit) {
            table.counter.next += 1;
            Function::Took(next)
        } else {
            Function::Empty
        }
    }

    /// The claim record of the ticket, and the user's coupon.
    fn claim(&self, table: &mut Table, function: usize, ticket: i64) -> bool {
        let user = self.users[function];
        let is_free = table.claim(ticket).is_none() || self.forgot(Forgotten::ClaimIfAbsent);
        let has_none = table.issued[user] == 0 || self.forgot(Forgotten::IssueIfAbsent);
        if is_free && has_none {
            table.put(ticket, Claim::Of(user));
            table.issued[user] += 1;
        }
        is_free && has_none
    }

    /// The voided claim of the ticket, and the raised limit.
    fn void(&self, table: &mut Table, ticket: i64) {
        let is_free = table.claim(ticket).is_none() || self.forgot(Forgotten::VoidIfAbsent);
        if is_free {
            table.put(ticket, Claim::Void);
        }
        if is_free || self.forgot(Forgotten::RaiseWithVoid) {
            table.counter.limit += 1;
        }
    }

    fn sweep(&self, table: &mut Table, tick: i64, sweep: Option<Sweep>, is_blind: bool) -> Option<Sweep> {
        match sweep {
            None => Some(Sweep::Read { counter: table.counter, tick }),
            Some(Sweep::Read { counter, tick }) => {
                let due = due(&counter, tick);
                let orphans = due.rev().filter(|ticket| is_blind || table.claim(*ticket).is_none()).collect();
                Some(Sweep::Found { counter, tick, orphans })
            }
            Some(Sweep::Found { counter, tick, mut orphans }) => Some(match orphans.pop() {
                Some(ticket) => {
                    self.void(table, ticket);
                    Sweep::Found { counter, tick, orphans }
                }
                None => Sweep::Done { counter, tick },
            }),
            Some(Sweep::Done { counter, tick }) => {
                let to = due(&counter, tick).end.max(counter.swept.to);
                if let Some(swept) = noted(table.counter.swept, counter.swept, to, counter.next, tick) {
                    let to = if self.forgot(Forgotten::Seen) { swept.seen } else { swept.to };
                    table.counter.swept = Swept { to, ..swept };
                }
                None
            }
        }
    }

    fn reads_claims(sweep: &Sweep) -> bool {
        matches!(sweep, Sweep::Read { .. })
    }

    fn properties() -> Vec<Property<Claims<Self>>> {
        vec![
            Property::always("at most the total is issued", |Claims(model), State { table, .. }: &StateOf<Self>| {
                table.issued.iter().map(|issued| i64::from(*issued)).sum::<i64>() <= model.total
            }),
            Property::always("one coupon a user", |_, State { table, .. }: &StateOf<Self>| {
                table.issued.iter().all(|issued| *issued <= 1)
            }),
            Property::always("each coupon has its claim record", |_, State { table, .. }: &StateOf<Self>| {
                (0..)
                    .zip(&table.issued)
                    .all(|(user, issued)| table.count(|claim| claim == Claim::Of(user)) == i64::from(*issued))
            }),
            Property::always(
                "the limit is the total and the voided tickets",
                |Claims(model), State { table, .. }: &StateOf<Self>| {
                    table.counter.limit == model.total + table.count(|claim| claim == Claim::Void)
                },
            ),
            Property::always("no coupon is lost for ever", |model, state: &StateOf<Self>| {
                let wanted = i64::try_from(state.table.issued.len()).unwrap().min(model.0.total);
                !model.is_at_rest(state) || state.table.count(|claim| claim != Claim::Void) == wanted
            }),
            Property::sometimes(
                "a ticket is voided and another is issued for it",
                |Claims(model), State { table, .. }: &StateOf<Self>| {
                    table.count(|claim| claim == Claim::Void) > 0
                        && table.count(|claim| claim != Claim::Void) == model.total
                },
            ),
        ]
    }
}

const ONE_FOR_TWO: fn() -> Tickets = || Tickets {
    total: 1,
    users: vec![0, 1],
    budget: Budget { sweeps: 2, deaths: 1, lost: 1, late: 1 },
    forgotten: None,
};

const ASKED_TWICE: fn() -> Tickets = || Tickets {
    total: 2,
    users: vec![0, 0, 1],
    budget: Budget { sweeps: 1, deaths: 1, lost: 0, late: 1 },
    forgotten: None,
};

#[test]
fn one_coupon_for_two_users_is_issued_once() {
    holds("tickets, one for two users, two sweeps", Claims(ONE_FOR_TWO()));
}

#[test]
fn a_repeated_request_and_another_get_one_coupon_each() {
    holds("tickets, two for two users of whom one asks twice", Claims(ASKED_TWICE()));
}

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::Limit, ONE_FOR_TWO()),
        (Forgotten::ClaimIfAbsent, ONE_FOR_TWO()),
        (Forgotten::IssueIfAbsent, ASKED_TWICE()),
        (Forgotten::VoidIfAbsent, ONE_FOR_TWO()),
        (Forgotten::RaiseWithVoid, ONE_FOR_TWO()),
        (Forgotten::Seen, ONE_FOR_TWO()),
        (Forgotten::Sweep, ONE_FOR_TWO()),
    ];
    needed(forgetful.map(|(forgotten, model)| (forgotten, Claims(Tickets { forgotten: Some(forgotten), ..model }))));
}
