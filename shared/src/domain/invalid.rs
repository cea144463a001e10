//! The faults of a single field of a request.

/// The fault of a field's value. The API turns it into a sentence in the caller's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// The field must be there.
    Required,
    /// There is no such field.
    Unknown,
    /// The JSON value is of another type than the one named.
    NotA(Kind),
    /// A string's length in characters is outside these bounds.
    Length { min: usize, max: usize },
    /// A text has control characters or overrides of its direction.
    Characters,
    /// A text has nothing visible in it.
    Blank,
    /// A list's length is outside these bounds.
    Count { min: usize, max: usize },
    /// An identifier may have letters, digits, `_` and `-` only, 1 to 64 of them.
    Id,
    /// The identifier is part of a path and so cannot name a thing.
    Reserved,
    /// A number is outside these bounds (both inclusive).
    Range { min: i64, max: i64 },
    /// A number must be a multiple of this one.
    MultipleOf(i64),
    /// A number must not be 0.
    Zero,
    /// The value must be one of these.
    OneOf(Vec<&'static str>),
    /// Not an e-mail address.
    Email,
    /// Not an instant in RFC 3339, such as `2026-11-21T09:00:00Z`.
    Instant,
    /// Must be later than the field named.
    After(&'static str),
    /// Must not be earlier than the field named.
    NotBefore(&'static str),
    /// Must not be later than the field named.
    NotAfter(&'static str),
    /// An instant that must not have passed.
    Past,
    /// Cannot be given together with the field named.
    Excludes(&'static str),
    /// Is allowed only together with this.
    OnlyWith(&'static str),
    /// Is in the list already.
    Repeated,
    /// A time that overlaps another one of the list.
    Overlaps,
    /// Belongs to something else already.
    Taken,
    /// Is named more than once.
    Duplicate,
    /// Not a list of entity tags, nor `*`.
    EntityTags,
    /// The lines are those of several sellers.
    OneSeller,
    /// Not a cursor of this list.
    Cursor,
    /// Not a ticket of a drop.
    Ticket,
    /// Not JSON at all.
    Json,
    /// The change has no field.
    Empty,
    /// The cart is empty.
    EmptyCart,
}

impl std::fmt::Display for Invalid {
    /// For logs; the API has sentences.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Invalid {}

/// The JSON types of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"text"`
    String,
    /// `1`, neither `1.5` nor `"1"`
    Integer,
    /// `true` or `false`
    Boolean,
    /// `[…]`
    List,
    /// `{…}`
    Object,
}

/// Gives an enum its names in the API, for reading and for writing.
macro_rules! named {
    ($type:ty { $($name:literal => $variant:ident),+ $(,)? }) => {
        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::domain::Invalid;

            fn try_from(name: String) -> Result<Self, Self::Error> {
                match name.as_str() {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::domain::Invalid::OneOf(vec![$($name),+])),
                }
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_the_fault_of_a_field_with_its_bounds() {
        assert_eq!(Invalid::Range { min: 1, max: 999 }.to_string(), "Range { min: 1, max: 999 }");
    }
}
