//! Parts of bodies that more than one endpoint takes.

use deserr::Deserr;
use utoipa::ToSchema;

use super::FieldErrors;
use crate::domain::{
    text::{Category, Line, Name, Phone},
    user::Seller,
};

/// A seller's business.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewSeller, rename_all = "camelCase")]
pub struct SellerBody {
    /// The name of the business.
    pub business_name: Name,
    /// Its registration number.
    pub registration_number: Name,
    /// How customers reach its support.
    pub contact: Phone,
    /// Its postal address.
    pub address: Line,
    /// What it sells.
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
