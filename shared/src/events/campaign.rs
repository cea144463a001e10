//! Events of campaigns.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, EventData, EventKind};
use crate::domain::{CouponId, coupon::Campaign};

/// The counters of a campaign after it got more of them by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignSnapshot {
    /// The campaign.
    pub coupon_id: CouponId,
    /// The number of its counters.
    pub counter_shards: u16,
}

/// The event of a change of a campaign by which it got more counters by itself. A change by hand is none.
pub fn from_campaign_change(old: Option<&Campaign>, new: &Campaign) -> Option<Event> {
    let scaled_at: Timestamp = new.growth.scaled_at?;
    if old.is_none_or(|old| old.growth.scaled_at == Some(scaled_at)) {
        return None;
    }
    let snapshot = CampaignSnapshot { coupon_id: new.coupon_id.clone(), counter_shards: new.counters() };
    let (aggregate_id, data) = (new.coupon_id.to_string(), EventData::Counters(snapshot));
    Some(Event::new(EventKind::CampaignScaled, aggregate_id, new.version, "-scaled", scaled_at, data))
}
