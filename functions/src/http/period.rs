//! The parameters `from` and `to` of lists.

use shared::{
    api::FieldErrors,
    domain::{Invalid, desk::Period, time::Instant},
};

/// The period of the two instants, of which each can be absent.
///
/// # Errors
/// If it ends before it begins.
pub(super) fn period(from: Option<Instant>, to: Option<Instant>) -> Result<Period, FieldErrors> {
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(FieldErrors::one("to", Invalid::NotBefore("from")));
    }
    Ok(Period { from: from.map(Instant::timestamp), to: to.map(Instant::timestamp) })
}
