//! Cursors: the position from which a list goes on, opaque to callers.
//!
//! A cursor is bound to its list and to the owner of the list, and carries a checksum. A damaged cursor, or one of
//! another list, is refused and not read as some position. A cursor has no secret: it holds a position and two digests,
//! so a caller that forges one reads no more than its own list.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | digest of the list's name and its owner |
//! | 4 | checksum: digest of the list's name, the four bytes before, and the position |
//! | rest | the position, in the format of the list's keys |

use std::marker::PhantomData;

use sha2::{Digest, Sha256};

use super::FieldErrors;
use crate::{
    app::{coupons::CouponPlace, orders::PaymentPlace},
    domain::{CouponId, Invalid, OrderId, PaymentId, ProductId},
    store::keys,
};

/// The most characters of a cursor: eight bytes and two ids with `#` between them, four characters for each three
/// bytes.
const MAX_LENGTH: usize = 184;

const DIGEST: usize = 4;

pub trait List {
    /// The list's name, different from that of every other.
    const NAME: &'static str;

    /// Whether a text is a position in the list, by the format of its keys.
    fn is_place(place: &str) -> bool;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Products;

impl List for Products {
    const NAME: &'static str = "products";

    fn is_place(place: &str) -> bool {
        keys::id_of_exact_index_key(place).is_some_and(|id| ProductId::try_from(id.to_owned()).is_ok())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accesses;

impl List for Accesses {
    const NAME: &'static str = "accesses";

    fn is_place(place: &str) -> bool {
        keys::id_of_exact_index_key(place).is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders;

impl List for Orders {
    const NAME: &'static str = "orders";

    fn is_place(place: &str) -> bool {
        keys::id_of_exact_index_key(place).is_some_and(|id| OrderId::try_from(id.to_owned()).is_ok())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entries;

impl List for Entries {
    const NAME: &'static str = "entries";

    fn is_place(place: &str) -> bool {
        place.parse().is_ok_and(|sequence: u64| keys::is_ledger_sequence(sequence) && sequence.to_string() == place)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coupons;

impl List for Coupons {
    const NAME: &'static str = "coupons";

    /// The id of a campaign; a replaced coupon has its own id after it.
    fn is_place(place: &str) -> bool {
        CouponPlace::try_from(place.to_owned()).is_ok()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payments;

impl List for Payments {
    const NAME: &'static str = "payments";

    fn is_place(place: &str) -> bool {
        PaymentPlace::try_from(place.to_owned()).is_ok()
    }
}

/// The payments from outside of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions;

impl List for Sessions {
    const NAME: &'static str = "sessions";

    fn is_place(place: &str) -> bool {
        keys::id_of_exact_index_key(place).is_some_and(|id| PaymentId::try_from(id.to_owned()).is_ok())
    }
}

/// The products of the desk: all of them, or a seller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskProducts;

impl List for DeskProducts {
    const NAME: &'static str = "desk-products";

    fn is_place(place: &str) -> bool {
        Products::is_place(place)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskCampaigns;

impl List for DeskCampaigns {
    const NAME: &'static str = "desk-campaigns";

    fn is_place(place: &str) -> bool {
        keys::id_of_exact_index_key(place).is_some_and(|id| CouponId::try_from(id.to_owned()).is_ok())
    }
}

/// The open campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCampaigns;

impl List for OpenCampaigns {
    const NAME: &'static str = "open-campaigns";

    fn is_place(place: &str) -> bool {
        DeskCampaigns::is_place(place)
    }
}

/// The lines of the desk: all of them, or a seller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskLines;

impl List for DeskLines {
    const NAME: &'static str = "desk-lines";

    fn is_place(place: &str) -> bool {
        keys::desk_place(place).is_some_and(|(_, number)| number.is_some())
    }
}

/// The claims of the desk: all of them, or those for a seller's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskClaims;

impl List for DeskClaims {
    const NAME: &'static str = "desk-claims";

    fn is_place(place: &str) -> bool {
        DeskLines::is_place(place)
    }
}

pub type ProductsCursor = Cursor<Products>;
pub type OrdersCursor = Cursor<Orders>;
pub type EntriesCursor = Cursor<Entries>;
pub type CouponsCursor = Cursor<Coupons>;
pub type PaymentsCursor = Cursor<Payments>;
pub type SessionsCursor = Cursor<Sessions>;

pub type DeskProductsCursor = Cursor<DeskProducts>;
pub type DeskLinesCursor = Cursor<DeskLines>;
pub type DeskClaimsCursor = Cursor<DeskClaims>;
pub type DeskCampaignsCursor = Cursor<DeskCampaigns>;
pub type OpenCampaignsCursor = Cursor<OpenCampaigns>;
pub type AccessesCursor = Cursor<Accesses>;

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<L> {
    owner: [u8; DIGEST],
    place: String,
    list: PhantomData<L>,
}

impl<L: List> Cursor<L> {
    /// The cursor for a position in the list of `owner`; a public list has an empty owner.
    pub fn to(owner: &str, place: impl ToString) -> Self {
        Self { owner: owner_digest::<L>(owner), place: place.to_string(), list: PhantomData }
    }

    /// Returns the position, if the cursor is of this owner's list.
    ///
    /// # Errors
    /// If it is of another owner's.
    pub fn place_for(self, owner: &str) -> Result<String, FieldErrors> {
        if self.owner != owner_digest::<L>(owner) {
            return Err(FieldErrors::one("cursor", Invalid::Cursor));
        }
        Ok(self.place)
    }

    pub fn encode(&self) -> String {
        let bytes = [&self.owner[..], &checksum::<L>(self.owner, &self.place), self.place.as_bytes()].concat();
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }
}

impl<L: List> TryFrom<String> for Cursor<L> {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        decode(&text).ok_or(Invalid::Cursor)
    }
}

fn decode<L: List>(text: &str) -> Option<Cursor<L>> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (owner, rest) = bytes.split_first_chunk()?;
    let (sum, place) = rest.split_first_chunk()?;
    let place = std::str::from_utf8(place).ok()?;
    let is_whole = *sum == checksum::<L>(*owner, place) && L::is_place(place);
    is_whole.then(|| Cursor { owner: *owner, place: place.to_owned(), list: PhantomData })
}

fn owner_digest<L: List>(owner: &str) -> [u8; DIGEST] {
    digest(&[b"owner", L::NAME.as_bytes(), owner.as_bytes()])
}

fn checksum<L: List>(owner: [u8; DIGEST], place: &str) -> [u8; DIGEST] {
    digest(&[b"place", L::NAME.as_bytes(), &owner, place.as_bytes()])
}

fn digest(parts: &[&[u8]]) -> [u8; DIGEST] {
    let hash: [u8; 32] = Sha256::digest(parts.join(&0)).into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<L: List + std::fmt::Debug>(text: &str) {
        let cursor = Cursor::<L>::try_from(text.to_owned());
        assert_eq!(cursor.err(), Some(Invalid::Cursor), "{text:?}");
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor::<Orders>::to("mina", "1700000000000#tea");
        let decoded = Cursor::<Orders>::try_from(cursor.encode()).unwrap();
        assert_eq!(decoded, cursor);
        assert_eq!(decoded.place_for("mina").unwrap(), "1700000000000#tea");
        let longest = Cursor::<Products>::to("", format!("1700000000000#{}", "x".repeat(64)));
        assert!(longest.encode().len() <= MAX_LENGTH);
        assert!(Cursor::<Products>::try_from(longest.encode()).is_ok());
        let ids = ["x".repeat(64), "y".repeat(64)].join("#");
        assert!(Cursor::<Coupons>::try_from(Cursor::<Coupons>::to("mina", ids).encode()).is_ok());
    }

    #[test]
    fn a_damaged_cursor_is_none() {
        for bad in ["", "%", "a", "____", "에", "MTcwMDAwMDAwMDAwMA", &"A".repeat(3_000)] {
            refused::<Products>(bad);
        }
        let whole = Cursor::<Products>::to("", "1700000000000#tea").encode();
        for end in 0..whole.len() {
            refused::<Products>(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut damaged: Vec<char> = whole.chars().collect();
            damaged[at] = if damaged[at] == 'x' { 'y' } else { 'x' };
            refused::<Products>(&damaged.into_iter().collect::<String>());
        }
    }

    #[test]
    fn a_cursor_is_of_one_list_and_one_owner() {
        let cursor = Cursor::<Products>::to("", "1700000000000#tea").encode();
        refused::<Orders>(&cursor);
        refused::<DeskProducts>(&cursor);
        refused::<Coupons>(&Cursor::<Entries>::to("mina", 7).encode());
        let of_mina = Cursor::<Entries>::try_from(Cursor::<Entries>::to("mina", 7).encode()).unwrap();
        assert!(of_mina.clone().place_for("jun").is_err());
        assert_eq!(of_mina.place_for("mina").unwrap(), "7");
    }

    #[test]
    fn a_forged_place_must_be_a_key_of_the_list() {
        for bad in
            ["", "#tea", "1700000000000#", "170#tea", "99999999999999#tea", "1700000000000#a b", "-1#tea", "x#tea"]
        {
            refused::<Products>(&Cursor::<Products>::to("", bad).encode());
        }
        for bad in ["", "0", "-1", "+1", "01", "1000000000000", "18446744073709551616", "x"] {
            refused::<Entries>(&Cursor::<Entries>::to("mina", bad).encode());
        }
        for bad in ["", "#a", "a#", "a#b#c"] {
            refused::<Coupons>(&Cursor::<Coupons>::to("mina", bad).encode());
        }
        for bad in ["", "##", "a#", "a b"] {
            refused::<Payments>(&Cursor::<Payments>::to("order", bad).encode());
        }
    }
}
