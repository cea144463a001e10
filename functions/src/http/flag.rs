//! A switch in a query: `true` or `false`.

use deserr::Deserr;
use shared::{api::FieldErrors, domain::Invalid};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, try_from(String) = Flag::named -> Invalid)]
#[schema(rename_all = "lowercase")]
pub enum Flag {
    True,
    #[default]
    False,
}

impl Flag {
    fn named(name: String) -> Result<Self, Invalid> {
        match name.as_str() {
            "true" => Ok(Self::True),
            "false" => Ok(Self::False),
            _ => Err(Invalid::OneOf(vec!["true", "false"])),
        }
    }
}
