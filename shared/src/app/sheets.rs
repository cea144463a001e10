//! Order sheets: creating and looking up, and the end of those that were not ordered.

use jiff::SignedDuration;

use super::{
    Caller, Failure, RequestKey, Shop,
    caps::Paced,
    expiry::{self, Expired, Place},
    orders::{OrderSource, quoted},
};
use crate::{
    domain::{
        OrderSheetId, Refusal, UserId,
        refusal::Entity,
        sheet::{OrderSheet, SheetState},
    },
    store::{Applied, Consistency, Outcome, Transaction, keys, sheets, sheets::SheetRecord},
};

/// Creates a sheet: the present amounts of an order, for a while. It holds no stock.
///
/// Run twice with one key it creates one sheet: the sheet's id derives from the key.
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
    let id: OrderSheetId = key.id(None)?;
    match create_once(shop, caller, user, source, &id, key).await {
        // An order of the sheet may have emptied the cart since.
        Err(failure @ (Failure::Refused(_) | Failure::Invalid(..))) if key.given => match read(shop, &id).await? {
            Some(first) => replayed(first, key),
            None => Err(failure),
        },
        other => other,
    }
}

async fn create_once(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    source: &OrderSource,
    id: &OrderSheetId,
    key: &RequestKey,
) -> Result<OrderSheet, Failure> {
    let mut backoff = shop.backoff();
    let (draft, cart) = quoted(shop, caller, user, source, &mut backoff).await?;
    shop.check_pace(Paced::OrderSheet, caller, user)?;
    let validity = shop.policy.sheet_validity;
    let end = draft.at.checked_add(validity).map_err(|_| Failure::Internal("a sheet's validity ends at an instant"))?;
    let sheet = OrderSheet::new(id.clone(), draft, end);
    let sheet = match cart {
        Some(cart) => sheet.created_from(cart),
        None => sheet,
    };
    let mut transaction = Transaction::new();
    let record = SheetRecord::new(sheet.clone(), key.payload.clone());
    let place = transaction.add(sheets::create(&record));
    match shop.table.commit(transaction, &mut backoff).await? {
        Outcome::Committed => {
            shop.count_pace(Paced::OrderSheet, user);
            Ok(sheet)
        }
        Outcome::Refused(failures) => match failures.of::<SheetRecord>(place)?.flatten() {
            Some(first) => replayed(first, key),
            None => Err(Failure::Internal("a sheet is refused by one that is there")),
        },
    }
}

fn replayed(first: SheetRecord, key: &RequestKey) -> Result<OrderSheet, Failure> {
    key.check_payload(&first.payload)?;
    Ok(first.sheet)
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

/// A part of the expired sheets of a bucket (below [`keys::EXPIRY_BUCKETS`]) that have not been handled.
///
/// # Errors
/// If the table cannot be reached.
pub async fn expired(shop: &Shop, bucket: u16, after: Option<Place>) -> Result<Expired<OrderSheetId>, Failure> {
    expiry::expired(shop, keys::sheets(bucket), after, keys::sheet).await
}
