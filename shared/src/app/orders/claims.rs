//! Claims: customers return or exchange units of an order.

use super::{
    AuthorizedOrder,
    authorized::on_the_whole,
    change::{change_part, read},
    life::buyer,
    parcels::ensure_ships,
};
use crate::{
    app::{
        Caller, Failure, RequestKey, Shop,
        access::{self, Access},
        personal, seller_shipping,
    },
    domain::{
        ClaimId, Invalid, OrderId, Refusal, Won,
        order::{Actor, Claim, ClaimPolicy, NewClaim, Order, OrderLine, Receipt},
        refusal::Entity,
    },
};

/// Claims units of an order. Returns the order, as the caller may see it, and the number of the claim.
///
/// Run twice with one key it claims once. Without one, a second run claims as many units again, as far as they are in no
/// open claim: the order's version is asserted.
///
/// # Errors
/// [`Refusal::NotFound`] for the order or a line; [`Refusal::Forbidden`] for a seller; [`Refusal::UnitsNotClaimable`],
/// [`Refusal::LimitExceeded`]; [`Refusal::ClaimRefundChanged`] if its total is not the one expected.
/// [`Failure::Invalid`] if the lines are those of several sellers.
pub async fn create_claim(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    (new, expected_total): (&NewClaim, Option<Won>),
    key: &RequestKey,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let order = read(shop, id).await?.order;
    let terms = terms_of(shop, &order, new).await?;
    // The customer's words are stored sealed.
    let text = personal::seal_text(shop, &order.user_id, id.as_str(), new.text.as_deref()).await?;
    let new = &NewClaim { text, ..new.clone() };
    let created = change_part(shop, id, key, |order, now| {
        let actor = buyer(caller, order)?;
        let (after, number) = with_claim(order, new, &terms, actor, now)?;
        let refund = after.claim_refund(number).ok_or(Failure::Internal("a new claim has a refund"))?;
        match expected_total.filter(|expected| *expected != refund.total) {
            Some(quoted) => Err(Refusal::ClaimRefundChanged { quoted, current: refund }.into()),
            None => Ok((after, number)),
        }
    });
    let (order, number) = created.await?;
    authorize(shop, caller, order, number).await
}

/// The order as it would be with a claim. Nothing is changed.
///
/// # Errors
/// Those of [`create_claim`], but for the total.
pub async fn preview_claim(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    new: &NewClaim,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let order = read(shop, id).await?.order;
    let actor = buyer(caller, &order)?;
    let terms = terms_of(shop, &order, new).await?;
    let (after, number) = with_claim(&order, new, &terms, actor, shop.clock.now())?;
    after.check_history(&order, &shop.bounds.history)?;
    authorize(shop, caller, after, number).await
}

/// The terms of a claim: the shop's, with the return fee of the seller of its lines. A line keeps its seller, so the terms
/// are those of any later state of the order, too.
async fn terms_of(shop: &Shop, order: &Order, new: &NewClaim) -> Result<ClaimPolicy, Failure> {
    let line = new.items.keys().find_map(|number| order.line(*number));
    let return_fee = match line.and_then(|line| line.seller_id.as_ref()) {
        Some(seller) => seller_shipping::get(shop, seller).await?.terms.return_fee,
        None => shop.policy.return_fee,
    };
    Ok(ClaimPolicy { return_fee, ..shop.policy.claims })
}

fn with_claim(
    order: &Order,
    new: &NewClaim,
    terms: &ClaimPolicy,
    actor: Actor,
    now: jiff::Timestamp,
) -> Result<(Order, usize), Failure> {
    let line = |number: &usize| order.line(*number).ok_or_else(|| Refusal::not_found(Entity::OrderItem, number));
    let lines = new.items.keys().map(line).collect::<Result<Vec<_>, _>>()?;
    let Some((first, others)) = lines.split_first() else { return Err(Failure::Internal("a claim has items")) };
    if others.iter().any(|line| line.seller_id != first.seller_id) {
        return Err(Failure::Invalid("items", Invalid::OneSeller));
    }
    let after = order.request_claim(new, terms, actor, now)?;
    let number = after.claims.len();
    Ok((after, number))
}

/// Returns the order of a claim, as the caller may see it, and the claim's number.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get_claim(shop: &Shop, caller: &Caller, id: &ClaimId) -> Result<(AuthorizedOrder, usize), Failure> {
    let (order_id, number) = parts(id)?;
    let order = claimed(id, read(shop, &order_id).await)?.order;
    shown(shop, caller, (order, number), "GET /claims/{claimId}").await
}

/// Accepts or refuses a claim: its lines' seller, or an admin.
///
/// Run twice, also at once, it is decided once: the order's version is asserted, and the second run finds it decided.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`] for its customer, [`Refusal::ClaimStateConflict`]; for an exchange
/// [`Refusal::StockNotEnough`].
pub async fn decide_claim(
    shop: &Shop,
    caller: &Caller,
    id: &ClaimId,
    (accept, reason): (bool, Option<&str>),
    key: &RequestKey,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let reason = match reason {
        None => None,
        Some(_) => {
            let (order_id, _) = parts(id)?;
            let user = claimed(id, read(shop, &order_id).await)?.order.user_id;
            personal::seal_text(shop, &user, order_id.as_str(), reason).await?
        }
    };
    change_claim(shop, caller, id, key, "POST /claims/{claimId}/decide", |order, number, now| {
        let actor = decider(caller, order, number)?;
        order.decide_claim(number, accept, reason.clone(), actor, now)
    })
    .await
}

/// Receives the units of a claim: its lines' seller, or an admin. A return is refunded by it.
///
/// Run twice, also at once, it is received once, as a decision.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`] for its customer, [`Refusal::ClaimStateConflict`],
/// [`Refusal::UnitsNotAccounted`].
pub async fn receive_claim(
    shop: &Shop,
    caller: &Caller,
    id: &ClaimId,
    receipt: &Receipt,
    key: &RequestKey,
) -> Result<(AuthorizedOrder, usize), Failure> {
    change_claim(shop, caller, id, key, "POST /claims/{claimId}/receive", |order, number, now| {
        let actor = decider(caller, order, number)?;
        order.receive_claim(number, receipt, actor, now)
    })
    .await
}

/// Withdraws a claim before its units come back: its customer, or an admin.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`] for a seller, [`Refusal::ClaimStateConflict`].
pub async fn withdraw_claim(
    shop: &Shop,
    caller: &Caller,
    id: &ClaimId,
    key: &RequestKey,
) -> Result<(AuthorizedOrder, usize), Failure> {
    change_claim(shop, caller, id, key, "POST /claims/{claimId}/withdraw", |order, number, now| {
        claim_of(caller, order, number)?;
        match on_the_whole(caller, order) {
            Actor::Seller => Err(Refusal::Forbidden),
            actor => order.withdraw_claim(number, actor, now),
        }
    })
    .await
}

async fn change_claim(
    shop: &Shop,
    caller: &Caller,
    id: &ClaimId,
    key: &RequestKey,
    route: &'static str,
    step: impl Fn(&Order, usize, jiff::Timestamp) -> Result<Order, Refusal>,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let (order_id, number) = parts(id)?;
    let changed = change_part(shop, &order_id, key, |order, now| Ok((step(order, number, now)?, number))).await;
    shown(shop, caller, claimed(id, changed)?, route).await
}

fn parts(id: &ClaimId) -> Result<(OrderId, usize), Refusal> {
    id.parts().ok_or_else(|| Refusal::not_found(Entity::Claim, id))
}

/// A missing order means a missing claim: its id is not the caller's to know.
fn claimed<T>(id: &ClaimId, found: Result<T, Failure>) -> Result<T, Failure> {
    found.map_err(|failure| match failure {
        Failure::Refused(Refusal::NotFound { entity: Entity::Order | Entity::Claim, .. }) => {
            Refusal::not_found(Entity::Claim, id).into()
        }
        other => other,
    })
}

/// The claim, if the caller may see it.
fn claim_of<'o>(caller: &Caller, order: &'o Order, number: usize) -> Result<&'o Claim, Refusal> {
    let claim = order.claim(number).ok_or_else(|| Refusal::not_found(Entity::Claim, number))?;
    let is_of_line = |line: &OrderLine| !super::authorized::actors(caller, order, line).is_empty();
    let sees = claim.items.iter().filter_map(|item| order.line(item.line)).any(is_of_line);
    if sees { Ok(claim) } else { Err(Refusal::not_found(Entity::Claim, number)) }
}

/// The role in which the caller decides on a claim and receives its units.
fn decider(caller: &Caller, order: &Order, number: usize) -> Result<Actor, Refusal> {
    claim_of(caller, order, number)?;
    let line = order.line_in_claim(number).ok_or_else(|| Refusal::not_found(Entity::Claim, number))?;
    ensure_ships(caller, order, line)
}

/// The answer to a look at a claim or a step of it. A look by another than the customer is noted if it shows their words.
async fn shown(
    shop: &Shop,
    caller: &Caller,
    (order, number): (Order, usize),
    route: &'static str,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let (authorized, number) = authorize(shop, caller, order, number).await?;
    let order = &authorized.order;
    if order.claim_text(number).is_some() {
        access::note(shop, caller, Access { user: &order.user_id, route, order: Some(&order.order_id) }).await?;
    }
    Ok((authorized, number))
}

/// The answer, with the customer's words opened. The rights of a replay have not been checked yet.
async fn authorize(
    shop: &Shop,
    caller: &Caller,
    mut order: Order,
    number: usize,
) -> Result<(AuthorizedOrder, usize), Failure> {
    let missing = || {
        let id = order.claim_id(number).map_or_else(String::new, |id| id.to_string());
        Refusal::not_found(Entity::Claim, id)
    };
    claim_of(caller, &order, number).map_err(|_| missing())?;
    let refusal = missing();
    super::open_reasons(shop, &mut order, |entry| entry.claim == Some(number)).await?;
    let order = AuthorizedOrder::for_caller(caller, order, shop.clock.now())?.ok_or(refusal)?;
    Ok((order, number))
}
