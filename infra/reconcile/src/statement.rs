//! The statement of a provider: a CSV file with a header, and one line for each movement of money.
//!
//! A field has no line break, so each line is parsed by itself: a quote that is never closed spoils one line and not the
//! rest of the file, and a line's number is exact.

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use csv_core::{ReadRecordResult, Reader};
use jiff::Timestamp;

/// The columns that a statement must have. Their order is free, and further columns are ignored.
const COLUMNS: [&str; 6] = ["paymentKey", "merchantOrderId", "type", "transactionKey", "amount", "at"];

/// The longest text that a provider sends in a column.
const MAX_TEXT: usize = 200;

/// The longest line, in bytes, and the most fields.
const MAX_LINE: usize = 4_096;
const MAX_FIELDS: usize = 64;

/// A statement that cannot be read to its end. A file without the columns proves nothing about any payment.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("the statement cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the statement has no column `{0}`")]
    NoColumn(&'static str),
}

/// A movement of money, as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number of the line in the file, from 1; the header is the first.
    pub number: u64,
    pub payment_key: String,
    /// The shop's id of the payment: that of its session.
    pub payment_id: String,
    pub kind: LineKind,
    /// Names the movement at the provider.
    pub transaction_key: String,
    /// In won, above 0.
    pub amount: i64,
    pub at: Timestamp,
}

/// The direction of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Money came from the customer.
    Payment,
    /// Money went back to the customer.
    Cancel,
}

/// A line that is not a movement. Its content is left out: it may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    pub number: u64,
    pub reason: Reason,
}

/// The reason why a line is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is too long.
    Length,
    /// It has fewer or more fields than the header.
    Fields,
    /// A column is empty, too long, or not visible ASCII.
    Text(&'static str),
    Kind,
    Amount,
    At,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "it is longer than {MAX_LINE} bytes"),
            Self::Fields => f.write_str("the number of its fields is not that of the header"),
            Self::Text(column) => write!(f, "`{column}` is not a text of 1 to {MAX_TEXT} visible ASCII characters"),
            Self::Kind => f.write_str("`type` is neither PAYMENT nor CANCEL"),
            Self::Amount => f.write_str("`amount` is not a whole number of won above 0"),
            Self::At => f.write_str("`at` is not an instant in RFC 3339"),
        }
    }
}

/// Reads every line of a statement: quoted fields, LF and CRLF. Memory holds one line. Empty lines are left out.
///
/// # Errors
/// If the file cannot be read, or its header lacks a column. Some lines may have been taken by then.
pub fn read(mut statement: impl BufRead, mut take: impl FnMut(Result<Line, Malformed>)) -> Result<(), StatementError> {
    let (mut line, mut fields, mut number) = (Vec::new(), Fields::new(), 1);
    next_line(&mut statement, &mut line)?;
    let columns = fields.parse(line.strip_prefix(BOM).unwrap_or(&line)).unwrap_or_default();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = (0..columns).find(|place| fields.field(*place) == column.as_bytes());
        *place = found.ok_or(StatementError::NoColumn(column))?;
    }
    while next_line(&mut statement, &mut line)? {
        number += 1;
        if line.is_empty() {
            continue;
        }
        let parsed = match fields.parse(&line) {
            Some(count) if count == columns => parse(&fields, places, number),
            Some(_) => Err(Reason::Fields),
            None => Err(Reason::Length),
        };
        take(parsed.map_err(|reason| Malformed { number, reason }));
    }
    Ok(())
}

/// The mark that spreadsheets write at the begin of a file in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// Reads a line without its end. A line longer than [`MAX_LINE`] is cut, to one byte more than that. False at the end of the
/// file.
fn next_line(statement: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let limit = u64::try_from(MAX_LINE).map_or(u64::MAX, |max| max.saturating_add(1));
    line.clear();
    let is_any = statement.by_ref().take(limit).read_until(b'\n', line)? > 0;
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|last| *last == b'\r');
    } else if line.len() > MAX_LINE {
        statement.skip_until(b'\n')?;
    }
    Ok(is_any)
}

/// The fields of a line.
struct Fields {
    reader: Reader,
    texts: [u8; MAX_LINE],
    ends: [usize; MAX_FIELDS],
}

impl Fields {
    fn new() -> Self {
        Self { reader: Reader::new(), texts: [0; MAX_LINE], ends: [0; MAX_FIELDS] }
    }

    /// Parses a line, and returns the number of its fields; nothing if it is too long.
    fn parse(&mut self, line: &[u8]) -> Option<usize> {
        let Self { reader, texts, ends } = self;
        reader.reset();
        let (result, read, written, fields) = reader.read_record(line, texts, ends);
        if result != ReadRecordResult::InputEmpty || read != line.len() {
            return None;
        }
        // No more input ends the last field.
        let (texts, ends) = (texts.get_mut(written..)?, ends.get_mut(fields..)?);
        let (result, _, _, last) = reader.read_record(&[], texts, ends);
        matches!(result, ReadRecordResult::Record | ReadRecordResult::End).then(|| fields.saturating_add(last))
    }

    fn field(&self, place: usize) -> &[u8] {
        let end = |place: usize| self.ends.get(place).copied();
        let start = place.checked_sub(1).map_or(Some(0), end);
        let field = start.zip(end(place)).and_then(|(start, end)| self.texts.get(start..end));
        field.unwrap_or_default()
    }
}

fn parse(fields: &Fields, places: [usize; COLUMNS.len()], number: u64) -> Result<Line, Reason> {
    let [key, id, kind, transaction, amount, at] = places.map(|place| fields.field(place));
    let [key_name, id_name, _, transaction_name, ..] = COLUMNS;
    Ok(Line {
        number,
        payment_key: text(key, key_name)?,
        payment_id: text(id, id_name)?,
        kind: match kind {
            b"PAYMENT" => LineKind::Payment,
            b"CANCEL" => LineKind::Cancel,
            _ => return Err(Reason::Kind),
        },
        transaction_key: text(transaction, transaction_name)?,
        amount: parsed(amount).filter(|amount| *amount > 0).ok_or(Reason::Amount)?,
        at: parsed(at).ok_or(Reason::At)?,
    })
}

fn text(field: &[u8], column: &'static str) -> Result<String, Reason> {
    let is_text = (1..=MAX_TEXT).contains(&field.len()) && field.iter().all(u8::is_ascii_graphic);
    let text = str::from_utf8(field).ok().filter(|_| is_text);
    text.map(str::to_owned).ok_or(Reason::Text(column))
}

fn parsed<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "paymentKey,merchantOrderId,type,transactionKey,amount,at";

    fn lines(text: &str) -> Vec<Result<Line, Malformed>> {
        let mut lines = Vec::new();
        read(text.as_bytes(), |line| lines.push(line)).unwrap();
        lines
    }

    #[test]
    fn quotes_carriage_returns_and_the_order_of_columns_do_not_matter() {
        let plain = lines(&format!("{HEADER}\nk,p,PAYMENT,t,7000,2026-11-20T12:00:00+09:00\n"));
        assert_eq!(plain[0].as_ref().unwrap().amount, 7_000);
        assert_eq!(plain[0].as_ref().unwrap().number, 2);
        for same in [
            format!("{HEADER}\r\n\"k\",\"p\",PAYMENT,t,\"7000\",2026-11-20T12:00:00+09:00\r\n"),
            format!("\u{feff}{HEADER}\nk,p,PAYMENT,t,7000,2026-11-20T12:00:00+09:00"),
            "at,amount,extra,transactionKey,type,merchantOrderId,paymentKey\n2026-11-20T03:00:00Z,7000,,t,PAYMENT,p,k\n"
                .to_owned(),
        ] {
            assert_eq!(lines(&same), plain, "{same}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number_and_the_rest_is_read() {
        for (wrong, reason) in [
            ("k,p,PAYMENT,t,7000", Reason::Fields),
            ("k,p,PAYMENT,t,7000,2026-11-20T03:00:00Z,", Reason::Fields),
            (",p,PAYMENT,t,7000,2026-11-20T03:00:00Z", Reason::Text("paymentKey")),
            ("k,\u{1b}[2J,PAYMENT,t,7000,2026-11-20T03:00:00Z", Reason::Text("merchantOrderId")),
            ("k,p,payment,t,7000,2026-11-20T03:00:00Z", Reason::Kind),
            ("k,p,PAYMENT,t,0,2026-11-20T03:00:00Z", Reason::Amount),
            ("k,p,PAYMENT,t,-7,2026-11-20T03:00:00Z", Reason::Amount),
            ("k,p,PAYMENT,t,7000.5,2026-11-20T03:00:00Z", Reason::Amount),
            ("k,p,PAYMENT,t,9223372036854775808,2026-11-20T03:00:00Z", Reason::Amount),
            ("k,p,PAYMENT,t,7000,yesterday", Reason::At),
        ] {
            let text = format!("{HEADER}\n{wrong}\nk,p,CANCEL,t,7000,2026-11-20T03:00:00Z\n");
            let lines = lines(&text);
            assert_eq!(lines[0], Err(Malformed { number: 2, reason }), "{wrong}");
            assert!(lines[1].is_ok(), "{wrong}");
        }
        let long = format!("{HEADER}\n\n{}\r\n\"k,p\nk,p,PAYMENT,t,1,2026-11-20T03:00:00Z\r\n", "x".repeat(9_000));
        let lines = lines(&long);
        assert_eq!(lines[0], Err(Malformed { number: 3, reason: Reason::Length }));
        assert_eq!(lines[1], Err(Malformed { number: 4, reason: Reason::Fields }), "a quote spoils its own line only");
        assert_eq!(lines[2].as_ref().unwrap().number, 5);
    }

    #[test]
    fn a_file_without_the_columns_is_no_statement() {
        for text in ["", "a,b\n1,2\n", "paymentKey,merchantOrderId,type,transactionKey,amount\n"] {
            let error = read(text.as_bytes(), |_| {}).unwrap_err();
            assert!(matches!(error, StatementError::NoColumn(_)), "{text}: {error}");
        }
    }
}
