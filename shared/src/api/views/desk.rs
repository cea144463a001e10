//! The desk.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::views::ClaimItemView,
    app::desk::{DeskClaim, DeskLine},
    domain::{
        ClaimId, OrderId, OrderItemId, ProductId, Quantity, UserId,
        address::Address,
        order::{ClaimAction, ClaimReason, ClaimStatus, ClaimType, LineStatus, OrderLine, PaidBy},
    },
};

/// A line of a paid order, for its seller and admins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskLine)]
pub struct DeskLineView {
    /// Its order.
    pub order_id: OrderId,
    /// The line.
    pub item_id: OrderItemId,
    /// The seller; absent for products of the shop itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// Its product.
    pub product_id: ProductId,
    /// The name of the product when it was ordered.
    pub name: String,
    /// Units ordered.
    pub quantity: Quantity,
    /// Units of them that have yet to be shipped.
    pub to_ship: u16,
    /// Its state.
    pub status: LineStatus,
    /// When the order was paid.
    pub paid_at: Timestamp,
    /// The recipient, with `shipTo=true` and while there is something to ship.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<Address>,
}

impl From<DeskLine> for DeskLineView {
    fn from(DeskLine { order_id, item_id, line, to_ship, paid_at, ship_to, .. }: DeskLine) -> Self {
        let OrderLine { seller_id, product_id, name, quantity, status, .. } = line;
        Self { order_id, item_id, seller_id, product_id, name, quantity, to_ship, status, paid_at, ship_to }
    }
}

/// A claim, for the seller of its lines and admins. `GET /claims/{claimId}` has its money and the customer's words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeskClaim)]
pub struct DeskClaimView {
    /// The claim.
    pub claim_id: ClaimId,
    /// Its order.
    pub order_id: OrderId,
    /// The seller of its lines; absent for lines of the shop itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The wish: the money back, or other units.
    #[serde(rename = "type")]
    pub kind: ClaimType,
    /// Its state.
    pub status: ClaimStatus,
    /// Its units.
    pub items: Vec<ClaimItemView>,
    /// The reason.
    pub reason: ClaimReason,
    /// The party that pays the way back.
    pub paid_by: PaidBy,
    /// The actions that its state allows.
    pub allowed_actions: Vec<ClaimAction>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

impl From<DeskClaim> for DeskClaimView {
    fn from(DeskClaim { claim_id, order_id, seller_id, claim }: DeskClaim) -> Self {
        Self {
            claim_id,
            order_id,
            seller_id,
            kind: claim.kind,
            status: claim.status,
            items: claim.items.iter().map(ClaimItemView::from).collect(),
            reason: claim.reason,
            paid_by: claim.paid_by(),
            allowed_actions: claim.allowed(),
            created_at: claim.created_at,
            updated_at: claim.updated_at,
        }
    }
}
