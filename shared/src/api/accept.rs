//! The language of messages.

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Korean,
    /// Only if the caller prefers it.
    English,
}

impl Language {
    /// The language that an `Accept-Language` header prefers: English only if it ranks above Korean.
    pub fn preferred(header: &str) -> Self {
        let weight = |wanted: &str| {
            let ranges = header.split(',').filter_map(|range| {
                let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
                let primary = tag.trim().split('-').next()?;
                let quality = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok())?;
                primary.eq_ignore_ascii_case(wanted).then_some(quality)
            });
            ranges.fold(0.0_f32, f32::max)
        };
        if weight("en") > weight("ko") { Self::English } else { Self::Korean }
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{English, Korean};
    use super::*;

    #[test]
    fn english_only_where_it_is_preferred() {
        for (header, language) in [
            ("", Korean),
            ("*", Korean),
            ("fr", Korean),
            ("en", English),
            ("en-US,en;q=0.9,ko;q=0.8", English),
            ("ko-KR,ko;q=0.9,en-US;q=0.8", Korean),
            ("en;q=0.5,ko;q=0.9", Korean),
            ("en,ko", Korean),
            ("en;q=0", Korean),
            ("en;q=nonsense", Korean),
        ] {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }
}
