//! The log of accesses: who read or changed the personal data of another, when, and by which operation.
//!
//! Only admins and sellers meet the data of others, so the paths of customers write nothing here. The entry is written
//! before the answer: an access that cannot be noted is not granted. Run twice, each look is an entry of its own.

use serde::de::IgnoredAny;

use super::{Caller, Failure, Shop};
use crate::{
    domain::{ExportId, OrderId, UserId, export::Export},
    store::{
        Applied,
        accesses::{self, AccessRecord},
        keys,
        table::Range,
    },
};

/// An operation on the data of a user.
#[derive(Debug, Clone)]
pub struct Access<'a> {
    pub user: &'a UserId,
    /// The operation, as method and path of the API.
    pub route: &'static str,
    pub order: Option<&'a OrderId>,
}

/// Notes an access, unless it is to the caller's own data.
///
/// # Errors
/// If the table cannot be reached.
pub async fn note(shop: &Shop, caller: &Caller, access: Access<'_>) -> Result<(), Failure> {
    if caller.user_id == *access.user {
        return Ok(());
    }
    write(shop, caller, access, None).await
}

/// Notes an export by an operator, unless it is of their own data. One of the data of many is noted for the operator, since
/// it is of no user in particular.
///
/// # Errors
/// If the table cannot be reached.
pub async fn note_export(shop: &Shop, caller: &Caller, export: &Export, route: &'static str) -> Result<(), Failure> {
    if export.of.is_personal() && caller.user_id == export.user_id {
        return Ok(());
    }
    write(shop, caller, Access { user: &export.user_id, route, order: None }, Some(&export.export_id)).await
}

async fn write(shop: &Shop, caller: &Caller, access: Access<'_>, export: Option<&ExportId>) -> Result<(), Failure> {
    let at = shop.clock.now();
    let record = AccessRecord {
        access_id: shop.new_id(),
        user_id: access.user.clone(),
        actor_id: caller.user_id.clone(),
        role: caller.role.into(),
        route: access.route.to_owned(),
        order_id: access.order.cloned(),
        export_id: export.cloned(),
        at,
    };
    let until = at.as_second().saturating_add(shop.policy.people.access_kept.as_secs());
    let _: Applied<IgnoredAny> = shop.table.apply(&accesses::note(&record, until), &mut shop.backoff()).await?;
    Ok(())
}

/// A part of the accesses to a user's data, newest first, and the position of the next part, if there is one.
///
/// # Errors
/// If the table cannot be reached.
pub async fn list(
    shop: &Shop,
    user: &UserId,
    before: Option<String>,
    limit: usize,
) -> Result<(Vec<AccessRecord>, Option<String>), Failure> {
    let range = Range::of_partition(keys::access_partition(user), "").newest_first().after(before);
    let page = shop.table.query::<AccessRecord>(range, limit).await?;
    let last = page.records.last().filter(|_| page.more);
    let next = last.map(|access| keys::access(user, access.at, &access.access_id).sk);
    Ok((page.records, next))
}
