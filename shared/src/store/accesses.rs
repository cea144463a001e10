//! Accesses to the personal data of users by others.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, keys};
use crate::domain::{ExportId, OrderId, UserId, order::Actor};

/// A look at the personal data of a user, or a change of it, by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessRecord {
    pub access_id: String,
    pub user_id: UserId,
    pub actor_id: UserId,
    pub role: Actor,
    /// The operation, as method and path.
    pub route: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The export that has the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_id: Option<ExportId>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// Notes an access, to be removed some time after `until`, in seconds since 1970. Idempotent.
pub fn note(record: &AccessRecord, until: i64) -> Action {
    let key = keys::access(&record.user_id, record.at, &record.access_id);
    let update = Action::update(
        key,
        "SET #accessId = :id, #userId = :user, #actorId = :actor, #role = :role, #route = :route, #at = :at, #ttl = :ttl",
    );
    let update = update
        .value(":id", &record.access_id)
        .value(":user", &record.user_id)
        .value(":actor", &record.actor_id)
        .value(":role", record.role)
        .value(":route", &record.route)
        .value(":at", record.at.as_millisecond())
        .value(":ttl", until);
    let update = match &record.order_id {
        Some(order) => update.and_also(", #orderId = :order").value(":order", order),
        None => update,
    };
    match &record.export_id {
        Some(export) => update.and_also(", #exportId = :export").value(":export", export),
        None => update,
    }
}
