//! Ids that clients choose.

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use shared::{
    api::{FieldErrors, field_path},
    domain::{CouponId, Invalid, ProductId, UserId},
};

use crate::routes;

/// An id that a client chooses for a new thing. Words that the API's paths have in the position of such an id are
/// refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewId<I>(I);

/// An id that is a parameter of the API's paths.
pub trait PathId: TryFrom<String, Error = Invalid> {
    const PARAMETER: &'static str;
}

impl PathId for UserId {
    const PARAMETER: &'static str = "userId";
}

impl PathId for ProductId {
    const PARAMETER: &'static str = "productId";
}

impl PathId for CouponId {
    const PARAMETER: &'static str = "couponId";
}

impl<I> NewId<I> {
    pub fn into_id(self) -> I {
        self.0
    }
}

impl<I: PathId + AsRef<str>> NewId<I> {
    /// Returns the id, if it is not reserved.
    ///
    /// # Errors
    /// [`Invalid::Reserved`].
    pub fn new(id: I) -> Result<Self, Invalid> {
        if routes::is_reserved(I::PARAMETER, id.as_ref()) { Err(Invalid::Reserved) } else { Ok(Self(id)) }
    }
}

impl<I: PathId + AsRef<str>> Deserr<FieldErrors> for NewId<I> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, FieldErrors> {
        let text = <String as Deserr<FieldErrors>>::deserialize_from_value(value, location)?;
        let id = I::try_from(text).and_then(Self::new);
        id.map_err(|invalid| FieldErrors::one(field_path(location), invalid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_paths_are_reserved_beside_them() {
        let chosen = |id: &str| NewId::new(UserId::try_from(id.to_owned()).unwrap());
        assert_eq!(chosen("charge"), Err(Invalid::Reserved));
        assert!(chosen("top").is_ok() && chosen("Charge").is_ok());
    }
}
