//! Requests and responses, without a socket.

use std::time::Duration;

use serde_json::Value;

/// The most bytes of a body.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// A request to the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// In capital letters.
    pub method: String,
    /// The path as it was sent, with escapes and without a query.
    pub path: String,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The segments of the path without their escapes; none if they are not text.
    pub(crate) fn segments(&self) -> Option<Vec<String>> {
        self.path.strip_prefix('/')?.split('/').map(unescape).collect()
    }
}

/// The time at which a response arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    AtOnce,
    After(Duration),
    /// The client waits in vain. The response tells what it would have read.
    Never,
}

/// A response of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    pub delivery: Delivery,
}

impl Response {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string(), delivery: Delivery::AtOnce }
    }

    pub(crate) fn empty() -> Self {
        Self { status: 204, content_type: "text/plain", body: String::new(), delivery: Delivery::AtOnce }
    }

    pub(crate) fn csv(body: String) -> Self {
        Self { status: 200, content_type: "text/csv; charset=utf-8", body, delivery: Delivery::AtOnce }
    }

    /// Replaces a field of a JSON object.
    pub(crate) fn set(&mut self, name: &str, value: i64) {
        if let Ok(Value::Object(mut object)) = serde_json::from_str(&self.body) {
            object.insert(name.to_owned(), value.into());
            self.body = Value::Object(object).to_string();
        }
    }
}

fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits =
                str::from_utf8(&digits).ok().filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_unescaped_one_by_one() {
        let segments = |path: &str| Request { path: path.to_owned(), ..Request::default() }.segments();
        let expected = ["v1", "payments", "a/b"].map(str::to_owned).to_vec();
        assert_eq!(segments("/v1/payments/a%2Fb"), Some(expected));
        for bad in ["", "v1", "/%", "/%2", "/%+2", "/%FF"] {
            assert_eq!(segments(bad), None, "{bad}");
        }
    }
}
