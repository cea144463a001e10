//! Instants and Seoul's calendar.

use jiff::{Timestamp, civil::Date, tz::Offset};

use super::Invalid;

/// Korea's only time zone; it has had no daylight saving time since 1988.
const SEOUL: Offset = Offset::constant(9);

/// The calendar day in Seoul at an instant. Bestsellers and coupon days are counted in these.
pub fn seoul_day(at: Timestamp) -> Date {
    SEOUL.to_datetime(at).date()
}

/// The instant at which a Seoul day begins.
///
/// # Errors
/// Where the day lies beyond what an instant can say (the year 9999).
pub fn start_of_seoul_day(day: Date) -> Result<Timestamp, jiff::Error> {
    SEOUL.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()))
}

/// An instant that a client wrote in RFC 3339, cut to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Timestamp);

impl Instant {
    /// The instant itself.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<String> for Instant {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let instant: Timestamp = text.parse().map_err(|_| Invalid::Instant)?;
        // Years a person means; they also keep every later addition of days within what an instant can say.
        let year = SEOUL.to_datetime(instant).year();
        if !(1970..=2999).contains(&year) {
            return Err(Invalid::Instant);
        }
        Timestamp::from_millisecond(instant.as_millisecond()).map(Self).map_err(|_| Invalid::Instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seoul_day_begins_at_15_utc_of_the_day_before() {
        let day = |text: &str| seoul_day(text.parse().unwrap()).to_string();
        assert_eq!(day("2026-11-20T14:59:59.999Z"), "2026-11-20");
        assert_eq!(day("2026-11-20T15:00:00Z"), "2026-11-21");
        let start = start_of_seoul_day("2026-11-21".parse().unwrap()).unwrap();
        assert_eq!(start.to_string(), "2026-11-20T15:00:00Z");
    }

    #[test]
    fn instants_are_rfc_3339() {
        let parse = |text: &str| Instant::try_from(text.to_owned());
        assert_eq!(
            parse("2026-11-21T09:00:00.1239+09:00").unwrap().timestamp().to_string(),
            "2026-11-21T00:00:00.123Z"
        );
        for bad in ["", "tomorrow", "2026-11-21", "2026-11-21T09:00:00", "9999-01-01T00:00:00Z"] {
            assert_eq!(parse(bad), Err(Invalid::Instant), "{bad:?}");
        }
    }
}
