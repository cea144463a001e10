//! Drops: a fair waiting line before a product or a campaign. The rules of the line are in [`domain::drops`].
//!
//! A look at the line costs no read: it verifies the ticket, and compares its number with the state of the line, which is
//! cached for a second. The first look after that reads the drop, and takes the line's next step if one is due: it reads
//! the counters and the shelf, and writes the new state on condition that nobody else took the step.
//!
//! | | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|---|
//! | settings | the second changes nothing | one after the other, by the version | a new drop and its guard are one commit | the repetition finds them |
//! | entry | the same place | one place; the other number serves nobody | the number serves nobody, and its turn ends by itself | the repetition finds the place |
//! | step | a second is not due | one of them commits, the others take its result | nothing is written | the next reader finds it, or steps |
//! | ticket | refused, or the first order by its key | one commits | nothing is written | the record names its order |
//!
//! [`domain::drops`]: crate::domain::drops

use jiff::Timestamp;

use super::{Failure, Shop, coupons, inventory, products, tickets};
use crate::{
    domain::{
        DropId, ProductId, Refusal, UserId,
        coupon::Campaign,
        drops::{
            DropState, DropTicket, Entry, LineCounter, Place, STEP, Served, ServedFor, Shelf, Standing, Target,
            TicketProblem, kept_until,
        },
        product::Product,
        refusal::Entity,
        swept::SweepPlan,
    },
    platform::SigningKey,
    store::{self, Applied, Backoff, Consistency, Key, Outcome, Transaction, action::ActionIndex, drops, keys},
};

/// The settings of a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropSettings {
    pub target: Target,
    /// The instant before which nobody is admitted.
    pub opens_at: Timestamp,
    pub enabled: bool,
}

/// A customer in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InLine {
    pub drop_id: DropId,
    pub ticket: DropTicket,
    pub standing: Standing,
    /// Whether nothing is left for those who wait.
    pub sold_out: bool,
}

/// An admitted ticket that the commit of an order or of an issue makes serve.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    state: DropState,
    user: UserId,
    place: Place,
}

impl Admission {
    /// Records in the transaction that the ticket serves this; refused if it has served before.
    pub(super) fn serve(&self, transaction: &mut Transaction, for_what: ServedFor, now: Timestamp) -> ActionIndex {
        let served = Served { user_id: self.user.clone(), for_what, served_at: now };
        transaction.add(drops::serve(&self.state.drop_id, self.place, &served, kept_until(&self.state, now)))
    }

    /// The refusal of a ticket that has served.
    pub(super) fn used(&self) -> Refusal {
        refusal(&self.state, TicketProblem::Used, None, self.state.updated_at)
    }
}

/// Creates a drop, or changes its settings. A new one guards its product or campaign from the answer on.
///
/// # Errors
/// [`Refusal::NotFound`] for the product or the campaign. [`Refusal::AlreadyExists`] if another drop guards it, or the drop
/// guards something else.
pub async fn set(shop: &Shop, drop: &DropId, settings: &DropSettings) -> Result<DropState, Failure> {
    let mut backoff = shop.backoff();
    let state = loop {
        let now = shop.clock.now();
        let seen: Option<DropState> = shop.table.get(keys::drop(drop), Consistency::Strong).await?;
        let Some(seen) = seen else {
            if let Some(state) = create(shop, drop, settings, now, &mut backoff).await? {
                break state;
            }
            backoff.pause("the drop or its target changed meanwhile").await?;
            continue;
        };
        if seen.target != settings.target {
            return Err(Refusal::AlreadyExists(Entity::Drop).into());
        }
        let state = DropState {
            opens_at: settings.opens_at,
            enabled: settings.enabled,
            updated_at: now.max(seen.updated_at),
            version: seen.version.saturating_add(1),
            ..seen.clone()
        };
        let state = if (seen.opens_at, seen.enabled) == (state.opens_at, state.enabled) {
            seen
        } else {
            match shop.table.apply::<DropState>(&drops::set(&seen, &state), &mut backoff).await? {
                Applied::Done(state) => state,
                Applied::Refused(_) => {
                    backoff.pause("the drop changed meanwhile").await?;
                    continue;
                }
            }
        };
        bind(shop, &state, &mut backoff).await?;
        break state;
    };
    shop.cache_drop(&state, shop.clock.now());
    Ok(state)
}

/// Creates a drop with its counters and its guard in one commit; nothing if the drop exists by now.
async fn create(
    shop: &Shop,
    drop: &DropId,
    settings: &DropSettings,
    now: Timestamp,
    backoff: &mut Backoff,
) -> Result<Option<DropState>, Failure> {
    let DropSettings { target, opens_at, enabled } = settings.clone();
    let key = SigningKey::generate(&shop.random);
    let state = DropState::new(drop.clone(), target, (opens_at, enabled), key, now);
    let mut transaction = Transaction::new();
    transaction.add(drops::create(&state));
    for counter in 0..state.counters {
        transaction.add(drops::create_counter(drop, counter));
    }
    let is_committed = match &state.target {
        Target::ProductId(product) => {
            let seen = products::described(shop, product).await?;
            ensure_unguarded(seen.drop_id.as_ref(), drop, Entity::Product)?;
            let guarded = seen.clone().guarded_by(drop.clone()).swept_from(now);
            let guarded = Product { updated_at: Some(now.max(seen.last_updated())), ..guarded };
            products::commit_change(shop, &seen, &guarded, transaction, backoff).await?.is_none()
        }
        Target::CouponId(coupon) => {
            let seen = coupons::read(shop, coupon).await?;
            ensure_unguarded(seen.drop_id.as_ref(), drop, Entity::Coupon)?;
            let (version, sweep) = (seen.version.saturating_add(1), SweepPlan::again(now));
            let guarded = Campaign { drop_id: Some(drop.clone()), version, sweep, ..seen.clone() };
            transaction.add(store::coupons::change_campaign(&seen, &guarded));
            let outcome = shop.table.commit(transaction, backoff).await?;
            if let Outcome::Committed = outcome {
                tickets::bind_all(shop, &guarded, backoff).await?;
            }
            matches!(outcome, Outcome::Committed)
        }
    };
    Ok(is_committed.then_some(state))
}

fn ensure_unguarded(by: Option<&DropId>, drop: &DropId, what: Entity) -> Result<(), Failure> {
    match by {
        Some(other) if other != drop => Err(Refusal::AlreadyExists(what).into()),
        // This drop has been created since it was looked for.
        _ => Ok(()),
    }
}

/// Brings the guard of a drop to all shards or counters of the thing, in case its creation stopped half-way. None of them
/// sells or issues any more to a function that knows the thing without its guard.
async fn bind(shop: &Shop, state: &DropState, backoff: &mut Backoff) -> Result<(), Failure> {
    match &state.target {
        Target::CouponId(coupon) => {
            let campaign = coupons::read(shop, coupon).await?;
            tickets::bind_all(shop, &campaign, backoff).await?;
        }
        Target::ProductId(product) => {
            let product = products::described(shop, product).await?;
            let shards = inventory::read(shop, &product.product_id, product.stock_shards, backoff).await?;
            for (shard, number) in shards.iter().zip(0..) {
                if shard.offer != product.offer {
                    inventory::set_offer(shop, &product, number, backoff).await?;
                }
            }
            shop.invalidate_product(&product.product_id);
        }
    }
    Ok(())
}

/// Gives a user a place in a line: the one that they have, or a new one at its end. A new one replaces a place whose turn
/// has ended.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn enter(shop: &Shop, drop: &DropId, user: &UserId) -> Result<InLine, Failure> {
    let mut backoff = shop.backoff();
    let state = line(shop, drop, &mut backoff).await?;
    let mut seen: Option<Entry> = shop.table.get(keys::drop_entry(drop, user), Consistency::Strong).await?;
    let counter = state.counter_of(user);
    let mut number = None;
    loop {
        let now = shop.clock.now();
        let has_turn = |seen: &&Entry| state.standing(seen.place(), seen.entered_at, now) != Standing::Expired;
        if let Some(entry) = seen.as_ref().filter(has_turn) {
            return Ok(in_line(shop, &state, DropTicket::new(&state, entry)));
        }
        // A number that was given out for this request serves its next attempt.
        let given = match number {
            Some(number) => number,
            None => next_number(shop, drop, counter, &mut backoff).await?,
        };
        number = Some(given);
        let (drop_id, user_id) = (drop.clone(), user.clone());
        let entry = Entry { drop_id, user_id, counter, number: given, entered_at: now };
        let enter = drops::enter(&entry, seen.as_ref(), kept_until(&state, now));
        match shop.table.apply::<Entry>(&enter, &mut backoff).await? {
            Applied::Done(entry) => return Ok(in_line(shop, &state, DropTicket::new(&state, &entry))),
            // Another request of the user entered, or the answer to this one was lost.
            Applied::Refused(there) => seen = there,
        }
        backoff.pause("the user entered meanwhile").await?;
    }
}

async fn next_number(shop: &Shop, drop: &DropId, counter: u16, backoff: &mut Backoff) -> Result<i64, Failure> {
    match shop.table.apply::<LineCounter>(&drops::next_number(drop, counter), backoff).await? {
        Applied::Done(counter) => Ok(counter.next.saturating_sub(1)),
        Applied::Refused(_) => Err(Failure::Internal("a drop lacks a counter")),
    }
}

/// Returns the standing of a user by their ticket.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::NotAdmitted`] if the ticket is of another drop or another user.
pub async fn standing(shop: &Shop, drop: &DropId, user: &UserId, ticket: &DropTicket) -> Result<InLine, Failure> {
    let state = line(shop, drop, &mut shop.backoff()).await?;
    if !ticket.is_of(&state, user) {
        return Err(refusal(&state, TicketProblem::NotValid, None, shop.clock.now()).into());
    }
    Ok(in_line(shop, &state, ticket.clone()))
}

fn in_line(shop: &Shop, state: &DropState, ticket: DropTicket) -> InLine {
    let standing = state.standing(ticket.place, ticket.entered_at, shop.clock.now());
    InLine { drop_id: state.drop_id.clone(), ticket, standing, sold_out: state.enabled && state.is_sold_out() }
}

/// Returns a drop with its line, as of at most a second ago.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, drop: &DropId) -> Result<DropState, Failure> {
    line(shop, drop, &mut shop.backoff()).await
}

/// The state of a line that is at most a second old, after the step that is due.
async fn line(shop: &Shop, drop: &DropId, backoff: &mut Backoff) -> Result<DropState, Failure> {
    if let Some(cached) = shop.cached_drop(drop) {
        return Ok(cached);
    }
    let asked_at = shop.clock.now();
    let seen: Option<DropState> = shop.table.get(keys::drop(drop), Consistency::Strong).await?;
    let mut state = seen.ok_or_else(|| Refusal::not_found(Entity::Drop, drop))?;
    if state.is_due(shop.clock.now()) {
        state = step(shop, state, backoff).await?;
    }
    shop.cache_drop(&state, asked_at);
    Ok(state)
}

/// Takes a step of a line, or returns the state by which another took it.
async fn step(shop: &Shop, seen: DropState, backoff: &mut Backoff) -> Result<DropState, Failure> {
    let now = shop.clock.now();
    let mut wanted: Vec<Key> = (0..seen.counters).map(|counter| keys::line_counter(&seen.drop_id, counter)).collect();
    let known = known(shop, &seen.target).await?;
    wanted.extend(known.keys());
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let counters: Result<Vec<LineCounter>, Failure> = (0..seen.counters)
        .map(|counter| {
            let counter: Option<LineCounter> = found.get(&keys::line_counter(&seen.drop_id, counter))?;
            counter.ok_or(Failure::Internal("a drop lacks a counter"))
        })
        .collect();
    let shelf = match known {
        Known::Product { product, shards } => {
            let left = inventory::total(&inventory::among_or_read(shop, &found, &product, shards, backoff).await?);
            Shelf { shards, left }
        }
        Known::Campaign(campaign) => {
            let (shards, left) = tickets::left_in(shop, *campaign, found, backoff).await?;
            Shelf { shards, left }
        }
    };
    let line = seen.stepped(&counters?, shelf, now);
    match shop.table.apply::<DropState>(&drops::step(&seen, &line), backoff).await? {
        Applied::Done(state) | Applied::Refused(Some(state)) => Ok(state),
        Applied::Refused(None) => Err(Failure::Internal("a drop stays")),
    }
}

/// The thing that a drop sells, as it is known. The number of its shards or counters may be a cached one: those that are
/// missing are read again.
enum Known {
    Product { product: ProductId, shards: u16 },
    Campaign(Box<Campaign>),
}

impl Known {
    fn keys(&self) -> Vec<Key> {
        match self {
            Self::Product { product, shards } => inventory::keys_of(product, *shards),
            Self::Campaign(campaign) => tickets::counters(campaign).collect(),
        }
    }
}

async fn known(shop: &Shop, target: &Target) -> Result<Known, Failure> {
    match target {
        Target::ProductId(product) => {
            let shards = match shop.cached_product(product) {
                Some(product) => product.stock_shards,
                None => {
                    let product = products::described(shop, product).await?;
                    shop.cache_product(&product);
                    product.stock_shards
                }
            };
            Ok(Known::Product { product: product.clone(), shards })
        }
        Target::CouponId(coupon) => {
            let campaign = match shop.cached_campaign(coupon) {
                Some(campaign) => campaign,
                None => coupons::read(shop, coupon).await?,
            };
            Ok(Known::Campaign(Box::new(campaign)))
        }
    }
}

/// Admits a user to a guarded thing: with a ticket in its turn, or because the drop is off. Nothing is written; the
/// admission has to serve in the commit.
///
/// A state of the line that is a second old can miss a turn that has begun, so such a refusal needs a fresh record.
///
/// # Errors
/// [`Refusal::NotAdmitted`].
pub(super) async fn admit(
    shop: &Shop,
    drop: &DropId,
    user: &UserId,
    ticket: Option<&DropTicket>,
) -> Result<Option<Admission>, Failure> {
    let (mut state, mut is_fresh) = match shop.cached_drop(drop) {
        Some(state) => (state, false),
        None => (read(shop, drop).await?, true),
    };
    loop {
        let now = shop.clock.now();
        if !state.enabled {
            return Ok(None);
        }
        let Some(ticket) = ticket else {
            return Err(refusal(&state, TicketProblem::Missing, None, now).into());
        };
        if !ticket.is_of(&state, user) {
            return Err(refusal(&state, TicketProblem::NotValid, None, now).into());
        }
        let (problem, expected_at) = match state.standing(ticket.place, ticket.entered_at, now) {
            Standing::Admitted { .. } => {
                return Ok(Some(Admission { state, user: user.clone(), place: ticket.place }));
            }
            Standing::Waiting { expected_at, .. } => (TicketProblem::Waiting, expected_at),
            Standing::Expired => (TicketProblem::Expired, None),
        };
        if is_fresh {
            return Err(refusal(&state, problem, expected_at, now).into());
        }
        state = read(shop, drop).await?;
        is_fresh = true;
    }
}

/// Reads a drop that guards something, and caches it.
async fn read(shop: &Shop, drop: &DropId) -> Result<DropState, Failure> {
    let asked_at = shop.clock.now();
    let state: Option<DropState> = shop.table.get(keys::drop(drop), Consistency::Strong).await?;
    let state = state.ok_or(Failure::Internal("a guard has a drop"))?;
    shop.cache_drop(&state, asked_at);
    Ok(state)
}

/// The longest wait that a refusal names, in seconds.
const LONGEST_WAIT_S: i64 = 60;

fn refusal(state: &DropState, problem: TicketProblem, expected_at: Option<Timestamp>, now: Timestamp) -> Refusal {
    let soonest = expected_at.unwrap_or(state.opens_at).max(now);
    let wait_s = soonest.duration_since(now).max(STEP).as_secs();
    let retry_after_s = wait_s.clamp(1, LONGEST_WAIT_S);
    Refusal::NotAdmitted { drop_id: state.drop_id.clone(), problem, retry_after_s }
}
