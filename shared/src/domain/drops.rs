//! Drops: the waiting line before a product or a campaign.
//!
//! A customer enters and gets the next number of one counter of the drop. Numbers are admitted in their order. A step of
//! the line, at most one a second, looks at the shelf and admits as many customers as have room: at most a window for
//! each shard of the shelf, and no more than there are units left. A sold unit makes room for the next customer, so the
//! line moves at the rate at which the shelf really sells. An admitted customer has a turn; one who leaves makes room when
//! the turn ends, so that the line never stalls.
//!
//! Within a counter the order of arrival is exact. Between counters it holds up to the difference of their lengths, since
//! a step admits the lowest numbers of all counters first.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CouponId, DropId, Invalid, OrderId, ProductId, UserId, id};
use crate::platform::{SIGNATURE_LEN, SigningKey};

/// The counters of a new drop. A partition key takes a thousand updates a second, so that 8,000 customers enter in a
/// second.
pub const COUNTERS: u16 = 8;

/// The time between two steps of a line.
pub const STEP: SignedDuration = SignedDuration::from_secs(1);

/// The time that an admitted customer has at least.
pub const TURN: SignedDuration = SignedDuration::from_secs(120);

/// The time for which the admissions of several steps are one wave, and end together.
const WAVE: SignedDuration = SignedDuration::from_secs(10);

/// The admitted customers with an open turn for each shard of the shelf. A shard sells some hundred units a second in
/// transactions.
const WINDOW_A_SHARD: i64 = 100;

/// The time for which a ticket is valid, from the opening or from its issue, whichever is later.
pub const TICKET_VALIDITY: SignedDuration = SignedDuration::from_hours(24);

/// The time after a ticket for which its records are kept at least.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The longest forecast of an admission.
const LONGEST_FORECAST_MS: i64 = 24 * 60 * 60 * 1_000;

/// The thing that a drop guards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    ProductId(ProductId),
    CouponId(CouponId),
}

/// A drop: its settings, and the state of its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DropState {
    pub drop_id: DropId,
    #[serde(flatten)]
    pub target: Target,
    /// The instant before which nobody is admitted.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub opens_at: Timestamp,
    /// Whether an order or an issue needs a ticket.
    pub enabled: bool,
    /// The number of counters that give out numbers.
    pub counters: u16,
    /// The key that signs its tickets.
    pub key: SigningKey,
    /// Counts the changes of the settings.
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    pub line: Line,
}

/// The state of a waiting line, as its last step left it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The number of steps.
    pub step: u64,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub stepped_at: Option<Timestamp>,
    /// The units that the shelf had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
    /// The numbers that the counters had given out. Lines of earlier versions lack it until their next step.
    #[serde(default)]
    pub entered: i64,
    /// For each counter, the number below which all turns have ended.
    pub ended: Vec<i64>,
    /// The waves with open turns, the oldest first.
    pub waves: Vec<Wave>,
}

/// Customers who were admitted within [`WAVE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wave {
    /// The end of their turn.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub ends_at: Timestamp,
    /// For each counter, the number below which all are admitted.
    pub to: Vec<i64>,
    /// Customers of the wave.
    pub admitted: i64,
    /// Those of them that no sold unit has been counted for.
    pub open: i64,
}

/// The shelf that a drop sells from: the shards of a product's stock, or the counters of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    pub shards: u16,
    /// Units or tickets left in all of them.
    pub left: i64,
}

/// A counter of a drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineCounter {
    /// The next number that it gives out.
    pub next: i64,
}

/// The number of a customer in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub counter: u16,
    pub number: i64,
}

/// The place of a user in a drop: one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub drop_id: DropId,
    pub user_id: UserId,
    pub counter: u16,
    pub number: i64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub entered_at: Timestamp,
}

impl Entry {
    pub fn place(&self) -> Place {
        Place { counter: self.counter, number: self.number }
    }
}

/// The record of a ticket that has served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    pub user_id: UserId,
    #[serde(flatten)]
    pub for_what: ServedFor,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub served_at: Timestamp,
}

/// The order or the issued coupon that a ticket served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServedFor {
    OrderId(OrderId),
    IssuedCouponId(String),
}

/// The standing of a customer in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Waiting {
        /// The place in the whole line, from 1: an estimate, exact within the counter.
        place: i64,
        /// The forecast of the admission; none while nothing is left.
        expected_at: Option<Timestamp>,
    },
    Admitted {
        /// The end of the turn; none while no ticket is needed.
        until: Option<Timestamp>,
    },
    /// The turn or the validity has ended.
    Expired,
}

/// The reason why a ticket admits nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketProblem {
    /// There is none.
    Missing,
    /// It is of another drop or of another user, or nobody's.
    NotValid,
    /// Its turn has not come.
    Waiting,
    /// Its turn has ended.
    Expired,
    /// It has served.
    Used,
}

impl TicketProblem {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "TICKET_MISSING",
            Self::NotValid => "TICKET_NOT_VALID",
            Self::Waiting => "TICKET_WAITING",
            Self::Expired => "TICKET_EXPIRED",
            Self::Used => "TICKET_USED",
        }
    }
}

impl DropState {
    /// A drop without a line.
    pub fn new(
        drop_id: DropId,
        target: Target,
        (opens_at, enabled): (Timestamp, bool),
        key: SigningKey,
        now: Timestamp,
    ) -> Self {
        let ended = vec![0; usize::from(COUNTERS)];
        Self {
            drop_id,
            target,
            opens_at,
            enabled,
            counters: COUNTERS,
            key,
            version: 1,
            created_at: now,
            updated_at: now,
            line: Line { ended, ..Line::default() },
        }
    }

    /// The counter in which a user waits: always the same one.
    pub fn counter_of(&self, user: &UserId) -> u16 {
        id::bucket(user.as_str(), self.counters)
    }

    /// Whether the line has to step. After the clock was set back it does. Before the opening a step only counts those who
    /// wait.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let waits = |at: Timestamp| (SignedDuration::ZERO..STEP).contains(&now.duration_since(at));
        self.enabled && !self.line.stepped_at.is_some_and(waits)
    }

    /// Whether nothing is left for those who wait.
    pub fn is_sold_out(&self) -> bool {
        self.line.left.is_some_and(|left| left <= 0)
    }

    /// The standing at an instant of a customer with a place.
    pub fn standing(&self, place: Place, entered_at: Timestamp, now: Timestamp) -> Standing {
        if !self.enabled {
            return Standing::Admitted { until: None };
        }
        let valid_from = self.opens_at.max(entered_at);
        let is_over = valid_from.checked_add(TICKET_VALIDITY).is_ok_and(|end| end <= now);
        if is_over || place.number < at(&self.line.ended, place.counter) {
            return Standing::Expired;
        }
        let wave = self.line.waves.iter().find(|wave| place.number < at(&wave.to, place.counter));
        match wave {
            Some(_) if now < self.opens_at => self.waiting(place, now),
            Some(wave) if wave.ends_at <= now => Standing::Expired,
            Some(wave) => Standing::Admitted { until: Some(wave.ends_at) },
            None => self.waiting(place, now),
        }
    }

    fn waiting(&self, place: Place, now: Timestamp) -> Standing {
        let ahead = place.number.saturating_sub(at(self.line.admitted_to(), place.counter)).max(0);
        let place = ahead.saturating_mul(i64::from(self.counters)).saturating_add(1);
        let expected_at = (!self.is_sold_out()).then(|| self.forecast(place, now)).flatten();
        Standing::Waiting { place, expected_at }
    }

    /// The forecast of the admission of a place, at the rate of the open waves. Before there is one, it assumes a window of
    /// one shard a second.
    fn forecast(&self, place: i64, now: Timestamp) -> Option<Timestamp> {
        let (admitted, span_ms) = self.line.pace(now).unwrap_or((WINDOW_A_SHARD, 1_000));
        let wait_ms = place.checked_mul(span_ms)?.checked_div(admitted.max(1))?.clamp(1_000, LONGEST_FORECAST_MS);
        now.max(self.opens_at).checked_add(SignedDuration::from_millis(wait_ms)).ok()
    }

    /// The line after a step: with the counters as they are, and the shelf that it sells from.
    pub fn stepped(&self, counters: &[LineCounter], shelf: Shelf, now: Timestamp) -> Line {
        let Line { step, left, mut ended, mut waves, .. } = self.line.clone();
        // Sold units count for the oldest waves first. A return hides a sale, which then counts when the turn ends.
        let mut sold = left.unwrap_or(shelf.left).saturating_sub(shelf.left).max(0);
        for wave in &mut waves {
            let of_wave = wave.open.min(sold);
            wave.open = wave.open.saturating_sub(of_wave);
            sold = sold.saturating_sub(of_wave);
        }
        let over = waves.iter().take_while(|wave| wave.ends_at <= now).count();
        for wave in waves.drain(..over) {
            ended = wave.to;
        }
        let entered = counters.iter().fold(0_i64, |sum, counter| sum.saturating_add(counter.next));
        let (step, left) = (step.saturating_add(1), Some(shelf.left));
        let mut line = Line { step, stepped_at: Some(now), left, entered, ended, waves };
        if now < self.opens_at {
            return line;
        }
        let window = WINDOW_A_SHARD.saturating_mul(i64::from(shelf.shards.max(1)));
        let room = window.min(shelf.left).saturating_sub(line.inside()).max(0);
        let (to, admitted) = lowest_first(line.admitted_to(), counters, room);
        if admitted > 0 {
            line.admit(to, admitted, now);
        }
        line
    }
}

impl Line {
    /// For each counter, the number below which all have been admitted.
    pub fn admitted_to(&self) -> &[i64] {
        self.waves.last().map_or(&self.ended, |wave| &wave.to)
    }

    /// The customers that no sold unit has been counted for, and whose turn was open at the last step.
    pub fn inside(&self) -> i64 {
        self.waves.iter().fold(0, |sum, wave| sum.saturating_add(wave.open))
    }

    /// The numbers whose turn had not come at the last step.
    pub fn waiting(&self) -> i64 {
        self.admitted_to().iter().fold(self.entered, |waiting, to| waiting.saturating_sub(*to)).max(0)
    }

    fn admit(&mut self, to: Vec<i64>, admitted: i64, now: Timestamp) {
        match self.waves.last_mut().filter(|wave| wave.ends_at.duration_since(now) > TURN) {
            Some(wave) => {
                wave.to = to;
                wave.admitted = wave.admitted.saturating_add(admitted);
                wave.open = wave.open.saturating_add(admitted);
            }
            None => {
                let ends_at = now.checked_add(TURN.saturating_add(WAVE)).unwrap_or(Timestamp::MAX);
                self.waves.push(Wave { ends_at, to, admitted, open: admitted });
            }
        }
    }

    /// The customers admitted in the open waves, and the milliseconds since the first of them began.
    fn pace(&self, now: Timestamp) -> Option<(i64, i64)> {
        let began = self.waves.first()?.ends_at.checked_sub(TURN.saturating_add(WAVE)).ok()?;
        let span = i64::try_from(now.duration_since(began).as_millis()).ok()?.max(1_000);
        Some((self.waves.iter().fold(0, |sum: i64, wave| sum.saturating_add(wave.admitted)), span))
    }
}

fn at(numbers: &[i64], counter: u16) -> i64 {
    numbers.get(usize::from(counter)).copied().unwrap_or(0)
}

/// Admits up to `room` customers, the lowest number of all counters at each time. Returns the numbers below which all are
/// admitted, and the customers.
fn lowest_first(from: &[i64], counters: &[LineCounter], room: i64) -> (Vec<i64>, i64) {
    let (mut to, mut admitted) = (from.to_vec(), 0_i64);
    while admitted < room {
        let waiting = to.iter_mut().zip(counters).filter(|(to, counter)| **to < counter.next);
        let Some((lowest, _)) = waiting.min_by_key(|(to, _)| **to) else { break };
        *lowest = lowest.saturating_add(1);
        admitted = admitted.saturating_add(1);
    }
    (to, admitted)
}

/// A ticket: a place in a line, signed for a drop and a user, which it does not name.
///
/// | bytes | content |
/// |---|---|
/// | 2 | the counter |
/// | 8 | the number |
/// | 8 | the instant of the entry, in milliseconds |
/// | 32 | the signature of drop, user and the fields before |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropTicket {
    pub place: Place,
    pub entered_at: Timestamp,
    signature: [u8; SIGNATURE_LEN],
}

impl DropTicket {
    /// The characters of a ticket: 50 bytes, four characters for each three.
    pub const LENGTH: usize = 67;

    /// The ticket of an entry.
    pub fn new(state: &DropState, entry: &Entry) -> Self {
        let (place, entered_at) = (entry.place(), entry.entered_at);
        let signature = state.key.sign(&signed(&state.drop_id, &entry.user_id, place, entered_at));
        Self { place, entered_at, signature }
    }

    /// Whether it is a ticket of this drop for this user.
    pub fn is_of(&self, state: &DropState, user: &UserId) -> bool {
        state.key.verify(&signed(&state.drop_id, user, self.place, self.entered_at), &self.signature)
    }

    pub fn encode(&self) -> String {
        let (counter, number) = (self.place.counter.to_be_bytes(), self.place.number.to_be_bytes());
        let entered_at = self.entered_at.as_millisecond().to_be_bytes();
        let bytes = [&counter[..], &number, &entered_at, &self.signature].concat();
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }
}

fn signed(drop: &DropId, user: &UserId, place: Place, entered_at: Timestamp) -> String {
    // Ids have no `|`, so that no two tickets sign the same text.
    format!("{drop}|{user}|{}|{}|{}", place.counter, place.number, entered_at.as_millisecond())
}

impl TryFrom<String> for DropTicket {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        decode(&text).ok_or(Invalid::Ticket)
    }
}

fn decode(text: &str) -> Option<DropTicket> {
    if text.len() != DropTicket::LENGTH {
        return None;
    }
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (counter, rest) = bytes.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (entered_at, signature) = rest.split_first_chunk()?;
    let place = Place { counter: u16::from_be_bytes(*counter), number: i64::from_be_bytes(*number) };
    let entered_at = Timestamp::from_millisecond(i64::from_be_bytes(*entered_at)).ok()?;
    Some(DropTicket { place, entered_at, signature: signature.try_into().ok()? })
}

/// The second after which the records of a ticket may be deleted: long after it can serve.
pub fn kept_until(state: &DropState, now: Timestamp) -> i64 {
    now.max(state.opens_at).checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::platform::Random;

    fn at_s(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_143_600 + seconds).unwrap()
    }

    fn drop() -> DropState {
        let next = AtomicU64::new(1);
        let random = Random::new(move || u128::from(next.fetch_add(1, Ordering::SeqCst)) << 90);
        let (id, tea) = ("friday".to_owned().try_into().unwrap(), "tea".to_owned().try_into().unwrap());
        let state =
            DropState::new(id, Target::ProductId(tea), (at_s(0), true), SigningKey::generate(&random), at_s(-60));
        DropState { counters: 2, line: Line { ended: vec![0, 0], ..Line::default() }, ..state }
    }

    fn counters(next: [i64; 2]) -> [LineCounter; 2] {
        next.map(|next| LineCounter { next })
    }

    fn stepped(state: &DropState, next: [i64; 2], left: i64, seconds: i64) -> DropState {
        let line = state.stepped(&counters(next), Shelf { shards: 1, left }, at_s(seconds));
        DropState { line, ..state.clone() }
    }

    fn is_admitted(state: &DropState, counter: u16, number: i64, seconds: i64) -> bool {
        let standing = state.standing(Place { counter, number }, at_s(-30), at_s(seconds));
        matches!(standing, Standing::Admitted { .. })
    }

    #[test]
    fn the_lowest_numbers_are_admitted_first_and_no_more_than_are_left() {
        let state = stepped(&drop(), [5, 2], 3, 0);
        assert_eq!(state.line.admitted_to(), [2, 1]);
        assert!(is_admitted(&state, 0, 1, 1) && is_admitted(&state, 1, 0, 1) && !is_admitted(&state, 1, 1, 1));
        let again = stepped(&state, [5, 2], 3, 1);
        assert_eq!(again.line.admitted_to(), [2, 1], "the customers inside have not bought yet");
        assert_eq!(stepped(&again, [5, 2], 2, 2).line.admitted_to(), [2, 1], "one bought the unit that was theirs");
        assert_eq!(stepped(&again, [5, 2], 5, 2).line.admitted_to(), [3, 2], "units came back");
    }

    #[test]
    fn a_sale_makes_room_in_the_window() {
        let state = stepped(&drop(), [1_000, 1_000], 10_000, 0);
        assert_eq!((state.line.waiting(), state.line.inside()), (1_900, 100));
        assert_eq!(state.line.admitted_to(), [50, 50]);
        assert_eq!(stepped(&state, [1_000, 1_000], 9_970, 1).line.admitted_to(), [65, 65]);
        assert_eq!(stepped(&state, [1_000, 1_000], 10_000, 1).line.admitted_to(), [50, 50]);
    }

    #[test]
    fn those_who_leave_make_room_when_their_turn_ends() {
        let state = stepped(&drop(), [1, 1], 1, 0);
        assert!(is_admitted(&state, 0, 0, 129));
        let late = state.standing(Place { counter: 0, number: 0 }, at_s(0), at_s(130));
        assert_eq!(late, Standing::Expired);
        let next = stepped(&state, [1, 1], 1, 130);
        assert!(is_admitted(&next, 1, 0, 130) && !is_admitted(&next, 0, 0, 130));
    }

    #[test]
    fn nobody_is_admitted_before_the_opening_or_a_day_after_it() {
        let state = stepped(&drop(), [1, 1], 5, 0);
        assert!(drop().is_due(at_s(0)) && !state.is_due(at_s(0)));
        assert!(!is_admitted(&state, 0, 0, -1));
        let early = stepped(&drop(), [1, 1], 5, -1);
        assert_eq!((early.line.waiting(), early.line.inside(), early.line.admitted_to()), (2, 0, &[0, 0][..]));
        let waits = stepped(&drop(), [9, 9], 0, 0);
        let end = TICKET_VALIDITY.as_secs();
        assert!(matches!(
            waits.standing(Place { counter: 0, number: 3 }, at_s(-9), at_s(end - 1)),
            Standing::Waiting { .. }
        ));
        assert_eq!(waits.standing(Place { counter: 0, number: 3 }, at_s(-9), at_s(end)), Standing::Expired);
    }

    #[test]
    fn a_ticket_is_of_one_drop_one_user_and_one_place() {
        let state = drop();
        let user = |id: &str| UserId::try_from(id.to_owned()).unwrap();
        let entry =
            Entry { drop_id: state.drop_id.clone(), user_id: user("mina"), counter: 1, number: 7, entered_at: at_s(3) };
        let ticket = DropTicket::new(&state, &entry);
        let text = ticket.encode();
        assert_eq!(text.len(), DropTicket::LENGTH);
        let decoded = DropTicket::try_from(text.clone()).unwrap();
        assert_eq!(decoded, ticket);
        assert!(decoded.is_of(&state, &user("mina")) && !decoded.is_of(&state, &user("jun")));
        let other = DropState { drop_id: "monday".to_owned().try_into().unwrap(), ..state.clone() };
        assert!(!decoded.is_of(&other, &user("mina")));
        let moved = DropTicket { place: Place { counter: 1, number: 6 }, ..decoded };
        assert!(!moved.is_of(&state, &user("mina")));
        for bad in ["", "x", &text[1..], &format!("{text}A"), &"%".repeat(DropTicket::LENGTH)] {
            assert_eq!(DropTicket::try_from(bad.to_owned()), Err(Invalid::Ticket), "{bad:?}");
        }
    }

    proptest! {
        /// Whatever the shelf does, the numbers of a counter are admitted in their order, once, and never beyond those that
        /// were given out; the open customers never exceed the window when they are admitted; and a line with units never
        /// stalls for longer than a turn.
        #[test]
        fn a_line_goes_on(shelves in proptest::collection::vec((1_i64..400, 1_i64..300), 1..60)) {
            let mut state = drop();
            let (mut next, mut seconds, mut admitted_at) = ([0_i64; 2], 0, 0);
            for (left, pause) in shelves {
                next = [next[0] + left % 7, next[1] + left % 5];
                seconds += pause;
                let before = state.line.admitted_to().to_vec();
                state = stepped(&state, next, left, seconds);
                let to = state.line.admitted_to().to_vec();
                for counter in 0..2 {
                    prop_assert!(before[counter] <= to[counter] && to[counter] <= next[counter]);
                    prop_assert!(state.line.ended[counter] <= to[counter]);
                }
                if to != before {
                    admitted_at = seconds;
                    let open: i64 = state.line.waves.iter().map(|wave| wave.open).sum();
                    prop_assert!(open <= left.min(WINDOW_A_SHARD));
                }
                let waits = to[0] < next[0] || to[1] < next[1];
                prop_assert!(!waits || seconds - admitted_at <= 430, "{} s without an admission", seconds - admitted_at);
                prop_assert!(state.line.waves.len() <= 14);
            }
        }
    }
}
