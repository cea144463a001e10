//! Ordering and paying from the balance in one commit.

use super::facts::{Asserted, Facts, LineFacts};
use crate::{
    app::{Failure, RequestKey, Shop, facts as account_facts},
    domain::{
        CouponId, OrderId, ProductId, Quantity, Refusal, UserId, Won,
        ledger::{EntryKind, LedgerEntry, OutOfBounds},
        order::{Actor, Draft, LineStatus, Order, OrderLine},
        pricing::{self, NoQuote, PricedLine},
        product::Offer,
        refusal::CouponProblem,
        stock::Take,
        user::Account,
    },
    store::{
        Action, Backoff, Consistency, Lesson, Outcome, StoreError, Transaction,
        action::Position,
        coupons, keys, ledger,
        orders::{self, OrderRecord},
        stock as shelf, users,
    },
};

/// What is ordered.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// Who orders and receives.
    pub user_id: UserId,
    /// Who asks for it: the customer, or an admin for them.
    pub actor: Actor,
    /// Which products, each once.
    pub lines: Vec<(ProductId, Quantity)>,
    /// The coupon to use.
    pub coupon_id: Option<CouponId>,
}

/// Orders and pays: stock, balance, coupon and order all change, or none does.
///
/// Run twice with one key it orders once: the order's id derives from the key, and the order is put only if absent.
/// Run at the same time as another order for the same user, shelf or coupon, one of the two meets a failed condition,
/// learns from it how things are now, and tries again or refuses.
///
/// # Errors
/// The first of: [`Refusal::NotFound`] or [`Refusal::UserNotActive`] for the user, [`Refusal::NotFound`],
/// [`Refusal::NotOnSale`], [`Refusal::StockNotEnough`] for a product, [`Refusal::CouponNotUsable`],
/// [`Refusal::BalanceNotEnough`]. The last leaves a PAYMENT_FAILED order.
pub async fn place(shop: &Shop, order: &PlaceOrder, key: &RequestKey) -> Result<Order, Failure> {
    let id: OrderId = key.id(None)?;
    match place_once(shop, order, &id, key).await {
        // The refusal may be of the order's own making: it emptied the shelf, or used the coupon.
        Err(Failure::Refused(refusal)) if key.given => {
            let first: Option<OrderRecord> = shop.table.get(keys::order(&id), Consistency::Strong).await?;
            first.map_or(Err(refusal.into()), |first| replayed(first, key))
        }
        other => other,
    }
}

fn replayed(first: OrderRecord, key: &RequestKey) -> Result<Order, Failure> {
    key.check_payload(&first.payload)?;
    Ok(first.order)
}

async fn place_once(shop: &Shop, order: &PlaceOrder, id: &OrderId, key: &RequestKey) -> Result<Order, Failure> {
    let mut backoff = shop.backoff();
    let PlaceOrder { user_id, lines, coupon_id, .. } = order;
    let mut facts = Facts::gather(shop, id, user_id, lines, coupon_id.as_ref(), &mut backoff).await?;
    // One id for all attempts, so that a lost answer cannot leave two records of one failure.
    let failed_id = OrderId::try_from(shop.new_id()).map_err(|_| Failure::Broken("a new id is an id"))?;
    loop {
        let draft = draft(shop, order, &mut facts, &mut backoff).await?;
        let attempt = match facts.account.moved(draft.quote.payable.negated()) {
            Ok(account) => Attempt::pay(id, user_id, draft, &facts, account, key)?,
            Err(OutOfBounds::NotEnough) => Attempt::fail(id, &failed_id, user_id, draft, &facts, key)?,
            Err(OutOfBounds::TooMuch) => return Err(Failure::Broken("a payment lowers a balance")),
        };
        let Attempt { transaction, order: made, place, asserted, ending } = attempt;
        if transaction.len() > Transaction::MAX_ACTIONS {
            return Err(StoreError::Busy("the units are scattered over too many shards".to_owned()).into());
        }
        let (payable, balance) = (made.payable, facts.account.balance);
        let refused = || Failure::from(Refusal::BalanceNotEnough { order_id: failed_id.clone(), payable, balance });
        match shop.table.commit(transaction, &mut backoff).await? {
            Outcome::Committed => {
                return match ending {
                    Ending::Paid(account) => {
                        shop.remember_account(user_id, account);
                        Ok(made)
                    }
                    Ending::Failed(_) => Err(refused()),
                };
            }
            Outcome::Refused(evidence) => {
                if let Some(first) = evidence.of::<OrderRecord>(place)?.flatten() {
                    return replayed(first, key);
                }
                if let Ending::Failed(kept) = ending
                    && evidence.refuses(kept)
                {
                    // Our own record: the answer to the first sending was lost.
                    return Err(refused());
                }
                facts.learn(shop, user_id, &evidence, &asserted, &mut backoff).await?;
            }
        }
        if backoff.again("what was ordered changed meanwhile").await? == Lesson::Old {
            facts.account = account_facts::read_account(shop, user_id).await?;
        }
    }
}

/// What the order comes to, as far as is known.
async fn draft(shop: &Shop, order: &PlaceOrder, facts: &mut Facts, backoff: &mut Backoff) -> Result<Draft, Failure> {
    let at = shop.clock.now();
    let items: Vec<OrderLine> = facts
        .lines
        .iter()
        .map(|line| OrderLine {
            product_id: line.product.product_id.clone(),
            seller_id: line.product.seller_id.clone(),
            name: line.product.name.clone(),
            quantity: line.quantity,
            cancelled_quantity: 0,
            unit_price: line.product.offer.price,
            unit_discount: line.product.offer.discount,
            coupon_share: Won::ZERO,
            status: LineStatus::PendingPayment,
        })
        .collect();
    let priced: Vec<PricedLine> = items.iter().map(OrderLine::priced).collect();

    let quoted = match order.coupon_id.as_ref().map(|_| facts.usable_coupon(at)).transpose() {
        Ok(coupon) => pricing::quote(&priced, coupon.map(|coupon| &coupon.terms), shop.shipping),
        Err(problem) => Err(NoQuote::Coupon(problem)),
    };
    match (quoted, &order.coupon_id) {
        (Ok(quote), coupon_id) => {
            let (user_id, actor) = (order.user_id.clone(), order.actor);
            Ok(Draft { user_id, actor, items, quote, coupon_id: coupon_id.clone(), at })
        }
        (Err(NoQuote::Coupon(reason)), Some(coupon_id)) => {
            Err(refuse_coupon(shop, facts, coupon_id, reason, backoff).await)
        }
        (Err(_), _) => Err(Failure::Broken("the largest order fits an amount")),
    }
}

/// Too little stock is told before a coupon that cannot be used.
async fn refuse_coupon(
    shop: &Shop,
    facts: &mut Facts,
    coupon_id: &CouponId,
    reason: CouponProblem,
    backoff: &mut Backoff,
) -> Failure {
    match facts.check_stock(shop, backoff).await {
        Ok(()) => Refusal::CouponNotUsable { coupon_id: coupon_id.clone(), reason }.into(),
        Err(failure) => failure,
    }
}

/// One try at a commit.
struct Attempt {
    transaction: Transaction,
    order: Order,
    /// Where the transaction puts the order, or asserts that the key has none.
    place: Position,
    asserted: Asserted,
    ending: Ending,
}

enum Ending {
    /// Paid; the account after it.
    Paid(Account),
    /// The balance is too low, which is kept as an order of its own, put here.
    Failed(Position),
}

impl Attempt {
    /// Takes the money, the units and the coupon.
    fn pay(
        id: &OrderId,
        user: &UserId,
        draft: Draft,
        facts: &Facts,
        account: Account,
        key: &RequestKey,
    ) -> Result<Self, Failure> {
        let at = draft.at;
        let order = Order::paid(id.clone(), draft);
        let entry = LedgerEntry {
            entry_id: id.to_string(),
            sequence: account.sequence,
            kind: EntryKind::Payment,
            amount: order.paid.negated(),
            balance_after: account.balance,
            order_id: Some(id.clone()),
            at,
        };
        let mut transaction = Transaction::new();
        let record = OrderRecord { order: order.clone(), payload: key.payload.clone() };
        let place = transaction.add(orders::create(&record)?);
        let asserted_account = transaction.add(users::move_balance(user, &facts.account, &account)?);
        transaction.add(ledger::append(user, &entry)?);
        let takes = on_shelves(&mut transaction, facts, shelf::sell)?;
        let coupon = order.coupon_id.as_ref().map(|coupon| coupons::spend(user, coupon, id, at)).transpose()?;
        let coupon = coupon.map(|action| transaction.add(action));
        let asserted = Asserted { account: asserted_account, coupon, takes };
        Ok(Self { transaction, order, place, asserted, ending: Ending::Paid(account) })
    }

    /// Takes nothing, but asserts everything else: it commits only where lack of balance is all that is wrong.
    fn fail(
        id: &OrderId,
        failed_id: &OrderId,
        user: &UserId,
        draft: Draft,
        facts: &Facts,
        key: &RequestKey,
    ) -> Result<Self, Failure> {
        let at = draft.at;
        let order = Order::payment_failed(failed_id.clone(), draft);
        let mut transaction = Transaction::new();
        let place = transaction.add(orders::check_absent(id));
        let record = OrderRecord { order: order.clone(), payload: key.payload.clone() };
        let kept = transaction.add(orders::create(&record)?);
        let asserted_account = transaction.add(users::check_account(user, &facts.account)?);
        let takes = on_shelves(&mut transaction, facts, shelf::check_for_sale)?;
        let coupon = order.coupon_id.as_ref().map(|coupon| coupons::check_usable(user, coupon, at)).transpose()?;
        let coupon = coupon.map(|action| transaction.add(action));
        let asserted = Asserted { account: asserted_account, coupon, takes };
        Ok(Self { transaction, order, place, asserted, ending: Ending::Failed(kept) })
    }
}

/// Adds an action for each take of each line.
fn on_shelves(
    transaction: &mut Transaction,
    facts: &Facts,
    action: fn(&ProductId, Take, &Offer) -> Result<Action, StoreError>,
) -> Result<Vec<Vec<Position>>, StoreError> {
    let line = |line: &LineFacts| {
        let product = &line.product;
        let takes = line.takes.iter().map(|&take| action(&product.product_id, take, &product.offer));
        takes.map(|action| Ok(transaction.add(action?))).collect()
    };
    facts.lines.iter().map(line).collect()
}
