//! The rules: each a pure function over the template with values of its parameters, with faults that it must catch.
//!
//! cfn-lint checks that a template is well-formed, and checkov or cfn-guard that it follows general advice. These rules
//! hold decisions of this project, most of them about several resources at once, which such tools cannot express.

mod api;
mod buckets;
mod bus;
mod callers;
mod canary;
mod code;
mod console;
mod cors;
mod dashboard;
mod data;
mod logs;
mod metrics;
mod names;
mod options;
mod parameters;
mod permissions;
mod queues;
mod references;
mod roles;
mod schedules;
mod search;
mod size;
mod streams;

use std::fmt;

use serde_json::Value;

use crate::{
    plain::{Plain, many},
    sets::Set,
};

/// A rule of the template.
#[derive(Debug)]
pub struct Rule {
    pub name: &'static str,
    /// The finding of the review of production that it answers to, by its id.
    pub finding: &'static str,
    pub check: fn(&Plain) -> Vec<Violation>,
    /// Each is caught by this rule and by no other.
    pub faults: &'static [Fault],
}

/// A change of the transformed template that breaks a rule.
#[derive(Debug)]
pub struct Fault {
    pub name: &'static str,
    pub set: Set,
    pub plant: fn(&mut Value),
}

/// All rules.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let groups: [&'static [Rule]; 22] = [
        size::RULES,
        names::RULES,
        references::RULES,
        parameters::RULES,
        callers::RULES,
        options::RULES,
        data::RULES,
        code::RULES,
        roles::RULES,
        permissions::RULES,
        bus::RULES,
        logs::RULES,
        buckets::RULES,
        queues::RULES,
        streams::RULES,
        schedules::RULES,
        api::RULES,
        cors::RULES,
        console::RULES,
        metrics::RULES,
        dashboard::RULES,
        canary::RULES,
    ];
    groups.into_iter().flatten()
}

/// A place at which the template breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The resource, by its logical id, or another part of the template.
    at: String,
    wish: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.at, self.wish)
    }
}

/// Collects the violations of a rule.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    /// Notes a violation unless the condition holds. The wish goes on from the name of the place: "needs an alarm".
    fn require(&mut self, holds: bool, at: &str, wish: impl fmt::Display) {
        if !holds {
            self.0.push(Violation { at: at.to_owned(), wish: wish.to_string() });
        }
    }
}

/// The properties of a resource, to plant a fault in.
fn properties<'t>(template: &'t mut Value, id: &str) -> &'t mut Value {
    &mut resource(template, id)["Properties"]
}

/// A resource, to plant a fault in.
fn resource<'t>(template: &'t mut Value, id: &str) -> &'t mut Value {
    template["Resources"].get_mut(id).unwrap_or_else(|| panic!("there is no resource {id}"))
}

/// The environment of a function, to plant a fault in.
fn variables<'t>(template: &'t mut Value, function: &str) -> &'t mut Value {
    &mut properties(template, function)["Environment"]["Variables"]
}

/// Removes a field, to plant a fault.
fn remove(value: &mut Value, field: &str) {
    value.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_else(|| panic!("there is no {field}"));
}

/// Removes an item of a list, to plant a fault.
fn remove_item(list: &mut Value, place: usize) {
    list.as_array_mut().unwrap_or_else(|| panic!("there is no list")).remove(place);
}

/// The statement of a role that allows an action, to plant a fault in.
fn statement<'t>(template: &'t mut Value, role: &str, action: &str) -> &'t mut Value {
    let policies = properties(template, role)["Policies"].as_array_mut().into_iter().flatten();
    let documents = policies.map(|policy| &mut policy["PolicyDocument"]["Statement"]);
    let mut statements = documents.flat_map(|statements| statements.as_array_mut().into_iter().flatten());
    let allows = |statement: &&mut Value| many(&statement["Action"]).iter().any(|it| *it == action);
    statements.find(allows).unwrap_or_else(|| panic!("{role} does not allow {action}"))
}

/// The actions of that statement.
fn actions<'t>(template: &'t mut Value, role: &str, action: &str) -> &'t mut Vec<Value> {
    let actions = statement(template, role, action)["Action"].as_array_mut();
    actions.unwrap_or_else(|| panic!("{role} has no list of actions"))
}

/// Takes an action from a role, to plant a fault.
fn forbid(template: &mut Value, role: &str, action: &str) {
    actions(template, role, action).retain(|it| it != action);
}

/// Adds a statement to a role, to plant a fault.
fn allow(template: &mut Value, role: &str, statement: Value) {
    let statements = properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"].as_array_mut();
    statements.unwrap_or_else(|| panic!("{role} has no policy")).push(statement);
}
