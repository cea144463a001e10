//! The table's stream: its records as changes of things.

use aws_lambda_events::dynamodb::EventRecord;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};

use super::{
    StoreError,
    coupons::CouponRecord,
    exports::ExportRecord,
    heartbeat::Heartbeat,
    keys::{self, COUPON_PREFIX},
    orders::OrderRecord,
    sheets::SheetRecord,
    withdrawals::WithdrawalRecord,
};
use crate::{
    domain::{
        ExportId, ProductId, UserId,
        coupon::{Campaign, IssuedCoupon},
        export::ExportStatus,
        order::Order,
        product::Product,
        sheet::OrderSheet,
        withdrawal::Withdrawal,
    },
    platform::trace::TraceId,
};

/// A change of a thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<T> {
    /// The thing before; nothing if it is new.
    pub old: Option<T>,
    /// The thing after.
    pub new: T,
    pub trace_id: Option<TraceId>,
}

/// Returns the change of an order, if the record is of one.
///
/// # Errors
/// If an image has not the shape of an order.
pub fn order_change(record: &EventRecord) -> Result<Option<Change<Order>>, StoreError> {
    change(record, |sk| sk == "ORDER", |OrderRecord { order, trace_id, .. }| (order, trace_id))
}

/// Returns the change of an order sheet, if the record is of one.
///
/// # Errors
/// If an image has not the shape of a sheet.
pub fn sheet_change(record: &EventRecord) -> Result<Option<Change<OrderSheet>>, StoreError> {
    change(record, |sk| sk == "SHEET", |SheetRecord { sheet, trace_id, .. }| (sheet, trace_id))
}

/// Returns the change of a withdrawal, if the record is of one.
///
/// # Errors
/// If an image has not the shape of a withdrawal.
pub fn withdrawal_change(record: &EventRecord) -> Result<Option<Change<Withdrawal>>, StoreError> {
    change(record, |sk| sk == "WITHDRAWAL", |WithdrawalRecord { withdrawal, trace_id, .. }| (withdrawal, trace_id))
}

/// Returns the change of a user's coupon, if the record is of one.
///
/// # Errors
/// If an image has not the shape of a coupon.
pub fn coupon_change(record: &EventRecord) -> Result<Option<Change<IssuedCoupon>>, StoreError> {
    change(record, |sk| sk.starts_with(COUPON_PREFIX), |CouponRecord { coupon, trace_id }| (coupon, trace_id))
}

/// A change by which something is to be done with the files of exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportChange {
    /// An export is in a new version, and runs.
    Running { export_id: ExportId, version: u64, changed_at: Timestamp, trace_id: Option<TraceId> },
    /// The exports of a user were forgotten, since the user was erased.
    Erased { user_id: UserId, at: Timestamp },
}

/// Returns the change of an export, or the end of all exports of a user, if the record is of one.
///
/// # Errors
/// If an image has not the shape of an export.
pub fn export_change(record: &EventRecord) -> Result<Option<ExportChange>, StoreError> {
    match sort_key(record) {
        Some("EXPORT") => {
            let new: Option<ExportRecord> = image(&record.change.new_image)?;
            let running = new.filter(|new| new.export.status == ExportStatus::Running);
            Ok(running.map(|ExportRecord { export, trace_id, .. }| ExportChange::Running {
                export_id: export.export_id,
                version: export.version,
                changed_at: export.updated_at,
                trace_id,
            }))
        }
        Some("EXPORTS") if record.change.new_image.is_empty() => {
            let Some(AttributeValue::S(pk)) = record.change.keys.get("pk") else { return Ok(None) };
            let at = record.change.approximate_creation_date_time.timestamp_millis();
            let at = Timestamp::from_millisecond(at).unwrap_or_default();
            Ok(keys::user_of_partition(pk).map(|user_id| ExportChange::Erased { user_id, at }))
        }
        _ => Ok(None),
    }
}

/// Returns the change of a product, if the record is of one.
///
/// # Errors
/// If an image has not the shape of a product.
pub fn scale_change(record: &EventRecord) -> Result<Option<Change<Product>>, StoreError> {
    change(record, |sk| sk == "PRODUCT", |product: Product| (product, None))
}

/// Returns the change of a campaign, if the record is of one.
///
/// # Errors
/// If an image has not the shape of a campaign.
pub fn campaign_change(record: &EventRecord) -> Result<Option<Change<Campaign>>, StoreError> {
    change(record, |sk| sk == "CAMPAIGN", |campaign: Campaign| (campaign, None))
}

/// Returns the product with a changed description, if the record is of a product.
///
/// # Errors
/// If the image has not the shape of a product.
pub fn product_change(record: &EventRecord) -> Result<Option<ProductId>, StoreError> {
    if sort_key(record) != Some("PRODUCT") {
        return Ok(None);
    }
    let new: Option<Product> = image(&record.change.new_image)?;
    Ok(new.map(|product| product.product_id))
}

/// Returns the instant of a heartbeat, if the record is of one.
///
/// # Errors
/// If the image has not the shape of a heartbeat.
pub fn heartbeat(record: &EventRecord) -> Result<Option<Timestamp>, StoreError> {
    if sort_key(record) != Some("HEARTBEAT") {
        return Ok(None);
    }
    let new: Option<Heartbeat> = image(&record.change.new_image)?;
    Ok(new.map(|heartbeat| heartbeat.at))
}

fn change<R: DeserializeOwned, T>(
    record: &EventRecord,
    is_of_kind: impl Fn(&str) -> bool,
    parts: impl Fn(R) -> (T, Option<TraceId>),
) -> Result<Option<Change<T>>, StoreError> {
    if !sort_key(record).is_some_and(is_of_kind) {
        return Ok(None);
    }
    let old = image(&record.change.old_image)?.map(|old| parts(old).0);
    let new = image(&record.change.new_image)?.map(parts);
    Ok(new.map(|(new, trace_id)| Change { old, new, trace_id }))
}

fn sort_key(record: &EventRecord) -> Option<&str> {
    match record.change.keys.get("sk") {
        Some(AttributeValue::S(sk)) => Some(sk),
        _ => None,
    }
}

fn image<R: DeserializeOwned>(item: &Item) -> Result<Option<R>, StoreError> {
    if item.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_dynamo::from_item(item.clone())?))
}
