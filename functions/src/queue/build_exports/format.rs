//! The formats of files: CSV with a header, JSON Lines for the data of one user.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use shared::{
    api::{
        Language,
        views::{CartView, EntryView, IssuedCouponView, OrderView, SessionView, UserView, WithdrawalView},
    },
    app::{
        Failure,
        exports::{Format, LineRow, Row},
        products::Stocked,
    },
    domain::{
        UserId, Won,
        export::{Export, ExportKind},
        ledger::{EntryKind, LedgerEntry},
        order::{Actor, LineStatus},
        product::SaleStatus,
    },
};

/// The formats of all kinds of exports.
pub(super) struct Files;

/// A file begins so to be read as UTF-8 by spreadsheets.
const BYTE_ORDER_MARK: &str = "\u{feff}";

impl Format for Files {
    fn header(&self, export: &Export) -> Result<Vec<u8>, Failure> {
        let columns: &[&str] = match export.of {
            ExportKind::Orders => &LINE,
            ExportKind::Ledger => &ENTRY,
            ExportKind::Products => &PRODUCT,
            ExportKind::Mine => return Ok(Vec::new()),
        };
        let mut text = BYTE_ORDER_MARK.as_bytes().to_vec();
        write_csv(columns, &mut text)?;
        Ok(text)
    }

    fn write(&self, row: Row, now: Timestamp, text: &mut Vec<u8>) -> Result<(), Failure> {
        match row {
            Row::Line(line) => write_csv(LineCells::try_from(*line)?, text),
            Row::LedgerEntry(user, entry) => write_csv(EntryCells::new(&user, *entry), text),
            Row::Product(product) => write_csv(ProductCells::from(*product), text),
            Row::Profile(user) => write_json("PROFILE", &UserView::from(*user), text),
            Row::Address(address) => write_json("ADDRESS", &*address, text),
            Row::Order(order) => write_json("ORDER", &OrderView::try_from(*order)?, text),
            Row::Entry(entry) => write_json("LEDGER_ENTRY", &EntryView::from(*entry), text),
            Row::Withdrawal(withdrawal) => write_json("WITHDRAWAL", &WithdrawalView::new(*withdrawal, None), text),
            Row::Coupon(coupon) => write_json("COUPON", &IssuedCouponView::at(now, *coupon), text),
            Row::Cart(cart) => write_json("CART", &CartView::from(*cart), text),
            Row::Payment(session) => {
                let view = SessionView::at(now, *session, "", Language::default());
                // A file begins no payment.
                write_json("PAYMENT", &SessionView { checkout: None, ..view }, text)
            }
        }
    }
}

const LINE: [&str; 14] = [
    "orderId",
    "itemId",
    "createdAt",
    "paidAt",
    "userId",
    "sellerId",
    "productId",
    "name",
    "quantity",
    "cancelledQuantity",
    "unitPrice",
    "unitDiscount",
    "amount",
    "status",
];

#[derive(Serialize)]
struct LineCells {
    order_id: String,
    item_id: String,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    user_id: Option<String>,
    seller_id: Option<String>,
    product_id: String,
    name: String,
    quantity: i64,
    cancelled_quantity: u16,
    unit_price: Won,
    unit_discount: Won,
    amount: Won,
    status: LineStatus,
}

impl TryFrom<LineRow> for LineCells {
    type Error = Failure;

    fn try_from(LineRow { order_id, item_id, user_id, created_at, paid_at, line }: LineRow) -> Result<Self, Failure> {
        let amount = line.amount().ok_or(Failure::Internal("the amounts of a line are consistent"))?;
        Ok(Self {
            order_id: harmless(order_id.as_str()),
            item_id: item_id.to_string(),
            created_at,
            paid_at,
            user_id: user_id.map(|user| harmless(user.as_str())),
            seller_id: line.seller_id.map(|seller| harmless(seller.as_str())),
            product_id: harmless(line.product_id.as_str()),
            name: harmless(&line.name),
            quantity: line.quantity.get().into(),
            cancelled_quantity: line.cancelled_quantity,
            unit_price: line.unit_price,
            unit_discount: line.unit_discount,
            amount,
            status: line.status,
        })
    }
}

const ENTRY: [&str; 10] =
    ["userId", "sequence", "entryId", "at", "type", "amount", "balanceAfter", "orderId", "paymentId", "actor"];

/// The reason is left out: it is a text about a person.
#[derive(Serialize)]
struct EntryCells {
    user_id: String,
    sequence: u64,
    entry_id: String,
    at: Timestamp,
    kind: EntryKind,
    amount: Won,
    balance_after: Won,
    order_id: Option<String>,
    payment_id: Option<String>,
    actor: Option<Actor>,
}

impl EntryCells {
    fn new(user: &UserId, entry: LedgerEntry) -> Self {
        Self {
            user_id: harmless(user.as_str()),
            sequence: entry.sequence,
            entry_id: harmless(&entry.entry_id),
            at: entry.at,
            kind: entry.kind,
            amount: entry.amount,
            balance_after: entry.balance_after,
            order_id: entry.order_id.map(|order| harmless(order.as_str())),
            payment_id: entry.payment_id.map(|payment| harmless(payment.as_str())),
            actor: entry.actor,
        }
    }
}

const PRODUCT: [&str; 9] =
    ["productId", "sellerId", "name", "category", "price", "discount", "stock", "status", "createdAt"];

#[derive(Serialize)]
struct ProductCells {
    product_id: String,
    seller_id: Option<String>,
    name: String,
    category: Option<String>,
    price: Won,
    discount: Won,
    stock: i64,
    status: SaleStatus,
    created_at: Timestamp,
}

impl From<Stocked> for ProductCells {
    fn from(Stocked { product, stock }: Stocked) -> Self {
        Self {
            product_id: harmless(product.product_id.as_str()),
            seller_id: product.seller_id.map(|seller| harmless(seller.as_str())),
            name: harmless(&product.name),
            category: product.category.map(|category| harmless(&category)),
            price: product.offer.price,
            discount: product.offer.discount,
            stock,
            status: product.offer.status,
            created_at: product.created_at,
        }
    }
}

/// A text that a spreadsheet takes for a text. It would run one that begins so as a formula.
fn harmless(text: &str) -> String {
    const BEGINS_A_FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
    if text.starts_with(BEGINS_A_FORMULA) { format!("'{text}") } else { text.to_owned() }
}

fn write_csv(cells: impl Serialize, text: &mut Vec<u8>) -> Result<(), Failure> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(&mut *text);
    writer.serialize(cells).map_err(|_| Failure::Internal("a row can be written as CSV"))?;
    writer.flush().map_err(|_| Failure::Internal("a row can be written to memory"))
}

fn write_json(kind: &'static str, data: &impl Serialize, text: &mut Vec<u8>) -> Result<(), Failure> {
    let line = json!({ "type": kind, "data": data });
    serde_json::to_writer(&mut *text, &line).map_err(|_| Failure::Internal("a row can be written as JSON"))?;
    text.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_formulas_and_numbers_stay_numbers() {
        let mut text = Vec::new();
        let cells = (harmless("=HYPERLINK(\"x\")"), harmless("-1"), harmless("차 a=b"), -5, harmless("a,\"b\"\nc"));
        write_csv(cells, &mut text).unwrap();
        let expected = "\"'=HYPERLINK(\"\"x\"\")\",'-1,차 a=b,-5,\"a,\"\"b\"\"\nc\"\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        for start in ["=", "+", "-", "@", "\t", "\r"] {
            assert!(harmless(start).starts_with('\''), "{start:?}");
        }
    }
}
