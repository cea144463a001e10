//! The list of claims. As for lines, a row gives the position alone, and the order decides whether the claim is of the list.

use futures::join;

use super::{
    DeskPart, Part,
    lines::{as_of, orders_at, places},
};
use crate::{
    app::{Failure, Shop},
    domain::{
        ClaimId, OrderId, UserId,
        desk::Period,
        order::{Claim, ClaimStatus, Order},
    },
    store::{
        desk::{self, PlaceRange},
        keys,
    },
};

/// A claim, as the desk lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskClaim {
    pub claim_id: ClaimId,
    pub order_id: OrderId,
    pub seller_id: Option<UserId>,
    pub claim: Claim,
}

impl DeskClaim {
    /// The claim with this number of an order, if there is one.
    pub fn from_order(order: &Order, number: usize) -> Option<Self> {
        let (claim, line) = (order.claim(number)?.clone(), order.line_in_claim(number)?);
        let (claim_id, order_id) = (order.claim_id(number)?, order.order_id.clone());
        Some(Self { claim_id, order_id, seller_id: line.seller_id.clone(), claim })
    }
}

/// Returns up to `limit` claims after a position, oldest first: those for lines of a seller or all, in a state or in any.
/// There are fewer if rows are outdated; `next` is the position to go on from, if there is more.
///
/// # Errors
/// If the table cannot be reached.
pub async fn claims(
    shop: &Shop,
    seller: Option<&UserId>,
    status: Option<ClaimStatus>,
    after: Option<&str>,
    limit: usize,
) -> Result<DeskPart<DeskClaim>, Failure> {
    let bounds = PlaceRange::oldest_first(Period::default(), after);
    let (places, as_of) = join!(places(shop, desk::claims(seller, status), &bounds, false, limit), as_of(shop));
    let (places, as_of) = (places?, as_of?);
    let orders = orders_at(shop, &places.found).await?;
    let found = places.found.iter().filter_map(|place| {
        let (order, number) = keys::desk_place(place)?;
        let claim = DeskClaim::from_order(orders.get(&order)?, number?)?;
        let is_wanted = seller.is_none_or(|seller| claim.seller_id.as_ref() == Some(seller))
            && status.is_none_or(|status| claim.claim.status == status);
        is_wanted.then_some(claim)
    });
    Ok(DeskPart { part: Part { items: found.collect(), next: places.next }, as_of })
}
