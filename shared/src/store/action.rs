//! Actions on one item, and transactions: several actions that commit together.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;

use super::{
    Item, Key, StoreError,
    keys::{self, Index, IndexKey},
};
use crate::platform::trace;

/// A condition that no item is there yet.
const ABSENT: &str = "attribute_not_exists(#pk)";

/// A conditional change of one item, or only its condition.
///
/// Expressions write attributes as `#name` and values as `:name`. The names are filled in from the expressions, so that
/// no reserved word can clash. [`Self::named`] gives only a name that is itself data.
#[derive(Debug, Clone)]
pub struct Action {
    pub(super) key: Key,
    pub(super) verb: Verb,
    pub(super) condition: Option<String>,
    pub(super) values: HashMap<String, AttributeValue>,
    /// Attributes named otherwise than their `#alias` in an expression.
    aliases: HashMap<String, String>,
    /// The failure to encode a record or value: the commit fails with it.
    invalid: Option<serde_dynamo::Error>,
}

#[derive(Debug, Clone)]
pub(super) enum Verb {
    Put(Item),
    Update(String),
    Delete,
    Check,
}

impl Action {
    /// Puts a new item; refused if there is one already.
    pub fn create(key: Key, record: &impl Serialize) -> Self {
        Self::put(key, record).when(ABSENT)
    }

    /// Replaces the item that meets the condition given with [`Self::when`].
    pub fn put(key: Key, record: &impl Serialize) -> Self {
        let (mut item, invalid): (Item, _) = match serde_dynamo::to_item(record) {
            Ok(item) => (item, None),
            Err(error) => (Item::new(), Some(error)),
        };
        item.insert("pk".to_owned(), AttributeValue::S(key.pk.clone()));
        item.insert("sk".to_owned(), AttributeValue::S(key.sk.clone()));
        Self { invalid, ..Self::new(key, Verb::Put(item)) }
    }

    pub fn update(key: Key, expression: impl Into<String>) -> Self {
        Self::new(key, Verb::Update(expression.into()))
    }

    /// Deletes the item that meets the condition given with [`Self::when`].
    pub fn delete(key: Key) -> Self {
        Self::new(key, Verb::Delete)
    }

    /// Changes nothing, but asserts the condition given with [`Self::when`].
    pub fn check(key: Key) -> Self {
        Self::new(key, Verb::Check)
    }

    /// Asserts that there is no item.
    pub fn check_absent(key: Key) -> Self {
        Self::check(key).when(ABSENT)
    }

    /// Appends a clause to the update expression.
    #[must_use]
    pub(super) fn and_also(mut self, clause: &str) -> Self {
        if let Verb::Update(expression) = &mut self.verb {
            expression.push(' ');
            expression.push_str(clause);
        }
        self
    }

    /// Puts the update of another action on the same item, with its values, before this one's.
    #[must_use]
    pub(super) fn preceded_by(mut self, first: Self) -> Self {
        if let (Verb::Update(expression), Verb::Update(before)) = (&mut self.verb, &first.verb) {
            *expression = format!("{before} {expression}");
        }
        self.values.extend(first.values);
        self.invalid = self.invalid.or(first.invalid);
        self
    }

    fn new(key: Key, verb: Verb) -> Self {
        Self { key, verb, condition: None, values: HashMap::new(), aliases: HashMap::new(), invalid: None }
    }

    /// Adds the condition of the action.
    #[must_use]
    pub fn when(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Sets the value of `:name` in an expression.
    #[must_use]
    pub fn value(mut self, name: &str, value: impl Serialize) -> Self {
        match serde_dynamo::to_attribute_value(value) {
            Ok(value) => {
                self.values.insert(name.to_owned(), value);
            }
            Err(error) => self.invalid = Some(error),
        }
        self
    }

    /// Fails if a record or value could not be encoded.
    pub(super) fn check_encoded(&self) -> Result<(), StoreError> {
        match &self.invalid {
            None => Ok(()),
            Some(error) => Err(StoreError::Rejected(format!("it cannot be encoded: {error}"))),
        }
    }

    /// Lets `#alias` in an expression stand for an attribute named at run time, such as an id.
    #[must_use]
    pub fn named(mut self, alias: &str, attribute: &str) -> Self {
        self.aliases.insert(alias.to_owned(), attribute.to_owned());
        self
    }

    /// Adds an item to the index by time. Only for [`Self::create`] and [`Self::put`].
    #[must_use]
    pub fn index_by_time(self, place: IndexKey) -> Self {
        self.indexed(keys::BY_TIME, place)
    }

    /// Adds an item to the expiry index. Only for [`Self::create`] and [`Self::put`].
    #[must_use]
    pub fn index_by_expiry(self, place: IndexKey) -> Self {
        self.indexed(keys::BY_EXPIRY, place)
    }

    /// Moves an item to another key of an index, by an update.
    pub(super) fn move_in_index(key: Key, index: Index, place: IndexKey) -> Self {
        let update = Self::update(key, format!("SET #{} = :list, #{} = :place", index.pk, index.sk));
        update.value(":list", place.pk).value(":place", place.sk)
    }

    fn indexed(mut self, index: Index, place: IndexKey) -> Self {
        if let Verb::Put(item) = &mut self.verb {
            item.insert(index.pk.to_owned(), AttributeValue::S(place.pk));
            item.insert(index.sk.to_owned(), AttributeValue::S(place.sk));
        }
        self
    }

    /// Lets DynamoDB delete a new item some time after this instant, in seconds since 1970. Nothing may rely on it.
    #[must_use]
    pub fn expires_at(mut self, seconds: i64) -> Self {
        if let Verb::Put(item) = &mut self.verb {
            item.insert("ttl".to_owned(), AttributeValue::N(seconds.to_string()));
        }
        self
    }

    /// Records the current trace with a change by [`Self::update`] that sets something, so that the event of the change
    /// has it.
    #[must_use]
    pub(super) fn traced(mut self) -> Self {
        match (&mut self.verb, trace::current()) {
            (Verb::Update(expression), Some(trace)) => {
                *expression = expression.replacen("SET ", "SET #traceId = :trace, ", 1);
                self.value(":trace", trace)
            }
            _ => self,
        }
    }

    pub(super) fn names(&self) -> HashMap<String, String> {
        let update = match &self.verb {
            Verb::Update(expression) => expression.as_str(),
            Verb::Put(_) | Verb::Delete | Verb::Check => "",
        };
        let mut names = names_in([update, self.condition.as_deref().unwrap_or_default()]);
        names.extend(self.aliases.clone());
        names
    }

    pub(super) fn into_transaction_item(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        self.check_encoded()?;
        let names = Some(self.names()).filter(|names| !names.is_empty());
        let values = Some(self.values).filter(|values| !values.is_empty());
        let failures = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        let built = match self.verb {
            Verb::Put(record) => Put::builder()
                .table_name(table)
                .set_item(Some(record))
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(failures)
                .build()
                .map(|put| item.put(put)),
            Verb::Update(expression) => Update::builder()
                .table_name(table)
                .set_key(Some(self.key.into_item()))
                .update_expression(expression)
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(failures)
                .build()
                .map(|update| item.update(update)),
            Verb::Delete => Delete::builder()
                .table_name(table)
                .set_key(Some(self.key.into_item()))
                .set_condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(failures)
                .build()
                .map(|delete| item.delete(delete)),
            Verb::Check => ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(self.key.into_item()))
                .condition_expression(self.condition.unwrap_or_default())
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(failures)
                .build()
                .map(|check| item.condition_check(check)),
        };
        built.map(|item| item.build()).map_err(|error| StoreError::Rejected(error.to_string()))
    }
}

impl Key {
    pub fn into_item(self) -> Item {
        Item::from([("pk".to_owned(), AttributeValue::S(self.pk)), ("sk".to_owned(), AttributeValue::S(self.sk))])
    }
}

/// Actions that are carried out all together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    pub(super) actions: Vec<Action>,
}

/// The index of an action in its transaction, which identifies its condition failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionIndex(pub(super) usize);

impl Transaction {
    /// The most actions that DynamoDB accepts in one transaction.
    pub const MAX_ACTIONS: usize = 100;

    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.actions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Adds an action. No other action of this transaction may be on the same item.
    pub fn add(&mut self, action: Action) -> ActionIndex {
        debug_assert!(self.actions.iter().all(|other| other.key != action.key), "{:?} twice", action.key);
        self.actions.push(action);
        ActionIndex(self.actions.len() - 1)
    }
}

/// The attributes named in expressions, for `ExpressionAttributeNames`.
pub(super) fn names_in<'a>(expressions: impl IntoIterator<Item = &'a str>) -> HashMap<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expressions
        .into_iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_expressions() {
        let names = names_in(["SET #balance = :after, #sequence = :next", "attribute_exists(#pk) AND #status = :on"]);
        let mut found: Vec<_> = names.into_iter().collect();
        found.sort();
        let expected = ["balance", "pk", "sequence", "status"].map(|n| (format!("#{n}"), n.to_owned()));
        assert_eq!(found, expected);
        assert!(names_in([""]).is_empty());
    }

    #[test]
    fn a_name_can_stand_for_another() {
        let key = Key { pk: "pk".to_owned(), sk: "sk".to_owned() };
        let names = Action::update(key, "REMOVE #items.#product").named("#product", "green-tea").names();
        let expected = [("#items", "items"), ("#product", "green-tea")];
        assert_eq!(names, expected.map(|(alias, name)| (alias.to_owned(), name.to_owned())).into());
    }
}
