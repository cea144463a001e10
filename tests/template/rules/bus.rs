//! The bus: each source of events belongs to one role.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, allow, permissions::all_statements, properties, remove, statement};
use crate::{
    plain::{Plain, Resource, arn_of, binary_of, many, reference_to, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "orders come from the relay, and payments from the adapter",
        finding: "S3",
        check: sources,
        faults: &[
            Fault {
                name: "a relay that may say that an order is paid",
                set: Set::Defaults,
                plant: |template| {
                    let condition = &mut statement(template, "RelayEventsRole", "events:PutEvents")["Condition"];
                    condition["StringEquals"]["events:source"] = json!(["jangteo.orders", "jangteo.payments"]);
                },
            },
            Fault {
                name: "an adapter that may say anything",
                set: Set::Defaults,
                plant: |template| {
                    remove(statement(template, "PaymentAdapterRole", "events:PutEvents"), "Condition");
                },
            },
            Fault {
                name: "a function that may put events",
                set: Set::Defaults,
                plant: |template| {
                    let statement = json!({
                        "Effect": "Allow",
                        "Action": ["events:PutEvents"],
                        "Resource": { "Fn::GetAtt": ["EventBus", "Arn"] },
                        "Condition": { "StringEquals": { "events:source": "jangteo.orders" } },
                    });
                    allow(template, "PayOrderRole", statement);
                },
            },
        ],
    },
    Rule {
        name: "the bus refuses events of anyone else",
        finding: "S3",
        check: bus_policy,
        faults: &[
            Fault {
                name: "payments from anyone",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Resources"], "PaymentsComeFromTheAdapter"),
            },
            Fault {
                name: "payments from the relay",
                set: Set::Defaults,
                plant: |template| {
                    let statement = &mut properties(template, "PaymentsComeFromTheAdapter")["Statement"];
                    statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] =
                        json!({ "Fn::GetAtt": ["RelayEventsRole", "Arn"] });
                },
            },
            Fault {
                name: "a bus for everyone",
                set: Set::Defaults,
                plant: |template| {
                    let mut policy = template["Resources"]["OrdersComeFromTheRelay"].clone();
                    policy["Properties"]["Statement"]["Effect"] = "Allow".into();
                    template["Resources"]["OrdersComeFromAnyone"] = policy;
                },
            },
        ],
    },
    Rule {
        name: "a payment is settled only by events of the adapter",
        finding: "S3",
        check: settled_payments,
        faults: &[Fault {
            name: "payments by events of any source",
            set: Set::Defaults,
            plant: |template| remove(&mut properties(template, "PaymentsToShop")["EventPattern"], "source"),
        }],
    },
];

/// Each source of events, with the role that may put them.
const SOURCES: [(&str, &str); 2] = [("jangteo.orders", "RelayEventsRole"), ("jangteo.payments", "PaymentAdapterRole")];

fn sources(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let relay = plain.function("relay-events").and_then(|relay| target(&relay["Role"]));
    found.require(relay == Some("RelayEventsRole"), "RelayEventsRole", "must be the role of relay-events");
    let all = all_statements(plain);
    let puts = all.iter().filter(|statement| statement.actions().iter().any(|action| action.starts_with("events:")));
    for statement in puts {
        let owner = &statement.owner.id;
        let Some((source, _)) = SOURCES.iter().find(|(_, role)| role == owner) else {
            found.require(false, owner, "must not put events");
            continue;
        };
        let is_bound = statement.whole["Condition"] == json!({ "StringEquals": { "events:source": source } });
        found.require(is_bound, owner, format_args!("must put events of {source} only"));
        let is_of_bus = plain.named(&statement.whole["Resource"], "AWS::Events::EventBus").is_some();
        found.require(is_of_bus, owner, "must put events on the stack's bus only");
    }
    found.0
}

fn bus_policy(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let denial = |source: &str, role: &str| {
        json!({
            "Effect": "Deny",
            "Principal": "*",
            "Action": "events:PutEvents",
            "Resource": arn_of("EventBus"),
            "Condition": {
                "StringEquals": { "events:source": source },
                "ArnNotEquals": { "aws:PrincipalArn": arn_of(role) },
            },
        })
    };
    for (source, role) in SOURCES {
        let denial = denial(source, role);
        let denies =
            |policy: &Resource| policy["EventBusName"] == reference_to("EventBus") && policy["Statement"] == denial;
        let is_denied = plain.of("AWS::Events::EventBusPolicy").any(denies);
        found.require(is_denied, "EventBus", format_args!("must refuse {source} of all but {role}"));
    }
    for policy in plain.of("AWS::Events::EventBusPolicy") {
        let is_denial = |statement: &&Value| statement["Effect"] == "Deny";
        found.require(many(&policy["Statement"]).iter().all(is_denial), &policy.id, "must only deny");
    }
    found.0
}

fn settled_payments(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_of_settlement = |source: &&Resource| {
        let function = plain.function_of(&source["FunctionName"]);
        function.is_some_and(|function| binary_of(&function.whole) == "settle-payments")
    };
    let sources = plain.of("AWS::Lambda::EventSourceMapping").filter(is_of_settlement);
    let queues: Vec<&Value> = sources.map(|source| &source["EventSourceArn"]).collect();
    found.require(queues.len() == 1, "settle-payments", "must read one queue");
    for rule in plain.of("AWS::Events::Rule") {
        let fills = many(&rule["Targets"]).iter().any(|target| queues.contains(&&target["Arn"]));
        let is_of_adapter = rule["EventPattern"]["source"] == json!(["jangteo.payments"]);
        found.require(!fills || is_of_adapter, &rule.id, "must take events of jangteo.payments only");
    }
    found.0
}
