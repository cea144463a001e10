//! Places an order in one commit: paid at once from the balance, or with its units and coupon held until the payment
//! arrives.

use std::iter;

use super::{
    authorized::AuthorizedOrder,
    change::movement,
    preconditions::{Asserted, LinePreconditions, Preconditions, Trust},
    source::{OrderSource, ResolvedItems},
};
use crate::{
    app::{Caller, Failure, RequestKey, Role, Shop, accounts, caps},
    domain::{
        Invalid, OrderId, ProductId, Quantity, Refusal, UserId, Won,
        account::Account,
        address::Missing,
        benefits::OnPartialCancel,
        caps::{Caps, Held, Window},
        cart::Cart,
        coupon::CouponProblem,
        drops::{DropTicket, ServedFor},
        ledger::EntryKind,
        order::{Actor, Draft, Order, PayBy, PaymentMethod},
        pricing::{self, NoQuote},
        timed_offer::QuotaUse,
    },
    store::{
        Attempted, Backoff, Consistency, Outcome, RetryKind, Transaction,
        action::ActionIndex,
        carts, coupons, keys, ledger, limits,
        orders::{self, OrderRecord},
        quotas, shards, sheets, users,
    },
};

/// A request to place an order.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// The caller: the customer, or an admin for them.
    pub caller: Caller,
    /// The orderer, who is the recipient.
    pub user_id: UserId,
    pub source: OrderSource,
    pub pay_by: PayBy,
    /// The part that an external payment leaves to the balance. It is taken with the hold.
    pub balance_amount: Won,
    /// The amount of the order, as far as the customer knows.
    pub expected_payable: Option<Won>,
    /// The ticket of the drop that guards a product of the order.
    pub ticket: Option<DropTicket>,
}

/// Places an order. Paid at once: stock, balance, coupon and order all change, or none does. To be paid later: stock
/// and coupon are held until the hold ends.
///
/// Run twice with one key it orders once: the order's id derives from the key, and the order is put only if absent. If
/// another order for the same user, product, coupon or sheet runs at the same time, one of the two meets a failed
/// condition. It refreshes its preconditions from the condition failures, and retries or refuses.
///
/// # Errors
/// The first of:
/// - the faults of the cart; [`Refusal::NotFound`], [`Refusal::SheetOrdered`] or [`Refusal::SheetExpired`] for the
///   sheet;
/// - [`Refusal::NotFound`] or [`Refusal::UserNotActive`] for the user;
/// - [`Refusal::NotFound`], [`Refusal::NotOnSale`], [`Refusal::OutsideSaleWindow`], [`Refusal::PriceChanged`] or
///   [`Refusal::PayableChanged`] (for expected amounts), [`Refusal::StockNotEnough`], [`Refusal::PurchaseLimitExceeded`]
///   for a product;
/// - [`Refusal::NotAdmitted`] if a drop guards a product, before a shortage that is not known yet; if the ticket has
///   served, after all other refusals;
/// - [`Refusal::CouponNotUsable`];
/// - [`Refusal::AddressRequired`];
/// - [`Refusal::LimitExceeded`] or [`Refusal::TooManyRequests`] for the user's caps;
/// - [`Refusal::BalanceNotEnough`], which leaves a PAYMENT_FAILED order.
pub async fn place(shop: &Shop, order: &PlaceOrder, key: &RequestKey) -> Result<AuthorizedOrder, Failure> {
    let id: OrderId = key.id(None)?;
    let placed = match place_once(shop, order, &id, key).await {
        // The order itself may be the cause of the refusal: it took the last units or the items of the cart, or used
        // the coupon.
        Err(failure @ (Failure::Refused(_) | Failure::Invalid(..))) if key.given => {
            let first: Option<OrderRecord> = shop.table.get(keys::order(&id), Consistency::Strong).await?;
            first.map_or(Err(failure), |first| replayed(first, key))
        }
        other => other,
    };
    AuthorizedOrder::for_caller(&order.caller, placed?, shop.clock.now())?
        .ok_or(Failure::Internal("one may see what one ordered"))
}

fn replayed(first: OrderRecord, key: &RequestKey) -> Result<Order, Failure> {
    key.check_payload(&first.payload)?;
    Ok(first.order)
}

async fn place_once(shop: &Shop, order: &PlaceOrder, id: &OrderId, key: &RequestKey) -> Result<Order, Failure> {
    let mut backoff = shop.backoff();
    let mut preconditions = gather(shop, order, id, &mut backoff).await?;
    let placed = place_by(shop, order, id, key, &mut preconditions, &mut backoff).await;
    preconditions.release_reserved(shop, &mut backoff).await;
    placed
}

/// Places an order by these preconditions, refreshed as often as necessary.
async fn place_by(
    shop: &Shop,
    order: &PlaceOrder,
    id: &OrderId,
    key: &RequestKey,
    preconditions: &mut Preconditions,
    backoff: &mut Backoff,
) -> Result<Order, Failure> {
    let user_id = &order.user_id;
    // One id for all attempts, so that a lost answer cannot leave two records of one failure.
    let failed_id = OrderId::try_from(shop.new_id()).map_err(|_| Failure::Internal("a new id is an id"))?;
    let (mut is_fresh, mut is_checked, mut is_looked_at) = (false, false, false);
    let (mut is_address_fresh, mut has_begun_anew) = (false, false);
    loop {
        preconditions.admit(shop, user_id, order.ticket.as_ref()).await?;
        let draft = draft(shop, &order.caller, user_id, preconditions, backoff).await?;
        if let Some(quoted) = order.expected_payable.filter(|expected| *expected != draft.quote.amounts.payable) {
            if is_fresh {
                return Err(Refusal::PayableChanged { quoted, current: draft.quote.amounts.payable }.into());
            }
            // A refusal needs a fresh record.
            preconditions.refresh(shop, user_id, backoff).await?;
            is_fresh = true;
            continue;
        }
        if let Err(failure) = check_split(order, &draft) {
            if preconditions.has_unread_quota(draft.at) {
                preconditions.read_quotas(shop, backoff).await?;
                continue;
            }
            return Err(failure);
        }
        if let Some(missing) = lacks_address(shop, preconditions) {
            if is_address_fresh {
                return Err(Refusal::AddressRequired { missing: missing.names() }.into());
            }
            // All other refusals come first, and a refusal needs a fresh record.
            preconditions.check_all_but_coupon(shop, user_id, backoff).await?;
            preconditions.read_budget(shop, backoff).await?;
            is_address_fresh = true;
            continue;
        }
        if is_above_caps(shop, order, &draft, preconditions) {
            // All other refusals come first, and a refusal needs a fresh record.
            preconditions.check_all_but_coupon(shop, user_id, backoff).await?;
            preconditions.read_budget(shop, backoff).await?;
            self::draft(shop, &order.caller, user_id, preconditions, backoff).await?;
            refuse_above_caps(shop, order, &draft, preconditions, backoff).await?;
            backoff.pause("the caps had room again").await?;
            continue;
        }
        if has_enough(order, &draft, preconditions) {
            if preconditions.is_flash() && !is_looked_at {
                // A repetition must not reserve units, only to release them in a transaction on their shard.
                let known = key.given.then_some(id);
                let (first, is_above_limit) =
                    preconditions.look_before_reserving(shop, user_id, known, backoff).await?;
                if let Some(first) = first {
                    return replayed(first, key);
                }
                if is_above_limit {
                    // All other refusals come first, and a refusal needs a fresh record.
                    preconditions.check_all_but_coupon(shop, user_id, backoff).await?;
                    backoff.pause("the limit had room again").await?;
                    continue;
                }
                is_looked_at = true;
            }
            let is_reserved = preconditions.reserve(shop, user_id, backoff).await?;
            let now = shop.clock.now();
            if !is_reserved || preconditions.is_outdated(now) || preconditions.has_other_prices(&draft.items, now) {
                continue;
            }
        } else if !is_checked {
            // The commit asserts nothing but the account, since a condition on a shard would lock it for a refusal.
            preconditions.check_all_but_coupon(shop, user_id, backoff).await?;
            preconditions.read_budget(shop, backoff).await?;
            is_checked = true;
            continue;
        } else if waits_for(order.pay_by, &draft).is_some() {
            let (payable, balance) = (order.balance_amount, preconditions.account.balance);
            return Err(Refusal::BalanceNotEnough { order_id: None, payable, balance }.into());
        }
        if !preconditions.is_admitted() {
            // A drop has begun to guard a product meanwhile.
            continue;
        }
        let attempt = Attempt::new(shop, order, id, &failed_id, draft, preconditions, key)?;
        let Attempt { transaction, order: made, place, asserted, ending } = attempt;
        if transaction.len() > shop.bounds.table.actions {
            if has_begun_anew {
                return Err(Failure::Internal("an order's units are in few enough shards"));
            }
            // Products have got limits since, which leave fewer actions for the shards of each line.
            has_begun_anew = true;
            begin_anew(shop, order, id, preconditions, backoff).await?;
            continue;
        }
        let (payable, balance) = (made.amounts.payable, preconditions.account.balance);
        let refused =
            || Failure::from(Refusal::BalanceNotEnough { order_id: Some(failed_id.clone()), payable, balance });
        let outcome = match shop.table.commit_or_yield(transaction, backoff).await? {
            Attempted::Done(outcome) => outcome,
            Attempted::Contended(contention) => {
                backoff.pause("a transaction met others").await?;
                preconditions.leave_contended(shop, &contention, &asserted, backoff).await;
                continue;
            }
        };
        match outcome {
            Outcome::Committed => {
                if !matches!(ending, Ending::Failed(..)) {
                    preconditions.commit_reserved();
                }
                return match ending {
                    Ending::Paid(account) => {
                        shop.cache_account(user_id, account);
                        Ok(made)
                    }
                    Ending::Held(None) => Ok(made),
                    Ending::Held(Some(account)) => {
                        shop.cache_account(user_id, account);
                        Ok(made)
                    }
                    Ending::Failed(_, account) => {
                        shop.cache_account(user_id, account);
                        Err(refused())
                    }
                };
            }
            Outcome::Refused(failures) => {
                if let Some(first) = failures.of::<OrderRecord>(place)?.flatten() {
                    return replayed(first, key);
                }
                if let Ending::Failed(kept, _) = ending
                    && failures.refuses(kept)
                {
                    // Our own record: the answer to the first sending was lost.
                    return Err(refused());
                }
                if asserted.cart.is_some_and(|cart| failures.refuses(cart)) {
                    // The order takes the items of the cart, so that all begins anew.
                    backoff.pause("the cart changed meanwhile").await?;
                    begin_anew(shop, order, id, preconditions, backoff).await?;
                    continue;
                }
                preconditions.refresh_from(shop, user_id, &failures, &asserted, backoff).await?;
            }
        }
        if backoff.retry("what was ordered changed meanwhile").await? == RetryKind::AfterBackoff {
            preconditions.account = accounts::read_account(shop, user_id).await?;
        }
    }
}

/// Releases what was reserved, and gathers the preconditions once more.
async fn begin_anew(
    shop: &Shop,
    order: &PlaceOrder,
    id: &OrderId,
    preconditions: &mut Preconditions,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    preconditions.release_reserved(shop, backoff).await;
    *preconditions = gather(shop, order, id, backoff).await?;
    Ok(())
}

async fn gather(
    shop: &Shop,
    order: &PlaceOrder,
    id: &OrderId,
    backoff: &mut Backoff,
) -> Result<Preconditions, Failure> {
    let wanted = ResolvedItems::from_source(shop, &order.user_id, &order.source).await?;
    let trust = if order.pay_by == PayBy::Balance { Trust::Cache } else { Trust::CacheExceptAccount };
    let mut preconditions = Preconditions::gather(shop, id, &order.user_id, wanted, trust, backoff).await?;
    preconditions.check_not_sold_out(shop, backoff).await?;
    Ok(preconditions)
}

/// The amounts of the order, as far as they are known.
async fn draft(
    shop: &Shop,
    caller: &Caller,
    user_id: &UserId,
    preconditions: &mut Preconditions,
    backoff: &mut Backoff,
) -> Result<Draft, Failure> {
    let mut at = shop.clock.now();
    if preconditions.is_outdated(at) {
        // Time has passed since they were gathered. A refusal needs a fresh record.
        at = preconditions.refresh(shop, user_id, backoff).await?;
    }
    let items = preconditions.order_lines(at);
    let actor = if caller.role == Role::Admin { Actor::Admin } else { Actor::Customer };
    let user_id = user_id.clone();
    let coupon_id = preconditions.coupon_id.clone();
    let coupon = match coupon_id.as_ref().map(|_| preconditions.usable_coupon(at)).transpose() {
        Ok(coupon) => coupon.map(|coupon| coupon.terms.clone()),
        Err(reason) => return Err(refuse_coupon(shop, &user_id, preconditions, reason, backoff).await),
    };
    let sheet = preconditions.sheet.as_ref();
    let order_sheet_id = sheet.map(|sheet| sheet.order_sheet_id.clone());
    let quote = match sheet {
        Some(sheet) => Ok(sheet.quote()),
        None => {
            let rates = preconditions.rates(shop, at, backoff).await?;
            let priced: Vec<_> = items.iter().map(|line| (line.priced(), line.seller_id.as_ref())).collect();
            let quote = pricing::quote_shipments(&priced, coupon.as_ref(), &rates);
            quote.map(|quote| match shop.policy.on_partial_cancel {
                OnPartialCancel::Keep => quote,
                OnPartialCancel::Recalculate => quote.recalculated(coupon.as_ref(), &rates),
            })
        }
    };
    let quote = quote.and_then(|quote| {
        let planned = preconditions.plan_spends(&user_id, quote.amounts.coupon_discount);
        planned.map(|()| quote).map_err(NoQuote::Coupon)
    });
    match quote {
        Ok(quote) => {
            let budget_shards = preconditions.coupon.as_ref().and_then(|coupon| coupon.budget_shards);
            Ok(Draft { user_id, actor, items, quote, coupon_id, budget_shards, order_sheet_id, at })
        }
        Err(NoQuote::Coupon(_)) if preconditions.has_unread_quota(at) => {
            // At the regular price it may be usable.
            preconditions.read_quotas(shop, backoff).await?;
            Box::pin(draft(shop, caller, &user_id, preconditions, backoff)).await
        }
        Err(NoQuote::Coupon(reason)) => Err(refuse_coupon(shop, &user_id, preconditions, reason, backoff).await),
        Err(NoQuote::Overflow) => Err(Failure::Internal("the largest order fits an amount")),
    }
}

/// The present amounts of an order of the source, with nothing taken from the cache, and its cart.
///
/// # Errors
/// The refusals of an order, except that of the balance.
pub(in crate::app) async fn quoted(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    source: &OrderSource,
    backoff: &mut Backoff,
) -> Result<(Draft, Option<Cart>), Failure> {
    let wanted = ResolvedItems::from_source(shop, user, source).await?;
    let any_order = OrderId::try_from(shop.new_id()).map_err(|_| Failure::Internal("a new id is an id"))?;
    let mut preconditions = Preconditions::gather(shop, &any_order, user, wanted, Trust::ReadAll, backoff).await?;
    preconditions.check_stock(shop, user, backoff).await?;
    preconditions.read_budget(shop, backoff).await?;
    let draft = draft(shop, caller, user, &mut preconditions, backoff).await?;
    Ok((draft, preconditions.cart))
}

/// Refuses an unusable coupon, after all refusals of user, product or stock.
async fn refuse_coupon(
    shop: &Shop,
    user: &UserId,
    preconditions: &mut Preconditions,
    reason: CouponProblem,
    backoff: &mut Backoff,
) -> Failure {
    match (preconditions.check_all_but_coupon(shop, user, backoff).await, preconditions.coupon_id.clone()) {
        (Ok(()), Some(coupon_id)) => Refusal::CouponNotUsable { coupon_id, reason }.into(),
        (Ok(()), None) => Failure::Internal("a coupon that is refused is one that was named"),
        (Err(failure), _) => failure,
    }
}

/// The method of the pending payment, if the order waits for one. Nothing to pay means no external payment.
fn waits_for(pay_by: PayBy, draft: &Draft) -> Option<PaymentMethod> {
    match pay_by {
        PayBy::Later => Some(PaymentMethod::Balance),
        PayBy::External if !draft.quote.amounts.payable.is_zero() => Some(PaymentMethod::External),
        PayBy::External | PayBy::Balance => None,
    }
}

/// Refuses a part for the balance that leaves nothing to be paid from outside.
fn check_split(order: &PlaceOrder, draft: &Draft) -> Result<(), Failure> {
    let most = draft.quote.amounts.payable.get().saturating_sub(1).max(0);
    if order.balance_amount.get() > most {
        return Err(Failure::Invalid("balanceAmount", Invalid::Range { min: 0, max: most }));
    }
    Ok(())
}

/// The parts of an address that are missing, if the order cannot be shipped without them.
fn lacks_address(shop: &Shop, preconditions: &Preconditions) -> Option<Missing> {
    let is_required =
        shop.policy.people.require_address && preconditions.lines.iter().any(|line| line.product.needs_shipping);
    let missing = preconditions.account.missing_address();
    (is_required && missing != Missing::default()).then_some(missing)
}

/// Whether the money suffices, so that the order is going to take its units.
fn has_enough(order: &PlaceOrder, draft: &Draft, preconditions: &Preconditions) -> bool {
    let from_balance = match waits_for(order.pay_by, draft) {
        Some(_) => order.balance_amount,
        None => draft.quote.amounts.payable,
    };
    preconditions.account.can_pay(from_balance)
}

/// The part of its user's caps that the order would use.
fn held(preconditions: &Preconditions) -> Held {
    Held { orders: 1, units: preconditions.lines.iter().map(|line| i64::from(line.quantity.get())).sum() }
}

/// The caps that the order counts against, if it does.
fn caps_of<'s>(shop: &'s Shop, order: &PlaceOrder) -> Option<&'s Caps> {
    order.caller.is_capped(&order.user_id).then_some(&shop.policy.caps)
}

/// Whether the order exceeds its user's caps, as far as is known.
fn is_above_caps(shop: &Shop, order: &PlaceOrder, draft: &Draft, preconditions: &Preconditions) -> bool {
    caps_of(shop, order).is_some_and(|caps| {
        if waits_for(order.pay_by, draft).is_some() {
            !preconditions.account.can_hold(held(preconditions), caps)
        } else {
            !has_enough(order, draft, preconditions) && has_failed_too_often(caps, draft, preconditions)
        }
    })
}

fn has_failed_too_often(caps: &Caps, draft: &Draft, preconditions: &Preconditions) -> bool {
    preconditions.account.failed_in(Window::hour(draft.at)) >= caps.failed_payments
}

/// Refuses the order if it exceeds its user's caps, by the account as it was just read.
async fn refuse_above_caps(
    shop: &Shop,
    order: &PlaceOrder,
    draft: &Draft,
    preconditions: &Preconditions,
    backoff: &mut Backoff,
) -> Result<(), Failure> {
    if !is_above_caps(shop, order, draft, preconditions) {
        return Ok(());
    }
    if waits_for(order.pay_by, draft).is_some() {
        return caps::refuse_hold(shop, &order.user_id, &preconditions.account, held(preconditions), backoff).await;
    }
    let max = shop.policy.caps.failed_payments;
    Err(caps::too_many("failedPayments", max, Window::hour(draft.at).left_s).into())
}

/// One attempt to commit.
struct Attempt {
    transaction: Transaction,
    order: Order,
    /// The action that puts the order, or asserts that the key has none.
    place: ActionIndex,
    asserted: Asserted,
    ending: Ending,
}

enum Ending {
    /// Paid; the account after it.
    Paid(Account),
    /// To be paid later; the account after the part that the balance paid, if it paid one.
    Held(Option<Account>),
    /// The balance is too low: this action keeps the order as a failed one.
    Failed(ActionIndex, Account),
}

impl Attempt {
    fn new(
        shop: &Shop,
        wanted: &PlaceOrder,
        id: &OrderId,
        failed_id: &OrderId,
        draft: Draft,
        preconditions: &Preconditions,
        key: &RequestKey,
    ) -> Result<Self, Failure> {
        let caps = caps_of(shop, wanted);
        if let Some(method) = waits_for(wanted.pay_by, &draft) {
            return Self::hold(shop, id, draft, (method, wanted.balance_amount), preconditions, (key, caps));
        }
        if preconditions.account.can_pay(draft.quote.amounts.payable) {
            Self::pay(id, draft, preconditions, key)
        } else {
            Ok(Self::fail(id, failed_id, draft, preconditions, (key, caps)))
        }
    }

    /// Takes the money, the units and the coupon.
    fn pay(id: &OrderId, draft: Draft, preconditions: &Preconditions, key: &RequestKey) -> Result<Self, Failure> {
        let ship_to = preconditions.account.ship_to();
        let order = Order { ship_to, ..Order::paid(id.clone(), draft) };
        let user = &order.user_id;
        let payment = movement(&order, id.to_string(), EntryKind::Payment, order.paid.negated());
        let (account, entry) =
            preconditions.account.book(user, payment).map_err(|_| Failure::Internal("an account pays what it can"))?;
        let mut transaction = Transaction::new();
        let record = OrderRecord::new(order.clone(), key.payload.clone());
        let place = transaction.add(orders::create(&record));
        let move_balance = users::move_balance(user, &preconditions.account, &account);
        let asserted_account = transaction.add(users::asserting_address(move_balance, ship_to));
        transaction.add(ledger::append(user, &entry));
        let asserted = claim(&mut transaction, &order, preconditions, asserted_account);
        Ok(Self { transaction, order, place, asserted, ending: Ending::Paid(account) })
    }

    /// Takes the units, the coupon and the balance's part, and counts the hold against the user's caps.
    fn hold(
        shop: &Shop,
        id: &OrderId,
        draft: Draft,
        (method, balance_amount): (PaymentMethod, Won),
        preconditions: &Preconditions,
        (key, caps): (&RequestKey, Option<&Caps>),
    ) -> Result<Self, Failure> {
        let end = draft.at.checked_add(shop.policy.hold).map_err(|_| Failure::Internal("a hold ends at an instant"))?;
        let ship_to = preconditions.account.ship_to();
        let order = Order { ship_to, ..Order::placed(id.clone(), draft, method, balance_amount, end) };
        let (user, held) = (&order.user_id, held(preconditions));
        let mut transaction = Transaction::new();
        let record = OrderRecord::new(order.clone(), key.payload.clone());
        let place = transaction.add(orders::create(&record));
        let (asserted_account, account) = if balance_amount > Won::ZERO {
            let payment = movement(&order, id.to_string(), EntryKind::Payment, balance_amount.negated());
            let seen = &preconditions.account;
            let booked = seen.book(user, payment);
            let (after, entry) = booked.map_err(|_| Failure::Internal("an account pays what it can"))?;
            let hold = users::hold_and_pay(user, seen, &after, held, caps);
            let action = transaction.add(users::asserting_address(hold, ship_to));
            transaction.add(ledger::append(user, &entry));
            (action, Some(after))
        } else {
            (transaction.add(users::asserting_address(users::hold(user, held, caps), ship_to)), None)
        };
        let asserted = claim(&mut transaction, &order, preconditions, asserted_account);
        Ok(Self { transaction, order, place, asserted, ending: Ending::Held(account) })
    }

    /// Takes nothing, and keeps the failed order. The balance was the only thing that was insufficient: all else was
    /// read for this request, and of that the commit asserts the account alone.
    fn fail(
        id: &OrderId,
        failed_id: &OrderId,
        draft: Draft,
        preconditions: &Preconditions,
        (key, caps): (&RequestKey, Option<&Caps>),
    ) -> Self {
        let hour = Window::hour(draft.at);
        let ship_to = preconditions.account.ship_to();
        let order = Order { ship_to, ..Order::payment_failed(failed_id.clone(), draft) };
        let mut transaction = Transaction::new();
        let place = transaction.add(orders::check_absent(id));
        let record = OrderRecord::new(order.clone(), key.payload.clone());
        let kept = transaction.add(orders::create(&record));
        let asserted_account = transaction.add(users::count_failed(&order.user_id, &preconditions.account, hour, caps));
        let asserted = Asserted::only_account(asserted_account);
        let ending = Ending::Failed(kept, preconditions.account.failed_again(hour));
        Self { transaction, order, place, asserted, ending }
    }
}

/// The cart after an order of the lines. The change asserts the cart even if the lines have left it: of several sheets
/// of a cart only one is ordered.
fn cart_after(order: &OrderId, cart: &Cart, preconditions: &Preconditions) -> Cart {
    let lines: Vec<(ProductId, Quantity)> =
        preconditions.lines.iter().map(|line| (line.product.product_id.clone(), line.quantity)).collect();
    cart.ordered(order, &lines)
}

/// Adds the claims of an order beside money: units, coupon, sheet, items of the cart.
fn claim(
    transaction: &mut Transaction,
    order: &Order,
    preconditions: &Preconditions,
    account: ActionIndex,
) -> Asserted {
    let (user, id, now) = (&order.user_id, &order.order_id, order.created_at);
    let mut asserted = Asserted::only_account(account);
    for (line, ordered) in preconditions.lines.iter().zip(&order.items) {
        let LinePreconditions { product, takes, reserved, .. } = line;
        let sales = takes.iter().map(|&take| shards::sell(&product.product_id, take, &product.offer));
        asserted.takes.push(sales.map(|sale| transaction.add(sale)).collect());
        let claims = reserved.parts().iter().map(|&units| shards::claim(&product.product_id, units, id));
        asserted.claims.push(claims.map(|claim| transaction.add(claim)).collect());
        let counted = product.limit.zip(ordered.limit).map(|(limit, period)| {
            limits::count(user, &product.product_id, period, line.quantity.get().into(), limit.per_user)
        });
        asserted.limits.push(counted.map(|count| transaction.add(count)));
        let taken = ordered.quota.and_then(|taken| {
            let QuotaUse { id, part, units, .. } = taken;
            let offer = product.offers.iter().find(|offer| offer.quota_id() == Some(id))?;
            let most = offer.quota?.most_of(part);
            Some(quotas::take(&product.product_id, id, part, units.into(), most))
        });
        asserted.quotas.push(taken.map(|take| transaction.add(take)));
    }
    let coupon = order.coupon_id.as_ref().map(|coupon| coupons::spend(user, coupon, id, now));
    asserted.coupon = coupon.map(|action| transaction.add(action));
    let spends = preconditions.spends.iter().zip(iter::repeat(order.coupon_id.as_ref()));
    let spends = spends.filter_map(|(spend, coupon)| Some(coupons::spend_budget(coupon?, *spend)));
    asserted.budget = spends.map(|action| transaction.add(action)).collect();
    let sheet = order.order_sheet_id.as_ref().map(|sheet| sheets::order(sheet, id, now));
    asserted.sheet = sheet.map(|action| transaction.add(action));
    let admission = preconditions.admission.as_ref();
    asserted.ticket = admission.map(|admission| admission.serve(transaction, ServedFor::OrderId(id.clone()), now));
    let cart = preconditions.cart.as_ref();
    let cart = cart.map(|seen| carts::replace(user, seen, &cart_after(id, seen, preconditions)));
    asserted.cart = cart.map(|action| transaction.add(action));
    asserted
}
