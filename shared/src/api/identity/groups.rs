//! Roles by membership in groups.
//!
//! API Gateway passes every claim as text, in the notation of Go: the list `["a", "b"]` as `[a b]`, an object as
//! `map[key:value]`. That text cannot tell a name with spaces from several names: `["fan of admin"]` and `["fan", "of",
//! "admin"]` look alike. The token itself can, and it comes along in the header `Authorization`. The names are
//! therefore taken from the token if API Gateway would write its claim as that text, and otherwise from the text alone.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use crate::app::Role;

const MAX_DEPTH: u8 = 8;

/// The claim that lists a caller's groups, and the groups that make a seller or an admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGroups {
    pub claim: String,
    pub admin: String,
    pub seller: String,
}

impl Default for RoleGroups {
    /// Amazon Cognito's claim, and groups named after the roles.
    fn default() -> Self {
        Self { claim: "cognito:groups".to_owned(), admin: "admin".to_owned(), seller: "seller".to_owned() }
    }
}

impl RoleGroups {
    /// The role in a claim's text. A group counts by its whole name, in upper or lower case.
    pub(super) fn role(&self, text: &str, token: Option<&str>) -> Role {
        let exact = token.and_then(|token| claim_of(token, &self.claim)).filter(|value| is_written_as(value, text));
        let names = match exact {
            Some(Value::String(_)) | None => names_in(text),
            Some(value) => leaves(&value),
        };
        let is_member = |group: &str| names.iter().any(|name| name.eq_ignore_ascii_case(group));
        if is_member(&self.admin) {
            Role::Admin
        } else if is_member(&self.seller) {
            Role::Seller
        } else {
            Role::Customer
        }
    }
}

/// Returns a claim of a token that the authorizer has verified already.
fn claim_of(authorization: &str, claim: &str) -> Option<Value> {
    let token = authorization.split_whitespace().next_back()?;
    let [_, payload, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    let payload = BASE64URL_NOPAD.decode(payload.trim_end_matches('=').as_bytes()).ok()?;
    serde_json::from_slice::<Map<String, Value>>(&payload).ok()?.remove(claim)
}

/// Whether API Gateway would write the value as `text`: in Go's notation, or as JSON.
fn is_written_as(value: &Value, text: &str) -> bool {
    in_go_notation(value) == text || serde_json::from_str::<Value>(text).is_ok_and(|parsed| parsed == *value)
}

fn in_go_notation(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(in_go_notation).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields: Vec<_> =
                fields.into_iter().map(|(name, value)| format!("{name}:{}", in_go_notation(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// The strings in a list or an object. The names of fields are no groups.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(leaves).collect(),
        Value::Object(fields) => fields.values().flat_map(leaves).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The names in a claim's text: the strings of JSON and Go's notation, the parts between commas of plain text. Text in
/// none of these forms has no names.
fn names_in(text: &str) -> Vec<String> {
    let text = text.trim();
    if let Ok(value @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str(text) {
        return leaves(&value);
    }
    if text.starts_with('[') || text.starts_with(MAP) {
        let mut reader = Reader { rest: text, names: Vec::new() };
        let is_whole = reader.value(0).is_some() && reader.rest.is_empty();
        return if is_whole { reader.names } else { Vec::new() };
    }
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

const MAP: &str = "map[";

/// Reads Go's notation. `None` stands for text that is not in it.
struct Reader<'t> {
    rest: &'t str,
    names: Vec<String>,
}

impl<'t> Reader<'t> {
    /// A list or a map.
    fn value(&mut self, depth: u8) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(rest) = self.rest.strip_prefix(MAP) {
            self.rest = rest;
            self.map(depth)
        } else {
            self.rest = self.rest.strip_prefix('[')?;
            self.list(depth)
        }
    }

    fn list(&mut self, depth: u8) -> Option<()> {
        loop {
            self.skip_separators();
            if self.closes() {
                return Some(());
            }
            if self.opens() {
                self.value(depth + 1)?;
            } else {
                let name = self.word()?.to_owned();
                self.names.push(name);
            }
        }
    }

    /// Entries `key:value`. A word without a key continues the value before it, which has a space in it.
    fn map(&mut self, depth: u8) -> Option<()> {
        let mut value = String::new();
        loop {
            self.skip_separators();
            if self.closes() {
                self.names.push(value);
                return Some(());
            }
            let key_ends = self.rest.find(|c: char| c == ':' || c == ']' || c.is_whitespace())?;
            if self.rest.get(key_ends..)?.starts_with(':') {
                self.names.push(std::mem::take(&mut value));
                self.rest = self.rest.get(key_ends + 1..)?;
                if self.opens() {
                    self.value(depth + 1)?;
                    continue;
                }
            } else if value.is_empty() {
                return None;
            }
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(self.word().unwrap_or_default());
        }
    }

    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }

    fn opens(&self) -> bool {
        self.rest.starts_with('[') || self.rest.starts_with(MAP)
    }

    fn closes(&mut self) -> bool {
        let rest = self.rest.strip_prefix(']');
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A name up to a separator or the end of the list. Brackets within a name belong to it.
    fn word(&mut self) -> Option<&'t str> {
        let mut open = 0_usize;
        let end = self.rest.find(|c: char| {
            match c {
                '[' => open += 1,
                ']' if open > 0 => open -= 1,
                ']' | ',' => return true,
                _ => {}
            }
            c.is_whitespace()
        })?;
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word).filter(|word| !word.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(text: &str) -> Role {
        RoleGroups::default().role(text, None)
    }

    /// The role by a token with this claim, as API Gateway passes both.
    fn role_by_token(claim: &Value) -> Role {
        let payload = BASE64URL_NOPAD.encode(json!({ "cognito:groups": claim }).to_string().as_bytes());
        RoleGroups::default().role(&in_go_notation(claim), Some(&format!("Bearer eyJ.{payload}.c2ln")))
    }

    #[test]
    fn whole_names_give_a_role() {
        for text in ["[staff admin]", "admin", "[admin]", "staff, admin", r#"["staff","admin"]"#, "[ADMIN]"] {
            assert_eq!(role(text), Role::Admin, "{text}");
        }
        assert_eq!(role("seller"), Role::Seller);
        assert_eq!(role("[seller admin]"), Role::Admin);
        for claim in [json!(["staff", "admin"]), json!("admin"), json!([["admin"]]), json!({ "roles": ["x", "admin"] })]
        {
            assert_eq!(role_by_token(&claim), Role::Admin, "{claim}");
        }
    }

    #[test]
    fn a_part_of_a_name_gives_none() {
        for text in [
            "[administrators]",
            "[non-admin]",
            "[shop-admin-readonly]",
            "[former.seller]",
            "fan of admin",
            "[x:admin]",
            "[ops[admin]]",
            "[x] admin]",
            "[admin",
            "admin]",
            "map[admin:true]",
            "map[title:fan of admin]",
            "map[admin]",
            "map[admin:[]",
            r#"["fan of admin"]"#,
            r#"{"admin":true}"#,
            r#"{"admin":"no"}"#,
            "[]",
            "",
        ] {
            assert_eq!(role(text), Role::Customer, "{text}");
        }
        for claim in [
            json!(["non-admin"]),
            json!(["shop-admin-readonly"]),
            json!(["former.seller"]),
            json!("fan of admin"),
            json!(["fan of admin"]),
            json!(["fan of, admin"]),
            json!({ "title": "fan of admin" }),
            json!({ "admin": "yes" }),
            json!([{ "name": "not admin" }]),
        ] {
            assert_eq!(role_by_token(&claim), Role::Customer, "{claim}");
        }
    }

    #[test]
    fn nested_claims_are_read() {
        for text in ["[[x admin] [y]]", "map[roles:[x admin] scope:y]", "map[a:map[b:[admin]]]", "map[role:admin x:y]"]
        {
            assert_eq!(role(text), Role::Admin, "{text}");
        }
        assert_eq!(role(r#"{"realm":{"roles":["seller"]}}"#), Role::Seller);
        let deep = format!("{}admin{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(role(&deep), Role::Customer);
    }

    /// A token decides nothing unless its claims are those that the authorizer passes on.
    #[test]
    fn a_token_that_the_claims_do_not_come_from_is_ignored() {
        let payload = BASE64URL_NOPAD.encode(json!({ "cognito:groups": ["admin"] }).to_string().as_bytes());
        let token = format!("Bearer eyJ.{payload}.c2ln");
        assert_eq!(RoleGroups::default().role("[staff]", Some(&token)), Role::Customer);
    }

    #[test]
    fn names_are_configured() {
        let groups =
            RoleGroups { claim: "roles".to_owned(), admin: "shop-admin".to_owned(), seller: "vendors".to_owned() };
        assert_eq!(groups.role("[shop-admin]", None), Role::Admin);
        assert_eq!(groups.role("[vendors]", None), Role::Seller);
        assert_eq!(groups.role("[admin seller]", None), Role::Customer);
    }
}
