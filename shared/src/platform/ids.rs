//! Ids as text.

/// 128 bits as the 26 characters of an id.
pub(crate) fn encode(bits: &[u8]) -> String {
    data_encoding::BASE32_NOPAD.encode(bits).to_ascii_lowercase()
}
