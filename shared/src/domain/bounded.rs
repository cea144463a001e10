//! Whole numbers within bounds, each a type of its own.

/// Declares a type for the numbers from `MIN` to `MAX`, both included.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($raw:ty): $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64")]
        pub struct $name($raw);

        impl $name {
            pub const MIN: i64 = $min;
            pub const MAX: i64 = $max;

            pub fn get(self) -> $raw {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = $crate::domain::Invalid;

            fn try_from(number: i64) -> Result<Self, Self::Error> {
                let number = $crate::domain::money::in_range(number, Self::MIN, Self::MAX)?;
                <$raw>::try_from(number)
                    .map(Self)
                    .map_err(|_| $crate::domain::Invalid::Range { min: Self::MIN, max: Self::MAX })
            }
        }
    };
}
pub(crate) use bounded;
