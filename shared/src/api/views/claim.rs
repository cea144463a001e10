//! Claims.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::orders::AuthorizedOrder,
    domain::{
        ClaimId, OrderId, UserId,
        benefits::OnPartialCancel,
        order::{
            Claim, ClaimAction, ClaimItem, ClaimReason, ClaimRefund, ClaimStatus, ClaimType, InconsistentAmounts,
            PaidBy, ReceivedUnits, UnitCondition,
        },
    },
    platform::is_sealed,
    store::StoreError,
};

/// A claim: a return or an exchange of units of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Claim)]
pub struct ClaimView {
    /// The claim.
    pub claim_id: ClaimId,
    /// Its order.
    pub order_id: OrderId,
    /// The seller of its lines; the shop itself, if there is none.
    #[schema(required)]
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
    /// The customer's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The money: of a completed claim as it was refunded; of an open one as it would be if all its units came back.
    pub refund: ClaimRefund,
    /// Whether the rest of the order keeps its benefits. `KEEP` also stands for an order without conditions of them.
    pub on_partial_cancel: OnPartialCancel,
    /// The party that pays the way back.
    pub paid_by: PaidBy,
    /// The units as they were received.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<ReceivedItemView>,
    /// The actions that its state allows.
    pub allowed_actions: Vec<ClaimAction>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

/// A claim as it would be. Nothing has changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClaimPreview)]
pub struct ClaimPreviewView {
    /// The order.
    pub order_id: OrderId,
    /// The wish: the money back, or other units.
    #[serde(rename = "type")]
    pub kind: ClaimType,
    /// Its units.
    pub items: Vec<ClaimItemView>,
    /// The reason.
    pub reason: ClaimReason,
    /// The money that it brings if all its units come back.
    pub refund: ClaimRefund,
    /// Whether the rest of the order keeps its benefits. `KEEP` also stands for an order without conditions of them.
    pub on_partial_cancel: OnPartialCancel,
    /// The party that pays the way back.
    pub paid_by: PaidBy,
}

/// Units of a line in a claim.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClaimItem)]
pub struct ClaimItemView {
    /// The line.
    pub item_id: String,
    /// The number of units.
    pub quantity: u16,
}

impl From<&ClaimItem> for ClaimItemView {
    fn from(item: &ClaimItem) -> Self {
        Self { item_id: item.line.to_string(), quantity: item.units }
    }
}

/// Units of a line as they were received.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceivedItem)]
pub struct ReceivedItemView {
    /// The line.
    pub item_id: String,
    /// The number of units.
    pub quantity: u16,
    /// Their state.
    pub condition: UnitCondition,
}

impl ClaimView {
    /// The claim with a number, of an order as its caller sees it.
    ///
    /// # Errors
    /// If the order is damaged, or has no such claim.
    pub fn new(order: &AuthorizedOrder, number: usize) -> Result<Self, StoreError> {
        let (preview, claim) = previewed(order, number)?;
        let order = &order.order;
        let seller = order.line_in_claim(number).and_then(|line| line.seller_id.clone());
        let received = |part: &ReceivedUnits| ReceivedItemView {
            item_id: part.line.to_string(),
            quantity: part.units,
            condition: part.condition,
        };
        let ClaimPreviewView { order_id, kind, items, reason, refund, on_partial_cancel, paid_by } = preview;
        Ok(Self {
            claim_id: order.claim_id(number).ok_or(InconsistentAmounts)?,
            order_id,
            seller_id: seller,
            kind,
            status: claim.status,
            items,
            reason,
            // Answers about orders do not open what is sealed.
            text: order.claim_text(number).filter(|text| !is_sealed(text)).map(str::to_owned),
            refund,
            on_partial_cancel,
            paid_by,
            received: claim.received.iter().map(received).collect(),
            allowed_actions: claim.allowed(),
            created_at: claim.created_at,
            updated_at: claim.updated_at,
        })
    }
}

impl ClaimPreviewView {
    /// The claim with a number, of an order that is not stored.
    ///
    /// # Errors
    /// If the order is damaged, or has no such claim.
    pub fn new(order: &AuthorizedOrder, number: usize) -> Result<Self, StoreError> {
        Ok(previewed(order, number)?.0)
    }
}

fn previewed(authorized: &AuthorizedOrder, number: usize) -> Result<(ClaimPreviewView, &Claim), StoreError> {
    let order = &authorized.order;
    let claim = order.claim(number).ok_or(InconsistentAmounts)?;
    let items = claim.items.iter();
    let items = items.map(ClaimItemView::from);
    let preview = ClaimPreviewView {
        order_id: order.order_id.clone(),
        kind: claim.kind,
        items: items.collect(),
        reason: claim.reason,
        refund: authorized.claim_refund(number).ok_or(InconsistentAmounts)?,
        on_partial_cancel: order.on_partial_cancel(),
        paid_by: claim.paid_by(),
    };
    Ok((preview, claim))
}
