//! Postal addresses.

use serde::{Deserialize, Serialize};

use super::text::Text;

/// A postcode.
pub type Postcode = Text<20>;
/// A line of an address, or a note to the carrier.
pub type AddressLine = Text<300, true>;

/// A postal address. Name and telephone number are the user's unless it has its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", from = "Stored")]
pub struct Address {
    /// The recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The recipient's telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The postcode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    /// Building, floor, room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// A note to the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An address as it may be stored: in the first stage it was one text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    #[serde(rename_all = "camelCase")]
    Fields {
        name: Option<String>,
        phone: Option<String>,
        postcode: Option<String>,
        line1: Option<String>,
        line2: Option<String>,
        note: Option<String>,
    },
}

impl From<Stored> for Address {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Text(line1) => Self::from_line(line1),
            Stored::Fields { name, phone, postcode, line1, line2, note } => {
                Self { name, phone, postcode, line1, line2, note }
            }
        }
    }
}

/// The parts of an address that an order cannot be shipped without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    pub postcode: bool,
    pub line1: bool,
}

impl Missing {
    /// There is no address at all.
    pub const ALL: Self = Self { postcode: true, line1: true };

    /// The fields that are missing, by their names in the API.
    pub fn names(self) -> Vec<&'static str> {
        let fields = [(self.postcode, "postcode"), (self.line1, "line1")];
        fields.into_iter().filter_map(|(is_missing, name)| is_missing.then_some(name)).collect()
    }
}

impl Address {
    /// An address that is one text.
    pub fn from_line(line1: String) -> Self {
        Self { line1: Some(line1), ..Self::default() }
    }

    /// The address with the name and the telephone number of its user where it has none.
    #[must_use]
    pub fn or_of_user(self, name: &str, phone: Option<&str>) -> Self {
        let name = self.name.or_else(|| Some(name.to_owned()).filter(|name| !name.is_empty()));
        Self { name, phone: self.phone.or_else(|| phone.map(str::to_owned)), ..self }
    }

    /// The parts that it lacks.
    pub fn missing(&self) -> Missing {
        Missing { postcode: self.postcode.is_none(), line1: self.line1.is_none() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_text_is_the_first_line() {
        let address: Address = serde_json::from_value(json!("Mapo-daero 1")).unwrap();
        assert_eq!(address, Address::from_line("Mapo-daero 1".to_owned()));
        assert_eq!(address.missing().names(), ["postcode"]);
        let stored = json!({ "postcode": "04100", "line1": "Mapo-daero 1" });
        let address: Address = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(address.missing(), Missing::default());
        assert_eq!(json!(address), stored);
        assert_eq!(Missing::ALL.names(), ["postcode", "line1"]);
    }

    #[test]
    fn name_and_phone_are_the_users_by_default() {
        let address = Address::from_line("1".to_owned());
        let filled = address.clone().or_of_user("Mina", Some("010"));
        assert_eq!((filled.name.as_deref(), filled.phone.as_deref()), (Some("Mina"), Some("010")));
        let own = Address { name: Some("Jun".to_owned()), ..address.clone() };
        assert_eq!(own.or_of_user("Mina", None).name.as_deref(), Some("Jun"));
        assert_eq!(address.or_of_user("", None).name, None, "of an erased user");
    }
}
