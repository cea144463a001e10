//! The statement of a day: each movement of money, for the shop to compare with its own books.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::{
    books::{Books, Kind},
    text,
};

const COLUMNS: &str = "paymentKey,merchantOrderId,type,transactionKey,amount,at";

/// The movements of a day in Seoul as CSV, oldest first. No field needs quotes.
pub(crate) fn csv(books: &Books, day: Date) -> String {
    let mut csv = format!("{COLUMNS}\n");
    for movement in books.movements().iter().filter(|movement| text::day(movement.at) == day) {
        let Some(payment) = books.payment(movement.place) else { continue };
        let kind = match movement.kind {
            Kind::Payment => "PAYMENT",
            Kind::Cancel => "CANCEL",
        };
        let (key, order_id, at) = (&payment.key, &payment.order_id, text::instant(movement.at));
        // Writing to a text cannot fail.
        let _ = writeln!(csv, "{key},{order_id},{kind},{},{},{at}", movement.transaction, movement.amount);
    }
    csv
}
