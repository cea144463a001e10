//! References lead somewhere, and never in a circle. cfn-lint checks them for any parameters that it can think of. Here
//! they are exact, for the parameters at hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove, resource};
use crate::{
    plain::{Plain, Resource, entries, function, many, references},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "no reference is dangling",
        finding: "D5",
        check: dangling,
        faults: &[
            Fault {
                name: "a reference to an unknown resource",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "GetUser")["Environment"]["Variables"]["TABLE_NAME"] =
                        json!({ "Ref": "Tables" });
                },
            },
            Fault {
                name: "an output of the data platform that does not ask whether there is one",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Outputs"]["DataPlatformDeadLettersUrl"], "Condition"),
            },
            Fault {
                name: "a condition that is not declared",
                set: Set::Everything,
                plant: |template| {
                    template["Outputs"]["TableName"]["Value"] =
                        json!({ "Fn::If": ["HasTable", "none", { "Ref": "Table" }] });
                },
            },
            Fault {
                name: "a dependency on a resource that does not exist",
                set: Set::OwnIssuer,
                plant: |template| resource(template, "GetUser")["DependsOn"] = json!(["Logs", "UserPool"]),
            },
        ],
    },
    Rule {
        name: "no resources wait for each other",
        finding: "M",
        check: circles,
        faults: &[
            Fault {
                name: "a canary that watches the API which waits for it",
                set: Set::Everything,
                plant: |template| {
                    let alarms = json!([{ "Name": { "Ref": "CanaryAlarm" } }, { "Name": { "Ref": "ApiErrorsAlarm" } }]);
                    properties(template, "CreateOrderDeploymentGroup")["AlarmConfiguration"] =
                        json!({ "Enabled": true, "Alarms": alarms });
                },
            },
            Fault {
                name: "a table that waits for the API",
                set: Set::Defaults,
                plant: |template| resource(template, "Table")["DependsOn"] = "Api".into(),
            },
        ],
    },
];

fn dangling(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_known = |id: &str| plain.get(id).is_some() || plain.parameters.contains_key(id) || id.starts_with("AWS::");
    let parts = plain.resources().map(|resource| (&resource.id, &resource.whole)).chain(&plain.outputs);
    for (part, whole) in parts {
        for id in references(whole).iter().map(String::as_str).chain(dependencies(whole)) {
            found.require(is_known(id), part, format_args!("must not refer to {id}, which does not exist"));
        }
    }
    for section in ["Resources", "Outputs"] {
        for (id, whole) in entries(&plain.template[section]) {
            let mut conditions = Vec::from_iter(whole["Condition"].as_str());
            conditions_in(whole, &mut conditions);
            for condition in conditions {
                let is_declared = !plain.template["Conditions"][condition].is_null();
                found.require(is_declared, id, format_args!("must not ask for {condition}, which is not declared"));
            }
        }
    }
    found.0
}

/// The conditions of the `Fn::If`s of a value.
fn conditions_in<'t>(value: &'t Value, names: &mut Vec<&'t str>) {
    if let Some(("Fn::If", arguments)) = function(value) {
        names.extend(arguments[0].as_str());
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| conditions_in(value, names)),
        Value::Array(values) => values.iter().for_each(|value| conditions_in(value, names)),
        _ => {}
    }
}

fn dependencies(whole: &Value) -> impl Iterator<Item = &str> {
    many(&whole["DependsOn"]).into_iter().filter_map(Value::as_str)
}

/// CloudFormation creates a resource after all that it refers to, also in its update policy.
fn circles(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let (mut done, mut path) = (BTreeSet::new(), Vec::new());
    for resource in plain.resources() {
        follow(plain, resource, &mut path, &mut done, &mut found);
    }
    found.0
}

fn follow<'p>(
    plain: &'p Plain,
    resource: &'p Resource,
    path: &mut Vec<&'p str>,
    done: &mut BTreeSet<&'p str>,
    found: &mut Found,
) {
    if let Some(place) = path.iter().position(|id| *id == resource.id) {
        let circle = path[place..].join(", ");
        found.require(false, &resource.id, format_args!("must not wait for itself, by {circle}"));
    } else if !done.contains(resource.id.as_str()) {
        path.push(&resource.id);
        let referred: BTreeSet<String> = references(&resource.whole).into_iter().collect();
        let next = referred.iter().map(String::as_str).chain(dependencies(&resource.whole));
        for next in next.filter_map(|id| plain.get(id)) {
            follow(plain, next, path, done, found);
        }
        path.pop();
        done.insert(&resource.id);
    }
}
