//! Parts of bodies that more than one endpoint takes.

use deserr::Deserr;

use super::FieldErrors;
use crate::domain::{
    text::{Category, Line, Name, Phone},
    user::Seller,
};

/// A seller's business.
#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the seller")]
pub struct SellerBody {
    pub business_name: Name,
    pub registration_number: Name,
    pub contact: Phone,
    pub address: Line,
    pub category: Category,
}

impl From<SellerBody> for Seller {
    fn from(body: SellerBody) -> Self {
        Self {
            business_name: body.business_name.into_string(),
            registration_number: body.registration_number.into_string(),
            contact: body.contact.into_string(),
            address: body.address.into_string(),
            category: body.category.into_string(),
        }
    }
}
