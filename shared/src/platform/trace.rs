//! One trace id for a request and all that follows from it, through the table, its stream, the bus and the queues.
//!
//! It is the trace of X-Ray, which API Gateway begins for each request, in the format of W3C. Stored records keep it,
//! each event carries it, and each consumer of an event continues it. Within [`of`] every line of the log has it, as
//! `trace.id` of its span.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::{Instrument, Span};

use super::Random;

/// The id of a trace: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceId(String);

#[derive(Debug, thiserror::Error)]
#[error("a trace id has 32 hexadecimal digits")]
pub struct NoTraceId;

const DIGITS: usize = 32;

/// The header in which API Gateway and Lambda pass a trace.
pub(crate) const HEADER: &str = "x-amzn-trace-id";

impl TryFrom<String> for TraceId {
    type Error = NoTraceId;

    fn try_from(text: String) -> Result<Self, NoTraceId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == DIGITS && text.bytes().all(is_digit) { Ok(Self(text)) } else { Err(NoTraceId) }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TraceId {
    /// Its format as a regular expression.
    pub const PATTERN: &str = "^[0-9a-f]{32}$";

    /// The trace of an invocation: that of X-Ray, `Root=1-5759e988-bd862e3fe1be46a994272793;…`, or else one derived
    /// from the id of the request.
    pub fn from_invocation(xray: Option<&str>, request_id: &str) -> Self {
        xray.and_then(Self::from_xray).unwrap_or_else(|| Self::from_request(request_id))
    }

    fn from_xray(header: &str) -> Option<Self> {
        let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root=1-"))?;
        Self::try_from(root.replace('-', "").to_ascii_lowercase()).ok()
    }

    /// The trace of a request without one of X-Ray. Lambda's request ids have as many digits; any other id is replaced
    /// by its digest.
    fn from_request(id: &str) -> Self {
        Self::try_from(id.replace('-', "")).unwrap_or_else(|NoTraceId| {
            let hash = Sha256::digest(id.as_bytes());
            let mut digits = data_encoding::HEXLOWER.encode(&hash);
            digits.truncate(DIGITS);
            Self(digits)
        })
    }

    /// The header `traceparent` for a request to another system: <https://www.w3.org/TR/trace-context>.
    pub fn traceparent(&self, random: &Random) -> String {
        // A span of zeros means none.
        let span = (random.bits() >> 64).max(1);
        format!("00-{self}-{span:016x}-01")
    }

    pub fn span(&self) -> Span {
        tracing::info_span!("trace", trace.id = %self)
    }
}

tokio::task_local! {
    static CURRENT: TraceId;
}

/// The current trace. It is absent only outside of [`of`]; every function runs within one.
pub fn current() -> Option<TraceId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs a future as a part of a trace.
pub async fn of<F: Future>(trace: TraceId, what: F) -> F::Output {
    let span = trace.span();
    // Boxed, because handlers nest deep enough as it is for the compiler.
    CURRENT.scope(trace, Box::pin(what.instrument(span))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_that_of_x_ray() {
        let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let trace = TraceId::from_invocation(Some(xray), "4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e");
        assert_eq!(trace.to_string(), "5759e988bd862e3fe1be46a994272793");
        let own = TraceId::from_invocation(Some(&format!("Self=1-67891234-12456789abcdef012345678;{xray}")), "1");
        assert_eq!(own, trace);
    }

    #[test]
    fn without_it_the_request_has_one_of_its_own() {
        let of = |xray: Option<&str>, request: &str| TraceId::from_invocation(xray, request).to_string();
        let uuid = "4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e";
        for nothing in [None, Some(""), Some("Root=1-xyz"), Some("Root=1-5759e988-bd862e3fe1be46a99427279\u{ac00}")] {
            assert_eq!(of(nothing, uuid), "4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e");
        }
        let other = of(None, "frfjxplir33xbmdsex32hlrst4");
        assert_eq!(other, of(None, "frfjxplir33xbmdsex32hlrst4"));
        assert!(TraceId::try_from(other.clone()).is_ok());
        assert_ne!(other, of(None, "x"));
    }

    #[test]
    fn others_are_told_as_w3c_has_it() {
        let trace = TraceId::from_invocation(None, "4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e");
        let header = |bits: u128| trace.traceparent(&Random::new(move || bits));
        assert_eq!(header(u128::MAX), "00-4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e-ffffffffffffffff-01");
        assert_eq!(header(0), "00-4dfb1d320b6e4d3c9a0f5a3f5c1c8d7e-0000000000000001-01");
    }

    #[tokio::test]
    async fn what_is_done_within_a_trace_knows_it() {
        assert_eq!(current(), None);
        let (outer, inner) = (TraceId::from_request("outer"), TraceId::from_request("inner"));
        of(outer.clone(), async {
            of(inner.clone(), async { assert_eq!(current(), Some(inner.clone())) }).await;
            assert_eq!(current(), Some(outer.clone()));
        })
        .await;
        assert_eq!(current(), None);
    }
}
