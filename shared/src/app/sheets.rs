//! Order sheets: creating and looking up, and the end of those that were not ordered.

use jiff::{SignedDuration, Timestamp};

use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Shop,
    caps::Paced,
    expiry::{self, Expired, Place},
    idempotency::{self, Keep, Transacted},
    orders::{OrderSource, quoted},
};
use crate::{
    domain::{
        OrderSheetId, Refusal, UserId,
        refusal::Entity,
        sheet::{OrderSheet, SheetState},
    },
    store::{Applied, Consistency, Transaction, keys, sheets, sheets::SheetRecord},
};

/// The outcome of a request for a sheet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdempotentOutcome {
    order_sheet_id: OrderSheetId,
}

/// Creates a sheet: the present amounts of an order, for a while. It holds no stock.
///
/// Run twice with one key it creates one sheet: the record of the key's outcome is in the same commit. The sheet's id
/// does not derive from the key. Storage removes old sheets, and an id that came again would let events repeat.
///
/// # Errors
/// The refusals of the same order, except that of the balance; [`Refusal::TooManyRequests`].
pub async fn create(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    source: &OrderSource,
    key: &RequestKey,
) -> Result<OrderSheet, Failure> {
    match create_once(shop, caller, user, source, key).await {
        // An order of the sheet may have emptied the cart since.
        Err(failure @ (Failure::Refused(_) | Failure::Invalid(..))) if key.given => {
            match idempotency::recall::<IdempotentOutcome>(shop, key).await? {
                Some(first) => created(shop, &first).await,
                None => Err(failure),
            }
        }
        other => other,
    }
}

async fn create_once(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    source: &OrderSource,
    key: &RequestKey,
) -> Result<OrderSheet, Failure> {
    let mut backoff = shop.backoff();
    let (draft, cart) = quoted(shop, caller, user, source, &mut backoff).await?;
    shop.check_pace(Paced::OrderSheet, caller, user)?;
    let id = OrderSheetId::try_from(shop.new_id()).map_err(|_| Failure::Internal("a new id is an id"))?;
    let validity = shop.policy.sheet_validity;
    let end = draft.at.checked_add(validity).map_err(|_| Failure::Internal("a sheet's validity ends at an instant"))?;
    let sheet = OrderSheet::new(id.clone(), draft, end);
    let sheet = match cart {
        Some(cart) => sheet.created_from(cart),
        None => sheet,
    };
    let mut transaction = Transaction::new();
    transaction.add(sheets::create(&SheetRecord::new(sheet.clone(), key.payload.clone())));
    let outcome = IdempotentOutcome { order_sheet_id: id };
    match idempotency::transact(shop, transaction, key, outcome, Keep::AWeek, &mut backoff).await? {
        Transacted::Committed(_) => {
            shop.count_pace(Paced::OrderSheet, user);
            Ok(sheet)
        }
        Transacted::Replayed(first) => created(shop, &first).await,
        Transacted::Refused(_) => Err(Failure::Internal("a new sheet has a new id")),
    }
}

/// The sheet of a repeated request. Storage may have removed it before the record of its key.
async fn created(
    shop: &Shop,
    IdempotentOutcome { order_sheet_id: id }: &IdempotentOutcome,
) -> Result<OrderSheet, Failure> {
    let there = read(shop, id).await?.map(|record| record.sheet);
    there.ok_or_else(|| Refusal::not_found(Entity::OrderSheet, id).into())
}

/// Returns a sheet, for its owner and admins.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn get(shop: &Shop, caller: &Caller, id: &OrderSheetId) -> Result<OrderSheet, Failure> {
    let there = read(shop, id).await?.map(|record| record.sheet);
    let visible = there.filter(|sheet| caller.may_act_for(&sheet.user_id));
    visible.ok_or_else(|| Refusal::not_found(Entity::OrderSheet, id).into())
}

async fn read(shop: &Shop, id: &OrderSheetId) -> Result<Option<SheetRecord>, Failure> {
    Ok(shop.table.get(keys::sheet(id), Consistency::Strong).await?)
}

/// Marks a sheet as abandoned if it has expired without an order. Returns nothing if that is settled, else the time
/// until its end.
///
/// Idempotent, also beside a concurrent order: both assert that the sheet is open, one before and one after the end of
/// its validity.
///
/// # Errors
/// If the table cannot be reached: the caller retries.
pub async fn abandon(shop: &Shop, id: &OrderSheetId) -> Result<Option<SignedDuration>, Failure> {
    let now = shop.clock.now();
    match shop.table.apply::<SheetRecord>(&sheets::abandon(id, now), &mut shop.backoff()).await? {
        Applied::Done(_) => Ok(None),
        Applied::Refused(there) => {
            let open = there.filter(|record| record.sheet.state == SheetState::Open);
            Ok(open.map(|record| record.sheet.expires_at.duration_since(now)))
        }
    }
}

/// A part of the sheets of a bucket (below [`keys::EXPIRY_BUCKETS`]) that had expired by an instant and were not handled.
///
/// # Errors
/// If the table cannot be reached.
pub async fn expired(
    shop: &Shop,
    bucket: u16,
    until: Timestamp,
    after: Option<Place>,
) -> Result<Expired<OrderSheetId>, Failure> {
    expiry::expired(shop, keys::sheets(bucket), until, after, keys::sheet).await
}
