//! Changes an order, and in the same commit every record that has to change with it.
//!
//! These effects follow from the difference between the order before and after: money paid or refunded, units returned
//! to the stock, a coupon that becomes usable again. The order's version is asserted: of several changes at once each
//! builds on the one before, and none is made twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        Failure, RequestKey, Shop, accounts,
        idempotency::{self, Keep},
        inventory, products,
    },
    domain::{
        CouponId, OrderId, ProductId, Refusal, UserId, Won,
        account::{Account, Movement, OutOfBounds},
        budget::Spend,
        id::bucket,
        inventory::{Shard, Take, allocate},
        ledger::{EntryKind, LedgerEntry},
        money::MAX_BALANCE,
        order::{Actor, BudgetReturn, Claim, DepositHold, MAX_LINES, Order, OrderEffects},
        purchase_limit::LimitPeriod,
        refusal::Entity,
        timed_offer::QuotaId,
    },
    store::{
        Backoff, ConditionFailures, Consistency, Outcome, RetryKind, Transaction,
        action::ActionIndex,
        confirmations, coupons, keys, ledger, limits,
        orders::{self, OrderRecord},
        quotas, shards, users,
    },
};

/// The outcome of a key that changed an order. The answer to a repetition is the order at that time.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdempotentOutcome {
    order_id: OrderId,
    /// The number of the part of the order that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
}

/// Changes an order, most likely of `user`. `step` returns the order after the change, or nothing if there is nothing
/// to change. It is called again whenever the order turns out to be another than it was given.
///
/// # Errors
/// [`Refusal::NotFound`]; the refusals of `step`; for a payment [`Refusal::UserNotActive`] and
/// [`Refusal::BalanceNotEnough`].
pub(super) async fn change(
    shop: &Shop,
    id: &OrderId,
    user: Option<&UserId>,
    key: Option<&RequestKey>,
    step: impl Fn(&Order, Timestamp) -> Result<Option<Order>, Refusal>,
) -> Result<Order, Failure> {
    let step = |order: &Order, now: Timestamp| Ok(step(order, now)?.map(|after| (after, None)));
    Ok(change_by(shop, id, user, key, &step).await?.0)
}

/// Makes a part of an order, such as a parcel. `step` returns the order with it, and its number. So does a repetition.
///
/// # Errors
/// Those of [`change`], and those of `step`.
pub(super) async fn change_part(
    shop: &Shop,
    id: &OrderId,
    key: &RequestKey,
    step: impl Fn(&Order, Timestamp) -> Result<(Order, usize), Failure>,
) -> Result<(Order, usize), Failure> {
    let step = |order: &Order, now: Timestamp| step(order, now).map(|(after, part)| Some((after, Some(part))));
    let (order, part) = change_by(shop, id, None, Some(key), &step).await?;
    Ok((order, part.ok_or(Failure::Internal("a part of an order has a number"))?))
}

/// The order after a change, and the number of the part that it made, if it made one.
type Changed = (Order, Option<usize>);

async fn change_by(
    shop: &Shop,
    id: &OrderId,
    user: Option<&UserId>,
    key: Option<&RequestKey>,
    step: &impl Fn(&Order, Timestamp) -> Result<Option<Changed>, Failure>,
) -> Result<Changed, Failure> {
    match change_once(shop, id, user, key, step).await {
        Err(failure @ (Failure::Refused(_) | Failure::Invalid(..))) => match key.filter(|key| key.given) {
            Some(key) => match idempotency::recall::<IdempotentOutcome>(shop, key).await? {
                Some(outcome) => Ok((read(shop, id).await?.order, outcome.part)),
                None => Err(failure),
            },
            None => Err(failure),
        },
        other => other,
    }
}

async fn change_once(
    shop: &Shop,
    id: &OrderId,
    user: Option<&UserId>,
    key: Option<&RequestKey>,
    step: &impl Fn(&Order, Timestamp) -> Result<Option<Changed>, Failure>,
) -> Result<Changed, Failure> {
    let mut backoff = shop.backoff();
    let to_look_at = user.filter(|user| shop.cached_account(user).is_none());
    let (mut seen, mut known) = look(shop, id, to_look_at, &mut backoff).await?;
    loop {
        let Some((now, part)) = step(&seen.order, shop.clock.now())? else {
            return Ok((seen.order, None));
        };
        let mut attempt = Attempt::new(shop, &seen, &now, &mut known, &mut backoff).await?;
        let outcome = IdempotentOutcome { order_id: id.clone(), part };
        let note = key.and_then(|key| idempotency::note(shop, &mut attempt.transaction, key, outcome, Keep::AWeek));
        let Some(failures) = attempt.commit(shop, &mut seen, &mut known, &mut backoff).await? else {
            return Ok((now, part));
        };
        if let Some(key) = key
            && let Some(outcome) = idempotency::noted::<IdempotentOutcome>(&failures, note, key)?
        {
            return Ok((read(shop, id).await?.order, outcome.part));
        }
        if backoff.retry("the order changed meanwhile").await? == RetryKind::AfterBackoff {
            // The cached account is older than the one that was refused.
            let to_look_at = known.account.map(|_| seen.order.user_id.clone());
            (seen, known) = look(shop, id, to_look_at.as_ref(), &mut backoff).await?;
        }
    }
}

/// The time between two looks at a confirmation that an open claim holds up.
const CONFIRMATION_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Plans the next confirmation of an order as it was read; nothing happens if the order has changed meanwhile, as that
/// change has planned it.
pub(super) async fn plan_confirmation(shop: &Shop, seen: &Order) -> Result<(), Failure> {
    let mut transaction = Transaction::new();
    transaction.add(orders::check_version(seen));
    // A line with an open claim waits for the end of it, which the sweep looks for now and then.
    let later = shop.clock.now().checked_add(CONFIRMATION_PAUSE).unwrap_or(Timestamp::MAX);
    let at = seen.next_confirmation(shop.policy.confirm_after);
    let at = at.map(|at| if seen.claims.iter().any(Claim::is_open) { at.max(later) } else { at });
    transaction.add(confirmations::plan(&seen.order_id, at));
    let (Outcome::Committed | Outcome::Refused(_)) = shop.table.commit(transaction, &mut shop.backoff()).await?;
    Ok(())
}

/// Reads the order, and in the same round trip the account of `user`, if one is given.
async fn look(
    shop: &Shop,
    id: &OrderId,
    user: Option<&UserId>,
    backoff: &mut Backoff,
) -> Result<(OrderRecord, Known), Failure> {
    let Some(user) = user else {
        return Ok((read(shop, id).await?, Known::default()));
    };
    let (order, account) = (keys::order(id), keys::account(user));
    let found = shop.table.get_all(&[order.clone(), account.clone()], Consistency::Strong, backoff).await?;
    let record: OrderRecord = found.get(&order)?.ok_or_else(|| Refusal::not_found(Entity::Order, id))?;
    let account: Option<Account> = if record.order.user_id == *user { found.get(&account)? } else { None };
    let account = account.map(|account| (account, true));
    Ok((record, Known { account, ..Known::default() }))
}

pub(super) async fn read(shop: &Shop, id: &OrderId) -> Result<OrderRecord, Failure> {
    let there = shop.table.get(keys::order(id), Consistency::Strong).await?;
    there.ok_or_else(|| Refusal::not_found(Entity::Order, id).into())
}

/// The preconditions of a change beside the order itself.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The account, and whether it was read for this request.
    account: Option<(Account, bool)>,
    /// The number of shards of a product's stock.
    shards: BTreeMap<ProductId, u16>,
    /// The shards that the units of an exchange come from, once its first choice was too short.
    takes: BTreeMap<ProductId, Vec<Take>>,
    /// The purchase limits whose counters turned out to be removed, so that there is nothing to subtract from.
    limits_are_gone: BTreeSet<(ProductId, LimitPeriod)>,
    /// The parts of quotas whose counters turned out to be missing, so that there is nothing to subtract from.
    quotas_are_gone: BTreeSet<(ProductId, QuotaId, u16)>,
    /// Whether the coupon turned out not to be used by the order, so that there is nothing to give back.
    coupon_is_elsewhere: bool,
}

/// One attempt to commit.
pub(super) struct Attempt {
    pub(super) transaction: Transaction,
    order: ActionIndex,
    account: Option<(ActionIndex, UserId, Account)>,
    /// The count of an order that begins to wait for a deposit.
    pub(super) deposit: Option<ActionIndex>,
    inventory: Vec<(ActionIndex, ProductId)>,
    /// The units to be taken of each product, with the actions that take them.
    taken: Vec<(ProductId, i64, Vec<ActionIndex>)>,
    /// The counters of purchase limits that units are subtracted from.
    limits: Vec<(ActionIndex, (ProductId, LimitPeriod))>,
    /// The counters of quotas that units are subtracted from.
    quotas: Vec<(ActionIndex, (ProductId, QuotaId, u16))>,
    coupon: Option<ActionIndex>,
}

impl Attempt {
    /// Builds the transaction that takes the order from `seen` to the state after the change.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`] if the history of the order is full.
    pub(super) async fn new(
        shop: &Shop,
        seen: &OrderRecord,
        now: &Order,
        known: &mut Known,
        backoff: &mut Backoff,
    ) -> Result<Self, Failure> {
        now.check_history(&seen.order, &shop.bounds.history)?;
        let now = &planned(shop, now);
        let effects = OrderEffects::between(&seen.order, now);
        let mut transaction = Transaction::new();
        let record = OrderRecord::new(now.clone(), seen.payload.clone());
        let order = transaction.add(orders::replace(&seen.order, &record));
        let window = shop.policy.confirm_after;
        let confirmation = now.next_confirmation(window);
        // A plan that a claim makes void is left to the sweep: removing it would cost each receipt as much as its refund.
        let is_left = confirmation.is_none() && !now.claims.is_empty();
        if confirmation != seen.order.next_confirmation(window) && !is_left {
            transaction.add(confirmations::plan(&now.order_id, confirmation));
        }

        let account = match (effects.payment, effects.refund) {
            (Some(amount), _) => Some(known.pay(shop, now, amount).await?),
            (None, Some(amount)) => Some(known.refund(shop, now, amount).await?),
            (None, None) => None,
        };
        let account = match account {
            None => {
                if let Some(held) = effects.released {
                    transaction.add(users::release(effects.user, held, effects.deposit_ended()));
                }
                None
            }
            Some((seen, after, entry)) => {
                let action = match entry.kind {
                    EntryKind::Payment => users::move_balance(effects.user, &seen, &after),
                    _ => users::refund_balance(effects.user, &seen, &after),
                };
                let action = match effects.released {
                    Some(held) => users::also_release(action, held, effects.deposit_ended()),
                    None => action,
                };
                let position = transaction.add(action);
                transaction.add(ledger::append(effects.user, &entry));
                Some((position, effects.user.clone(), after))
            }
        };
        let deposit = match effects.deposit {
            Some(DepositHold::Begins(held)) => {
                Some(transaction.add(users::await_deposit(effects.user, held, &shop.policy.caps)))
            }
            Some(DepositHold::Ends(_)) | None => None,
        };
        let products: Vec<&ProductId> = effects.units.keys().chain(effects.taken.keys()).copied().collect();
        known.find_shards(shop, &products, backoff).await?;
        let mut inventory = Vec::new();
        for (product, units) in effects.units {
            let shards = known.shards.get(product).copied().unwrap_or(1);
            let shard = bucket(now.order_id.as_str(), shards);
            inventory.push((transaction.add(shards::give_back(product, shard, units)), product.clone()));
        }
        let mut taken = Vec::new();
        for (product, units) in effects.taken {
            let shards = known.shards.get(product).copied().unwrap_or(1);
            let takes = match known.takes.get(product) {
                Some(takes) => takes.clone(),
                None => vec![Take { shard: bucket(now.order_id.as_str(), shards), units }],
            };
            let actions = takes.into_iter().map(|take| transaction.add(shards::take(product, take))).collect();
            taken.push((product.clone(), units, actions));
        }
        let mut limits = Vec::new();
        for ((product, period), units) in effects.limits {
            let of = (product.clone(), period);
            if !known.limits_are_gone.contains(&of) {
                limits.push((transaction.add(limits::give_back(effects.user, product, period, units)), of));
            }
        }
        let mut quotas = Vec::new();
        for ((product, id, part), units) in effects.quotas {
            let of = (product.clone(), id, part);
            if !known.quotas_are_gone.contains(&of) {
                quotas.push((transaction.add(quotas::give_back(product, id, part, units)), of));
            }
        }
        let coupon = effects.coupon.filter(|_| !known.coupon_is_elsewhere);
        let coupon = coupon.map(|coupon| coupons::give_back(effects.user, coupon, &now.order_id));
        let coupon = coupon.map(|action| transaction.add(action));
        if let Some(BudgetReturn { coupon, shards, amount }) = effects.budget {
            let shard = bucket(now.order_id.as_str(), shards);
            transaction.add(coupons::return_to_budget(coupon, Spend { shard, amount }));
        }
        Ok(Self { transaction, order, account, deposit, inventory, taken, limits, quotas, coupon })
    }

    /// Commits, and returns nothing on success. Otherwise `seen` and `known` are refreshed from the condition failures,
    /// which are returned.
    pub(super) async fn commit(
        self,
        shop: &Shop,
        seen: &mut OrderRecord,
        known: &mut Known,
        backoff: &mut Backoff,
    ) -> Result<Option<ConditionFailures>, Failure> {
        let Self { transaction, order, account, deposit: _, inventory, taken, limits, quotas, coupon } = self;
        let limited = limits.len().saturating_add(quotas.len());
        let failures = match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => {
                if let Some((_, user, after)) = account {
                    shop.cache_account(&user, after);
                }
                inventory.iter().for_each(|(_, product)| shop.invalidate_product_sold_out(product));
                return Ok(None);
            }
            Outcome::Refused(failures) => failures,
        };
        if let Some(there) = failures.of::<OrderRecord>(order)? {
            *seen = there.ok_or(Failure::Internal("an order stays"))?;
        } else if coupon.is_some_and(|coupon| failures.refuses(coupon)) {
            // Only a damaged record comes here. The order must end all the same, or it would hold its units for ever.
            tracing::error!(order.id = %seen.order.order_id, "the coupon of an order is not used by it");
            known.coupon_is_elsewhere = true;
        }
        if let Some((position, _, _)) = account
            && let Some(there) = failures.of::<Account>(position)?
        {
            known.account = Some((there.ok_or(Failure::Internal("an account stays"))?, true));
        }
        for (_, of) in limits.into_iter().filter(|(position, _)| failures.refuses(*position)) {
            // The counter of a day is removed long after it. Units returned later count on nothing.
            known.limits_are_gone.insert(of);
        }
        for (_, of) in quotas.into_iter().filter(|(position, _)| failures.refuses(*position)) {
            // Only a damaged record comes here. The order must end all the same, or it would hold its units for ever.
            tracing::error!(order.id = %seen.order.order_id, product.id = %of.0, "a quota of an order has no counter");
            known.quotas_are_gone.insert(of);
        }
        for (_, product) in inventory.iter().filter(|(position, _)| failures.refuses(*position)) {
            shop.invalidate_product(product);
            known.shards.remove(product);
        }
        let beside = ACTIONS_BESIDE_TAKES.saturating_add(limited);
        let room = shop.bounds.table.actions.saturating_sub(beside);
        let most = room.checked_div(taken.len()).unwrap_or(1).max(1);
        for (product, units, actions) in taken {
            if actions.iter().any(|action| failures.refuses(*action)) {
                known.find_units(shop, &product, units, most, backoff).await?;
            }
        }
        Ok(Some(failures))
    }
}

/// The most actions of a change beside the units that it takes: order, confirmation, account, ledger entry, coupon, budget,
/// outcome, and a shard for each product that gets units back.
const ACTIONS_BESIDE_TAKES: usize = 7 + MAX_LINES as usize;

impl Known {
    /// Chooses the shards, at most `most` of them, that units come from whose first choice was too short. If they are in
    /// more, they are moved together: the total stock stays, whether or not the order commits.
    ///
    /// # Errors
    /// [`Refusal::StockNotEnough`].
    async fn find_units(
        &mut self,
        shop: &Shop,
        product: &ProductId,
        units: i64,
        most: usize,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        shop.invalidate_product(product);
        let stocked = |shards: &[Shard]| -> Vec<i64> { shards.iter().map(|shard| shard.remaining).collect() };
        loop {
            let count = products::described(shop, product).await?.stock_shards;
            let shards = inventory::read(shop, product, count, backoff).await?;
            let takes = match allocate(units, &stocked(&shards), 0) {
                Some(takes) => takes,
                None => {
                    let shards = inventory::read_settled(shop, product, shards, backoff).await?;
                    let available = inventory::total(&shards);
                    let refusal = Refusal::StockNotEnough { product_id: product.clone(), requested: units, available };
                    allocate(units, &stocked(&shards), 0).ok_or(refusal)?
                }
            };
            let takes = if takes.len() <= most {
                Some(takes)
            } else {
                inventory::gather(shop, product, &takes, backoff).await?.map(|gathered| vec![gathered])
            };
            match takes {
                Some(takes) => {
                    self.takes.insert(product.clone(), takes);
                    return Ok(());
                }
                None => backoff.pause("the units moved meanwhile").await?,
            }
        }
    }

    /// The account before and after the payment of an order, and its entry in the ledger.
    async fn pay(
        &mut self,
        shop: &Shop,
        order: &Order,
        amount: Won,
    ) -> Result<(Account, Account, LedgerEntry), Failure> {
        let user = &order.user_id;
        loop {
            let (account, is_fresh) = self.account(shop, user).await?;
            let account = match accounts::ensure_active(user, Some(account)) {
                Ok(account) => account,
                // A refusal needs a fresh record.
                Err(_) if !is_fresh => {
                    self.look_at_account(shop, user).await?;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let entry_id = order.order_id.to_string();
            match account.book(user, movement(order, entry_id, EntryKind::Payment, amount.negated())) {
                Ok((after, entry)) => return Ok((account, after, entry)),
                Err(OutOfBounds::NotEnough) if !is_fresh => self.look_at_account(shop, user).await?,
                Err(OutOfBounds::NotEnough) => {
                    let (order_id, payable, balance) = (order.order_id.clone(), amount, account.balance);
                    return Err(Refusal::BalanceNotEnough { order_id: Some(order_id), payable, balance }.into());
                }
                Err(OutOfBounds::TooMuch) => return Err(Failure::Internal("a payment lowers a balance")),
            }
        }
    }

    /// The account before and after a refund, and its entry in the ledger.
    async fn refund(
        &mut self,
        shop: &Shop,
        order: &Order,
        amount: Won,
    ) -> Result<(Account, Account, LedgerEntry), Failure> {
        let (account, _) = self.account(shop, &order.user_id).await?;
        let entry_id = format!("{}-{}", order.order_id, order.version);
        let (after, entry) = account
            .book(&order.user_id, movement(order, entry_id, EntryKind::Refund, amount))
            .map_err(|_| Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() })?;
        Ok((account, after, entry))
    }

    /// The account, from the condition failures, the cache or the table.
    async fn account(&mut self, shop: &Shop, user: &UserId) -> Result<(Account, bool), Failure> {
        if self.account.is_none() {
            self.account = shop.cached_account(user).map(|account| (account, false));
        }
        if self.account.is_none() {
            self.look_at_account(shop, user).await?;
        }
        self.account.ok_or(Failure::Internal("an account was looked at"))
    }

    async fn look_at_account(&mut self, shop: &Shop, user: &UserId) -> Result<(), Failure> {
        let account: Option<Account> = shop.table.get(keys::account(user), Consistency::Strong).await?;
        self.account = Some((account.ok_or_else(|| Refusal::not_found(Entity::User, user))?, true));
        Ok(())
    }

    async fn find_shards(
        &mut self,
        shop: &Shop,
        products: &[&ProductId],
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        let mut unknown = Vec::new();
        for &product in products {
            if self.shards.contains_key(product) {
                continue;
            }
            match shop.cached_product(product) {
                Some(known) => {
                    self.shards.insert(product.clone(), known.stock_shards);
                }
                None => unknown.push(product.clone()),
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        for (id, product) in products::describe(shop, &unknown, backoff).await? {
            self.shards.insert(id, product.stock_shards);
        }
        Ok(())
    }
}

/// Changes of several orders in one commit, so that the shards of their products, quotas and budgets are written once. Only for changes that
/// move no money, of orders of different users.
pub(super) struct JoinedAttempt {
    transaction: Transaction,
    products: Vec<ProductId>,
}

impl JoinedAttempt {
    /// Joins as many changes, each an order before and after it, as fit a transaction. Returns it with the number of
    /// changes from the first on that it has.
    pub(super) async fn new(
        shop: &Shop,
        changes: &[(OrderRecord, Order)],
        backoff: &mut Backoff,
    ) -> Result<(Self, usize), Failure> {
        let mut users: BTreeSet<&UserId> = BTreeSet::new();
        let mut units: BTreeMap<&ProductId, (&OrderId, i64)> = BTreeMap::new();
        let mut budgets: BTreeMap<(&CouponId, u16), Won> = BTreeMap::new();
        let mut quotas: BTreeMap<(&ProductId, QuotaId, u16), i64> = BTreeMap::new();
        let mut transaction = Transaction::new();
        let mut joined = 0_usize;
        for (before, after) in changes {
            let effects = OrderEffects::between(&before.order, after);
            let new_products = effects.units.keys().filter(|product| !units.contains_key(**product)).count();
            // The order, the account, the coupon and its budget, its purchase limits and quotas, and a shard for each
            // product.
            let counters = effects.limits.len().saturating_add(effects.quotas.len());
            let sums = [units.len(), budgets.len(), quotas.len()].into_iter().fold(0, usize::saturating_add);
            let actions = [transaction.len(), 4, counters, sums, new_products];
            let actions = actions.into_iter().fold(0, usize::saturating_add);
            let moves_money = effects.payment.is_some() || effects.refund.is_some();
            if moves_money || actions > shop.bounds.table.actions || !users.insert(effects.user) {
                break;
            }
            after.check_history(&before.order, &shop.bounds.history)?;
            let record = OrderRecord { order: planned(shop, after), ..before.clone() };
            transaction.add(orders::replace(&before.order, &record));
            if let Some(held) = effects.released {
                transaction.add(users::release(effects.user, held, effects.deposit_ended()));
            }
            if let Some(coupon) = effects.coupon {
                transaction.add(coupons::give_back(effects.user, coupon, &after.order_id));
            }
            if let Some(BudgetReturn { coupon, shards, amount }) = effects.budget {
                let shard = bucket(after.order_id.as_str(), shards);
                let sum = budgets.entry((coupon, shard)).or_default();
                *sum = sum.checked_add(amount).ok_or(Failure::Internal("returned discounts fit an amount"))?;
            }
            for ((product, period), back) in effects.limits {
                transaction.add(limits::give_back(effects.user, product, period, back));
            }
            for (of, back) in effects.quotas {
                let sum = quotas.entry(of).or_default();
                *sum = sum.saturating_add(back);
            }
            for (product, back) in effects.units {
                let (_, sum) = units.entry(product).or_insert((&after.order_id, 0));
                *sum = sum.saturating_add(back);
            }
            joined = joined.saturating_add(1);
        }
        for ((coupon, shard), amount) in budgets {
            transaction.add(coupons::return_to_budget(coupon, Spend { shard, amount }));
        }
        for ((product, id, part), back) in quotas {
            transaction.add(quotas::give_back(product, id, part, back));
        }
        let mut known = Known::default();
        known.find_shards(shop, &units.keys().copied().collect::<Vec<_>>(), backoff).await?;
        for (product, (first, units)) in &units {
            let shards = known.shards.get(*product).copied().unwrap_or(1);
            transaction.add(shards::give_back(product, bucket(first.as_str(), shards), *units));
        }
        let products = units.into_keys().cloned().collect();
        Ok((Self { transaction, products }, joined))
    }

    /// Commits all changes, or none. Returns whether it did.
    pub(super) async fn commit(self, shop: &Shop, backoff: &mut Backoff) -> Result<bool, Failure> {
        match shop.table.commit(self.transaction, backoff).await? {
            Outcome::Committed => {
                self.products.iter().for_each(|product| shop.invalidate_product_sold_out(product));
                Ok(true)
            }
            Outcome::Refused(_) => {
                // A product may have another number of shards by now.
                self.products.iter().for_each(|product| shop.invalidate_product(product));
                Ok(false)
            }
        }
    }
}

/// The movement of money for an order in its state after the change.
pub(super) fn movement(order: &Order, entry_id: String, kind: EntryKind, amount: Won) -> Movement {
    let actor = order.history.last().map_or(Actor::System, |entry| entry.actor);
    let (order_id, at) = (Some(order.order_id.clone()), order.updated_at);
    Movement { entry_id, kind, amount, order_id, payment_id: None, actor, reason: None, at }
}

/// The order with the instant of the sweep's next look at its open refunds.
fn planned(shop: &Shop, after: &Order) -> Order {
    Order { refunds_look_at: after.next_refund_look(shop.policy.payments.refund_patience), ..after.clone() }
}
