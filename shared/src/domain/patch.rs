//! A change of one optional field: keep it, clear it, or set it.

/// The part of a change that concerns one optional field. An absent field, `null` and a value are three requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    /// The field has no value afterwards.
    Clear,
    /// The field has this value afterwards.
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same change of another type.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }

    /// The field's value after the change.
    #[must_use]
    pub fn apply(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_clear_and_set_are_three_changes() {
        assert_eq!(Patch::Keep.apply(Some(1)), Some(1));
        assert_eq!(Patch::Clear.apply(Some(1)), None);
        assert_eq!(Patch::Set(2).apply(Some(1)), Some(2));
        assert_eq!(Patch::Set(2).map(|number| number + 1).apply(None), Some(3));
        assert_eq!(
            [Patch::Keep, Patch::Clear].map(|patch: Patch<i64>| patch.map(|number| number + 1)),
            [Patch::Keep, Patch::Clear]
        );
        assert!(Patch::<i64>::default().is_keep());
        assert!(!Patch::<i64>::Clear.is_keep() && !Patch::Set(2).is_keep());
    }
}
