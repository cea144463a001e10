//! Drops.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::drops::InLine,
    domain::{
        CouponId, DropId, ProductId,
        drops::{DropState, Standing, Target},
    },
};

/// A drop.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Drop)]
pub struct DropView {
    /// The drop.
    pub drop_id: DropId,
    /// The product that it guards, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// The campaign that it guards, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    /// The instant before which nobody is admitted.
    pub opens_at: Timestamp,
    /// Whether a ticket is needed.
    pub enabled: bool,
    /// The customers whose turn has not come, as of at most a second ago; 0 while the drop is not enabled.
    pub waiting: i64,
    /// The customers whose turn is open, less the units sold; 0 while the drop is not enabled.
    pub inside: i64,
    /// Whether nothing is left for those who wait. Units that come back admit the next in line.
    pub sold_out: bool,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

impl From<DropState> for DropView {
    fn from(state: DropState) -> Self {
        let sold_out = state.enabled && state.is_sold_out();
        let DropState { drop_id, target, opens_at, enabled, created_at, updated_at, line, .. } = state;
        let (waiting, inside) = if enabled { (line.waiting(), line.inside()) } else { (0, 0) };
        let (product_id, coupon_id) = match target {
            Target::ProductId(product) => (Some(product), None),
            Target::CouponId(coupon) => (None, Some(coupon)),
        };
        Self { drop_id, product_id, coupon_id, opens_at, enabled, waiting, inside, sold_out, created_at, updated_at }
    }
}

/// The state of a place in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = DropEntryStatus)]
pub enum DropEntryStatus {
    /// The turn has not come.
    Waiting,
    /// The ticket can be used, until `admittedUntil`.
    Admitted,
    /// The turn has ended. Entering again gives a new place.
    Expired,
}

/// A place in the line of a drop.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DropEntry)]
pub struct DropEntryView {
    /// The drop.
    pub drop_id: DropId,
    /// The ticket: for `GET /drops/{dropId}/entries`, and for the header `x-drop-ticket`.
    pub ticket: String,
    /// The place in the line, from 1; 0 if nobody is ahead any more. It is exact among the customers of one of the line's
    /// counters, and an estimate for the whole line.
    pub place: i64,
    /// The state of the place.
    pub status: DropEntryStatus,
    /// While `WAITING`: the forecast of the admission, at the present pace. Absent while nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_at: Option<Timestamp>,
    /// While `ADMITTED`: the end of the turn. Absent while the drop is not enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admitted_until: Option<Timestamp>,
    /// Whether nothing is left for those who wait. Units that come back admit the next in line.
    pub sold_out: bool,
}

impl From<InLine> for DropEntryView {
    fn from(InLine { drop_id, ticket, standing, sold_out }: InLine) -> Self {
        let (status, place, estimated_at, admitted_until) = match standing {
            Standing::Waiting { place, expected_at } => (DropEntryStatus::Waiting, place, expected_at, None),
            Standing::Admitted { until } => (DropEntryStatus::Admitted, 0, None, until),
            Standing::Expired => (DropEntryStatus::Expired, 0, None, None),
        };
        Self { drop_id, ticket: ticket.encode(), place, status, estimated_at, admitted_until, sold_out }
    }
}
