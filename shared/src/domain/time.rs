//! Instants and Seoul's calendar.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::Offset,
};

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
/// If the day is beyond the range of an instant (the year 9999).
pub fn start_of_seoul_day(day: Date) -> Result<Timestamp, jiff::Error> {
    SEOUL.to_timestamp(day.to_datetime(Time::midnight()))
}

/// The instant after so much business time: all day from Monday to Friday in Seoul. There are no holidays.
pub fn after_business_time(at: Timestamp, time: SignedDuration) -> Timestamp {
    /// More days than any period of the shop has: the bound of the loop.
    const MOST_DAYS: usize = 3_660;
    let (mut at, mut left) = (at, time);
    for _ in 0..MOST_DAYS {
        let day = seoul_day(at);
        let Ok(next) = day.tomorrow().and_then(start_of_seoul_day) else { return at };
        let is_business_day = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let of_day = next.duration_since(at);
        if is_business_day && left < of_day {
            return at.checked_add(left).unwrap_or(at);
        }
        left = if is_business_day { left.saturating_sub(of_day) } else { left };
        at = next;
    }
    at
}

/// The end of a window that begins at an instant. One of whole days ends with as many Seoul days after the day of its
/// begin, which does not count: so the law reckons the days in which a consumer may withdraw. Any other ends after just
/// that time.
pub fn end_of_window(begin: Timestamp, window: SignedDuration) -> Timestamp {
    const DAY_S: i64 = 24 * 60 * 60;
    let exact = begin.checked_add(window).unwrap_or(Timestamp::MAX);
    if window.is_zero() || window.as_secs() % DAY_S != 0 {
        return exact;
    }
    let after = (window.as_secs() / DAY_S).checked_add(1);
    let last =
        after.and_then(|days| seoul_day(begin).checked_add(SignedDuration::from_hours(days.checked_mul(24)?)).ok());
    last.and_then(|day| start_of_seoul_day(day).ok()).unwrap_or(exact)
}

/// An instant that a client wrote in RFC 3339, cut to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Timestamp);

impl Instant {
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<String> for Instant {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let instant = rfc_3339(&text).ok_or(Invalid::Instant)?;
        // Plausible years; they also keep every later addition of days within the range of an instant.
        let year = SEOUL.to_datetime(instant).year();
        if !(1970..=2999).contains(&year) {
            return Err(Invalid::Instant);
        }
        Timestamp::from_millisecond(instant.as_millisecond()).map(Self).map_err(|_| Invalid::Instant)
    }
}

/// Reads a `date-time` of RFC 3339, section 5.6, to the letter and to the millisecond. A general parser of ISO 8601
/// accepts more: `20260101T000000Z`, a comma, a missing second, an offset of 25 hours. `t` and `z` are letters of the
/// grammar, a space is not.
///
/// A leap second is the last second of a month in UTC. It is read as the following instant, as clocks without leap
/// seconds do.
pub(crate) fn rfc_3339(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (separator, rest) = rest.split_at_checked(1)?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (year, month, day) = (number(date, 0, 4)?, number(date, 5, 2)?, number(date, 8, 2)?);
    let (hour, minute, second) = (number(time, 0, 2)?, number(time, 3, 2)?, number(time, 6, 2)?);
    let separators = [date.get(4..5)?, date.get(7..8)?, time.get(2..3)?, time.get(5..6)?, separator];
    if !matches!(separators, ["-", "-", ":", ":", "T" | "t"]) {
        return None;
    }
    let (fraction, offset) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?),
    };
    let millisecond = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .try_fold(0_i32, |sum, digit| sum.checked_mul(10)?.checked_add(i32::from(digit.checked_sub(b'0')?)))?;
    let offset = offset_seconds(offset)?;
    let is_leap = second == 60;
    let second = if is_leap { 59 } else { second };
    let narrow = |number: i16| i8::try_from(number).ok();
    let nanosecond = millisecond.checked_mul(1_000_000)?;
    let local = DateTime::new(
        year,
        narrow(month)?,
        narrow(day)?,
        narrow(hour)?,
        narrow(minute)?,
        narrow(second)?,
        if is_leap { 0 } else { nanosecond },
    )
    .ok()?;
    let instant = Offset::from_seconds(offset).ok()?.to_timestamp(local).ok()?;
    if !is_leap {
        return Some(instant);
    }
    let next = instant.checked_add(1.second()).ok()?;
    let utc = Offset::UTC.to_datetime(next);
    (utc.day() == 1 && utc.time() == Time::midnight()).then_some(next)
}

/// Digits of a text as a number.
fn number(text: &str, start: usize, length: usize) -> Option<i16> {
    let digits = text.get(start..start.checked_add(length)?)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `Z`, or hours from 00 to 23 and minutes from 00 to 59 east or west of it.
fn offset_seconds(offset: &str) -> Option<i32> {
    let sign = match offset.get(..1)? {
        "Z" | "z" if offset.len() == 1 => return Some(0),
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    if offset.len() != 6 || offset.get(3..4)? != ":" {
        return None;
    }
    let (hours, minutes) = (i32::from(number(offset, 1, 2)?), i32::from(number(offset, 4, 2)?));
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
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

    #[test]
    fn instants_are_rfc_3339_to_the_letter() {
        let parse = |text: &str| Instant::try_from(text.to_owned()).map(|instant| instant.timestamp().to_string());
        for (text, instant) in [
            ("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00Z"),
            ("2024-02-29T12:00:00.5Z", "2024-02-29T12:00:00.5Z"),
            ("2026-01-01T00:00:00.1234567890123456789Z", "2026-01-01T00:00:00.123Z"),
            // The examples of section 5.8.
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z"),
            ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
            // A leap second is the instant that follows it, with any fraction.
            ("1990-12-31T23:59:60.999Z", "1991-01-01T00:00:00Z"),
            // The first and the last plausible year, in Seoul.
            ("1969-12-31T15:00:00Z", "1969-12-31T15:00:00Z"),
            ("2999-12-31T14:59:59.999Z", "2999-12-31T14:59:59.999Z"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(instant), "{text}");
        }
        for bad in [
            "2026-01-01T00:00:00+25:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+09:60",
            "20260101T000000Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+09",
            "2026-01-01T00:00:00+0900",
            "2026-01-01T00:00:00+09:00:00",
            "2026-01-01T00:00:00Z[UTC]",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T23:59:60Z",
            "2026-01-01T12:00:60Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "+002026-01-01T00:00:00Z",
            "2026-01-01T00:00:00 Z",
            " 2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z ",
            "２026-01-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-W01-1T00:00:00Z",
            "1969-12-31T14:59:59.999Z",
            "2999-12-31T15:00:00Z",
        ] {
            assert_eq!(parse(bad), Err(Invalid::Instant), "{bad:?}");
        }
    }
}
