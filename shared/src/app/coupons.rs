//! Coupons: campaigns, first come first served.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Shop, accounts,
    caps::Paced,
    desk::Part,
    drops::{self, Admission},
    idempotency::{self, Keep, Transacted},
    shop::SoldOut,
    ticket_sweep,
    tickets::{self, Allocated},
};
use crate::{
    domain::{
        CouponId, Invalid, Patch, Precondition, Refusal, UserId, Won,
        account::Account,
        budget::{self, BudgetShard},
        counter_growth::CounterGrowth,
        coupon::{
            Campaign, CampaignRow, CampaignStatus, Counter, CouponState, CouponStatus, IssuedCoupon, Terms,
            TotalQuantity, Validity,
        },
        drops::{DropTicket, ServedFor},
        refusal::Entity,
        swept::SweepPlan,
        tickets::{CounterShards, counter_shards},
    },
    store::{Backoff, Consistency, Found, Key, Outcome, StoreError, Transaction, coupons, keys, table::Range},
};

/// A campaign with the number of coupons left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    pub campaign: Campaign,
    /// Tickets that can still be allocated. They are fewer than the coupons that can still be issued while unclaimed
    /// tickets are on the way, or orphaned ones have not been swept.
    pub remaining: i64,
    /// The won left of its budget, if it has one.
    pub budget_left: Option<Won>,
}

#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Its id, if it is chosen.
    pub coupon_id: Option<CouponId>,
    pub name: String,
    pub description: Option<String>,
    pub terms: Terms,
    pub total_quantity: i64,
    /// The start of the issue.
    pub issue_from: Timestamp,
    /// The end of the issue, exclusive.
    pub issue_until: Timestamp,
    pub validity: Validity,
    /// The number of its counters, if it is chosen.
    pub counter_shards: Option<CounterShards>,
    /// The most that all its coupons together take off.
    pub max_total_discount: Option<Won>,
}

/// A change of a campaign. A field that is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct CampaignChange {
    /// The state that the caller expects the campaign to be in.
    pub precondition: Precondition,
    pub status: Option<CampaignStatus>,
    /// The end of the issue, exclusive.
    pub issue_until: Option<Timestamp>,
    /// The number of coupons to add.
    pub add_quantity: i64,
    pub description: Patch<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdempotentOutcome {
    coupon_id: CouponId,
}

/// Adds a campaign.
///
/// # Errors
/// [`Refusal::AlreadyExists`] if the id is taken.
pub async fn create(shop: &Shop, new: NewCampaign, key: &RequestKey) -> Result<Remaining, Failure> {
    let coupon_id = key.id(new.coupon_id.clone())?;
    let created = idempotency::unless_answered(shop, key, create_once(shop, new, coupon_id, key).await).await?;
    get(shop, &created.coupon_id).await
}

async fn create_once(
    shop: &Shop,
    new: NewCampaign,
    coupon_id: CouponId,
    key: &RequestKey,
) -> Result<IdempotentOutcome, Failure> {
    let counter_shards = counter_shards(new.counter_shards, new.total_quantity, shop.bounds.tickets_a_counter);
    let campaign = Campaign {
        coupon_id: coupon_id.clone(),
        name: new.name,
        description: new.description,
        terms: new.terms,
        total_quantity: new.total_quantity,
        issue_from: new.issue_from,
        issue_until: new.issue_until,
        validity: new.validity,
        counter_shards,
        growth: CounterGrowth { counters_pinned: new.counter_shards.is_some(), ..CounterGrowth::default() },
        created_at: shop.clock.now(),
        updated_at: Some(shop.clock.now()),
        status: CampaignStatus::Active,
        version: 0,
        first_quantity: None,
        drop_id: None,
        has_row: true,
        max_total_discount: new.max_total_discount,
        budget_shards: new.max_total_discount.map(|_| budget::shards(counter_shards)),
        sweep: SweepPlan::beginning_at(new.issue_from.max(shop.clock.now())),
    };
    let mut transaction = Transaction::new();
    transaction.add(coupons::create_campaign(&campaign));
    transaction.add(coupons::create_row(&campaign));
    for (limit, shard) in campaign.parts().into_iter().zip(0..) {
        transaction.add(coupons::create_counter(&coupon_id, shard, &Counter::new(limit)));
    }
    for (left, shard) in campaign.budget_parts().into_iter().zip(0..) {
        transaction.add(coupons::create_budget(&coupon_id, shard, left));
    }
    let created = IdempotentOutcome { coupon_id };
    match idempotency::transact(shop, transaction, key, created, Keep::AWeek, &mut shop.backoff()).await? {
        Transacted::Committed(created) | Transacted::Replayed(created) => Ok(created),
        Transacted::Refused(_) => Err(Refusal::AlreadyExists(Entity::Coupon).into()),
    }
}

/// Changes a campaign. The commit of the change is followed by each counter, and the answer by all of them: a campaign
/// that was paused or ended issues nothing from the answer on, added coupons can all be issued, and none is issued after
/// an earlier end.
///
/// Run twice with one key or entity tag it changes once; without either, a repetition sets the same values again. Two at
/// once are made one after the other, by the campaign's version. Stopped after its commit, the counters follow by the
/// sweep, or by a repetition with the key.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::PreconditionFailed`], [`Refusal::CampaignStateConflict`], and an invalid
/// `issueUntil` or `addQuantity` in the light of the campaign.
pub async fn update(
    shop: &Shop,
    coupon: &CouponId,
    change: &CampaignChange,
    key: &RequestKey,
) -> Result<Remaining, Failure> {
    let mut backoff = shop.backoff();
    let outcome = match update_once(shop, coupon, change, key, &mut backoff).await {
        Err(failure @ (Failure::Refused(_) | Failure::Invalid(..))) if key.given => {
            idempotency::recall(shop, key).await?.ok_or(failure)?
        }
        other => other?,
    };
    let IdempotentOutcome { coupon_id } = outcome;
    // The version of this change or a later one, so that a repetition finishes what its first attempt began.
    let campaign = read(shop, &coupon_id).await?;
    let left = tickets::bind_all(shop, &campaign, &mut backoff).await?;
    if campaign.status.is_active() && left == 0 {
        tickets::note_sold_out(shop, &campaign, true, &mut backoff).await;
    }
    get(shop, &coupon_id).await
}

async fn update_once(
    shop: &Shop,
    coupon: &CouponId,
    change: &CampaignChange,
    key: &RequestKey,
    backoff: &mut Backoff,
) -> Result<IdempotentOutcome, Failure> {
    loop {
        let seen = read(shop, coupon).await?;
        change.precondition.check(&seen.etag()).map_err(Refusal::from)?;
        let changed = changed(&seen, change, shop.clock.now())?;
        let mut transaction = Transaction::new();
        transaction.add(coupons::change_campaign(&seen, &changed));
        coupons::change_row(&seen, &changed).into_iter().for_each(|action| {
            transaction.add(action);
        });
        let outcome = IdempotentOutcome { coupon_id: coupon.clone() };
        match idempotency::transact(shop, transaction, key, outcome, Keep::AWeek, backoff).await? {
            Transacted::Committed(made) | Transacted::Replayed(made) => return Ok(made),
            Transacted::Refused(_) => backoff.pause("the campaign changed meanwhile").await?,
        }
    }
}

/// The campaign after a change.
fn changed(seen: &Campaign, change: &CampaignChange, now: Timestamp) -> Result<Campaign, Failure> {
    let CampaignChange { precondition: _, status, issue_until, add_quantity, description } = change.clone();
    let is_only_described = issue_until.is_none() && add_quantity == 0;
    if seen.status == CampaignStatus::Ended && !(status.is_none_or(|status| status == seen.status) && is_only_described)
    {
        return Err(Refusal::CampaignStateConflict { coupon_id: seen.coupon_id.clone(), status: seen.status }.into());
    }
    if let Some(until) = issue_until {
        if until <= seen.issue_from {
            return Err(Failure::Invalid("issueUntil", Invalid::After("issueFrom")));
        }
        if matches!(seen.validity, Validity::Until(end) if end < until) {
            return Err(Failure::Invalid("issueUntil", Invalid::NotAfter("validUntil")));
        }
    }
    let total = seen.total_quantity.saturating_add(add_quantity);
    if TotalQuantity::try_from(total).is_err() {
        let max = TotalQuantity::MAX.saturating_sub(seen.total_quantity);
        return Err(Failure::Invalid("addQuantity", Invalid::Range { min: 0, max }));
    }
    let first_quantity = seen.first_quantity.or((add_quantity > 0).then_some(seen.total_quantity));
    Ok(Campaign {
        status: status.unwrap_or(seen.status),
        issue_until: issue_until.unwrap_or(seen.issue_until),
        total_quantity: total,
        first_quantity,
        description: description.apply(seen.description.clone()),
        updated_at: Some(now.max(seen.last_updated())),
        version: seen.version.saturating_add(1),
        has_row: true,
        sweep: SweepPlan::again(now),
        ..seen.clone()
    })
}

/// Reads a campaign, strongly, and caches it.
pub(super) async fn read(shop: &Shop, coupon: &CouponId) -> Result<Campaign, Failure> {
    let campaign: Option<Campaign> = shop.table.get(keys::campaign(coupon), Consistency::Strong).await?;
    let campaign = campaign.ok_or_else(|| Refusal::not_found(Entity::Coupon, coupon))?;
    shop.cache_campaign(&campaign);
    Ok(campaign)
}

/// Returns a part of the campaigns that issue coupons now, those that end first at the beginning: up to `limit` after a
/// position. There are fewer if some have not begun; `next` is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn open(shop: &Shop, after: Option<String>, limit: usize) -> Result<Part<CampaignRow>, Failure> {
    let now = shop.clock.now();
    // A place of this instant and any id: its campaigns have ended, since the end is exclusive.
    let ended = format!("{}#~", keys::instant(now));
    let after = after.filter(|after| *after > ended).unwrap_or(ended);
    let range = Range::of_partition(keys::CAMPAIGN_ROWS.to_owned(), keys::CAMPAIGN_ROW_PREFIX);
    let range = range.after(Some(format!("{}{after}", keys::CAMPAIGN_ROW_PREFIX))).eventually();
    let page = shop.table.query::<CampaignRow>(range, limit).await?;
    let last = page.records.last().map(|row| keys::campaign_row_place(&row.coupon_id, row.issue_until));
    let items = page.records.into_iter().filter(|row| row.is_open(now)).collect();
    Ok(Part { items, next: last.filter(|_| page.more) })
}

/// Returns a campaign with the number of coupons left.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, coupon: &CouponId) -> Result<Remaining, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let campaign: Option<Campaign> = shop.table.get(keys::campaign(coupon), Consistency::Strong).await?;
        let campaign = campaign.ok_or_else(|| Refusal::not_found(Entity::Coupon, coupon))?;
        let counts: Vec<Key> = counts(&campaign).collect();
        let found = shop.table.get_all(&counts, Consistency::Strong, &mut backoff).await?;
        if tickets::newer(&campaign, &found)?.is_none() {
            return with_counts(campaign, &found);
        }
        // Some of its tickets may be in counters that were added since.
        backoff.retry("the campaign changed meanwhile").await?;
    }
}

/// The counters of a campaign and the shards of its budget.
pub(super) fn counts(campaign: &Campaign) -> impl Iterator<Item = Key> {
    tickets::counters(campaign).chain(budget_keys(&campaign.coupon_id, campaign.budget_shards))
}

fn budget_keys(coupon: &CouponId, shards: Option<u16>) -> impl Iterator<Item = Key> {
    (0..shards.unwrap_or(0)).map(|shard| keys::budget(coupon, shard))
}

/// The won in each shard of a campaign's budget, read strongly. Won that return while it is read may be missed.
///
/// # Errors
/// If the table cannot be reached.
pub(super) async fn read_budget(
    shop: &Shop,
    coupon: &CouponId,
    shards: u16,
    backoff: &mut Backoff,
) -> Result<Vec<Won>, Failure> {
    let wanted: Vec<Key> = budget_keys(coupon, Some(shards)).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    wanted.iter().map(|key| budget_in(&found, key)).collect()
}

fn budget_in(found: &Found, key: &Key) -> Result<Won, Failure> {
    let shard: BudgetShard = found.get(key)?.ok_or(Failure::Internal("a budget lacks a shard"))?;
    Ok(shard.left)
}

/// A campaign with its counters and its budget as they were read.
pub(super) fn with_counts(campaign: Campaign, found: &Found) -> Result<Remaining, Failure> {
    let mut remaining = 0_i64;
    for key in tickets::counters(&campaign) {
        let counter: Counter = found.get(&key)?.ok_or(Failure::Internal("a campaign lacks a counter"))?;
        remaining = remaining.saturating_add(counter.left());
    }
    let left = budget_keys(&campaign.coupon_id, campaign.budget_shards).map(|key| budget_in(found, &key));
    let left = Won::checked_sum(left.collect::<Result<Vec<_>, _>>()?);
    let budget_left = campaign.budget_shards.and(left);
    Ok(Remaining { campaign, remaining, budget_left })
}

/// Issues a coupon of a campaign to a user, first come first served. It first allocates a ticket of the counter, which
/// only a lost answer can waste. It then claims the ticket and issues the coupon in one commit on items that no other
/// user touches.
///
/// Run twice it issues once: the user's coupon is there. Stopped between the two steps it orphans a ticket, which the
/// sweep reclaims.
///
/// A campaign that is known to be sold out costs one eventual read for the user. The same read includes the counters if
/// they were last read more than a second ago. A user who was refused within that second costs nothing.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::UserNotActive`], [`Refusal::CouponAlreadyIssued`],
/// [`Refusal::CouponNotIssuable`], [`Refusal::NotAdmitted`], [`Refusal::CouponSoldOut`], [`Refusal::TooManyRequests`].
pub async fn issue(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    coupon: &CouponId,
    ticket: Option<&DropTicket>,
    key: &RequestKey,
) -> Result<IssuedCoupon, Failure> {
    match issue_once(shop, caller, (user, ticket), coupon, key).await {
        Err(Failure::Refused(refusal)) if key.given => match idempotency::recall::<IdempotentOutcome>(shop, key).await?
        {
            Some(first) => issued_as(shop, user, &first.coupon_id, &key.digest).await,
            None => Err(refusal.into()),
        },
        other => other,
    }
}

/// A coupon of a user by its own id, as it is: the current one of its campaign, or a revoked one that was replaced
/// since.
async fn issued_as(shop: &Shop, user: &UserId, coupon: &CouponId, issued: &str) -> Result<IssuedCoupon, Failure> {
    let places = [keys::user_coupon(user, coupon), keys::replaced_coupon(user, coupon, issued)];
    let found = shop.table.get_all(&places, Consistency::Strong, &mut shop.backoff()).await?;
    for place in &places {
        let there: Option<IssuedCoupon> = found.get(place)?;
        if let Some(there) = there.filter(|there| there.issued_coupon_id == issued) {
            return Ok(there);
        }
    }
    Err(Failure::Internal("an issued coupon stays"))
}

/// A user's coupon of a campaign, read strongly.
async fn current(shop: &Shop, user: &UserId, coupon: &CouponId) -> Result<Option<IssuedCoupon>, Failure> {
    Ok(shop.table.get(keys::user_coupon(user, coupon), Consistency::Strong).await?)
}

async fn issue_once(
    shop: &Shop,
    caller: &Caller,
    (user, ticket): (&UserId, Option<&DropTicket>),
    coupon: &CouponId,
    key: &RequestKey,
) -> Result<IssuedCoupon, Failure> {
    let mut backoff = shop.backoff();
    let (mut campaign, mut revoked) = match shop.cached_campaign(coupon).filter(|_| shop.has_refused(coupon, user)) {
        Some(campaign) => (campaign, None),
        None => may_have(shop, user, coupon, &mut backoff).await?,
    };
    let now = shop.clock.now();
    if !campaign.is_open(now) && !shop.is_campaign_recent(coupon) {
        // A refusal needs a fresh record, though many come before a campaign begins.
        campaign = read(shop, coupon).await?;
    }
    if !campaign.is_open(now) {
        return Err(Refusal::CouponNotIssuable.into());
    }
    let mut admission = admit(shop, &campaign, user, ticket).await?;
    if matches!(shop.sold_out(coupon), SoldOut::Is(_)) {
        shop.cache_refusal(coupon, user);
        return Err(Refusal::CouponSoldOut.into());
    }
    shop.check_pace(Paced::CouponIssue, caller, user)?;
    if shop.claims_rest(coupon) {
        // A ticket allocated now would be orphaned, too.
        return Err(StoreError::Busy("claims of tickets are throttled".to_owned()).into());
    }
    ticket_sweep::hasten(shop, &campaign, &mut backoff).await;
    let mut issued = IssuedCoupon {
        issued_coupon_id: key.digest.clone(),
        coupon_id: coupon.clone(),
        user_id: user.clone(),
        name: campaign.name.clone(),
        description: campaign.description.clone(),
        terms: campaign.terms.clone(),
        budget_shards: campaign.budget_shards,
        state: CouponState::Usable,
        issued_at: now,
        expires_at: campaign.expiry(now).map_err(|_| Failure::Internal("a coupon's expiry is an instant"))?,
        used_at: None,
        order_id: None,
        revoked_at: None,
        reissues: 0,
    };
    loop {
        let allocated = match tickets::draw(shop, &campaign, user, &mut backoff).await? {
            Allocated::Ticket { ticket: allocated, version } => {
                if version > campaign.version {
                    campaign = read(shop, coupon).await?;
                    issued.description.clone_from(&campaign.description);
                    admission = match admit(shop, &campaign, user, ticket).await {
                        Ok(admission) => admission,
                        Err(refused) => {
                            tickets::reclaim(shop, coupon, allocated, &mut backoff).await?;
                            return Err(refused);
                        }
                    };
                }
                allocated
            }
            outdated @ (Allocated::Outdated { .. } | Allocated::Grown) => {
                campaign = read(shop, coupon).await?;
                if !campaign.is_open(shop.clock.now()) {
                    return Err(Refusal::CouponNotIssuable.into());
                }
                if let Allocated::Outdated { shard, counter } = outdated {
                    // The change that opens the campaign has not come to this counter yet.
                    tickets::bind(shop, &campaign, shard, counter, &mut backoff).await?;
                }
                issued.description.clone_from(&campaign.description);
                admission = admit(shop, &campaign, user, ticket).await?;
                backoff.retry("the campaign changed meanwhile").await?;
                continue;
            }
        };
        let mut transaction = Transaction::new();
        transaction.add(coupons::claim_ticket(coupon, allocated.shard, allocated.number, user));
        let give = match &revoked {
            None => transaction.add(coupons::give(&issued)),
            Some(revoked) => {
                issued.reissues = revoked.reissues.saturating_add(1);
                transaction.add(coupons::keep_replaced(revoked));
                transaction.add(coupons::give_again(&issued, revoked))
            }
        };
        let served = admission.as_ref().map(|admission| {
            let for_what = ServedFor::IssuedCouponId(issued.issued_coupon_id.clone());
            (admission, admission.serve(&mut transaction, for_what, now))
        });
        let outcome = IdempotentOutcome { coupon_id: coupon.clone() };
        let note = idempotency::note(shop, &mut transaction, key, outcome, Keep::AWeek);
        let outcome = match shop.table.commit(transaction, &mut backoff).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                tickets::abandon(shop, coupon, allocated).await;
                return Err(failure.into());
            }
        };
        match outcome {
            Outcome::Committed => {
                shop.count_pace(Paced::CouponIssue, user);
                return Ok(issued);
            }
            Outcome::Refused(failures) => {
                // This ticket is orphaned, unless it was used before its answer got lost: then it is claimed, and
                // reclaiming changes nothing.
                tickets::reclaim(shop, coupon, allocated, &mut backoff).await?;
                let there: Option<IssuedCoupon> = failures.of(give)?.flatten();
                match there {
                    Some(there) if there.issued_coupon_id == issued.issued_coupon_id => return Ok(there),
                    Some(there) if there.state == CouponState::Revoked => revoked = Some(there),
                    Some(_) => return Err(Refusal::CouponAlreadyIssued.into()),
                    // The key had another coupon: its outcome is read from the key.
                    None if note.is_some_and(|note| failures.refuses(note)) => {
                        return Err(Refusal::CouponAlreadyIssued.into());
                    }
                    None => {
                        if let Some((admission, _)) = served.filter(|(_, served)| failures.refuses(*served)) {
                            return Err(admission.used().into());
                        }
                    }
                }
            }
        }
        backoff.pause("the ticket was void").await?;
    }
}

/// Admits a user to a campaign that a drop may guard.
async fn admit(
    shop: &Shop,
    campaign: &Campaign,
    user: &UserId,
    ticket: Option<&DropTicket>,
) -> Result<Option<Admission>, Failure> {
    match &campaign.drop_id {
        Some(drop) => drops::admit(shop, drop, user, ticket).await,
        None => Ok(None),
    }
}

/// Returns the campaign, for a user who may have a coupon of it, and the revoked coupon that it would replace.
///
/// An eventual read is enough: a user who is missed here is refused when the coupon is issued, or because all are gone.
/// A coupon that was found is read again strongly, since it may have been revoked a moment ago.
///
/// The counters of a campaign that was sold out are in the same read: while nothing comes back, a refusal needs no
/// more.
async fn may_have(
    shop: &Shop,
    user: &UserId,
    coupon: &CouponId,
    backoff: &mut Backoff,
) -> Result<(Campaign, Option<IssuedCoupon>), Failure> {
    let (account, mine, described) = (keys::account(user), keys::user_coupon(user, coupon), keys::campaign(coupon));
    let cached = shop.cached_campaign(coupon);
    let mut wanted = vec![account.clone(), mine.clone()];
    if cached.is_none() {
        wanted.push(described.clone());
    }
    let counted = cached.as_ref().filter(|_| shop.sold_out(coupon) == SoldOut::Was);
    wanted.extend(counted.into_iter().flat_map(tickets::counters));
    let at = shop.clock.now();
    let mut found = shop.table.get_all(&wanted, Consistency::Eventual, backoff).await?;
    if found.get::<Account>(&account)?.is_none() || (cached.is_none() && found.get::<Campaign>(&described)?.is_none()) {
        // An eventual read may miss a record that has only just been created.
        found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    }
    let mut is_outdated = false;
    if let Some(campaign) = counted {
        let (_, newer) = tickets::snapshot(shop, campaign, at, &found)?;
        is_outdated = newer.is_some();
    }
    accounts::ensure_active(user, found.get(&account)?)?;
    let campaign = match cached {
        Some(_) if is_outdated => read(shop, coupon).await?,
        Some(campaign) => campaign,
        None => {
            let campaign: Option<Campaign> = found.get(&described)?;
            let campaign = campaign.ok_or_else(|| Refusal::not_found(Entity::Coupon, coupon))?;
            shop.cache_campaign(&campaign);
            campaign
        }
    };
    if found.get::<IssuedCoupon>(&mine)?.is_none() {
        return Ok((campaign, None));
    }
    match current(shop, user, coupon).await? {
        Some(current) if current.state != CouponState::Revoked => Err(Refusal::CouponAlreadyIssued.into()),
        revoked => Ok((campaign, revoked)),
    }
}

/// Returns a part of a user's coupons: up to `limit` with one of `statuses` after the position `after`, and the
/// position of the next part, if there may be more. A revoked coupon that was replaced is listed beside its
/// replacement.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub async fn list(
    shop: &Shop,
    user: &UserId,
    statuses: &[CouponStatus],
    after: Option<CouponPlace>,
    limit: usize,
) -> Result<(Vec<IssuedCoupon>, Option<CouponPlace>), Failure> {
    let now = shop.clock.now();
    let mut matching: Vec<Listed> = Vec::new();
    let mut after = after;
    for _ in 0..shop.bounds.coupon_pages {
        let range = Range::of_partition(keys::user_partition(user), keys::COUPON_PREFIX)
            .after(after.map(|CouponPlace(place)| format!("{}{place}", keys::COUPON_PREFIX)));
        let page = shop.table.query::<Listed>(range, shop.bounds.coupon_page).await?;
        if page.records.is_empty() && matching.is_empty() {
            let account: Option<Account> = shop.table.get(keys::account(user), Consistency::Strong).await?;
            account.ok_or_else(|| Refusal::not_found(Entity::User, user))?;
        }
        after = page.records.last().and_then(Listed::place);
        matching.extend(page.records.into_iter().filter(|listed| statuses.contains(&listed.coupon.status(now))));
        if matching.len() > limit {
            matching.truncate(limit);
            after = matching.last().and_then(Listed::place);
            break;
        }
        if !page.more {
            after = None;
            break;
        }
    }
    Ok((matching.into_iter().map(|listed| listed.coupon).collect(), after))
}

/// A coupon's position among those of its user: the campaign's id, and for a replaced coupon also its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponPlace(String);

impl CouponPlace {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CouponPlace {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let mut ids = text.splitn(2, '#').map(|id| CouponId::try_from(id.to_owned()));
        if ids.all(|id| id.is_ok()) { Ok(Self(text)) } else { Err(Invalid::Cursor) }
    }
}

/// A coupon with its key.
#[derive(Debug, Deserialize)]
struct Listed {
    sk: String,
    #[serde(flatten)]
    coupon: IssuedCoupon,
}

impl Listed {
    fn place(&self) -> Option<CouponPlace> {
        self.sk.strip_prefix(keys::COUPON_PREFIX).map(|place| CouponPlace(place.to_owned()))
    }
}

/// The outcome of a revocation: the coupon that it revoked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    coupon_id: CouponId,
    issued_coupon_id: String,
}

/// Revokes a usable coupon. With a key it is idempotent, even after another coupon was issued in its place. Without one
/// a repetition is a new request, which revokes the new coupon.
///
/// # Errors
/// [`Refusal::NotFound`] if the user has no such coupon, [`Refusal::CouponNotUsable`] if it was used or has expired.
pub async fn revoke(shop: &Shop, user: &UserId, coupon: &CouponId, key: &RequestKey) -> Result<IssuedCoupon, Failure> {
    match revoke_once(shop, user, coupon, key).await {
        Err(Failure::Refused(refusal)) if key.given => match idempotency::recall::<Revoked>(shop, key).await? {
            Some(first) => issued_as(shop, user, &first.coupon_id, &first.issued_coupon_id).await,
            None => Err(refusal.into()),
        },
        other => other,
    }
}

async fn revoke_once(shop: &Shop, user: &UserId, coupon: &CouponId, key: &RequestKey) -> Result<IssuedCoupon, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let before = current(shop, user, coupon).await?;
        let before = before.ok_or_else(|| Refusal::not_found(Entity::Coupon, coupon))?;
        let now = shop.clock.now();
        let is_revoked = before.state == CouponState::Revoked;
        if let Some(reason) = before.usable(now).err().filter(|_| !is_revoked) {
            return Err(Refusal::CouponNotUsable { coupon_id: coupon.clone(), reason }.into());
        }
        if is_revoked && !key.given {
            return Ok(before);
        }
        let mut transaction = Transaction::new();
        transaction.add(if is_revoked { coupons::check_revoked(&before) } else { coupons::revoke(&before, now) });
        let issued_coupon_id = before.issued_coupon_id.clone();
        let outcome = Revoked { coupon_id: coupon.clone(), issued_coupon_id };
        match idempotency::transact(shop, transaction, key, outcome, Keep::AWeek, &mut backoff).await? {
            Transacted::Committed(_) if is_revoked => return Ok(before),
            Transacted::Committed(_) => {
                return Ok(IssuedCoupon { state: CouponState::Revoked, revoked_at: Some(now), ..before });
            }
            Transacted::Replayed(first) => {
                return issued_as(shop, user, &first.coupon_id, &first.issued_coupon_id).await;
            }
            Transacted::Refused(_) => {}
        }
        backoff.pause("the coupon changed meanwhile").await?;
    }
}
