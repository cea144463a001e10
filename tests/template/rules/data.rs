//! Data outlives the stack, and a failed first deployment leaves nothing behind.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove, resource};
use crate::{plain::Plain, sets::Set};

pub const RULES: &[Rule] = &[
    Rule {
        name: "data is kept, unless the first deployment fails",
        finding: "D3",
        check: kept,
        faults: &[
            Fault {
                name: "a table that a failed first deployment leaves behind",
                set: Set::Defaults,
                plant: |template| resource(template, "Table")["DeletionPolicy"] = "Retain".into(),
            },
            Fault {
                name: "a bucket that goes with its replacement",
                set: Set::Defaults,
                plant: |template| remove(resource(template, "StreamFailures"), "UpdateReplacePolicy"),
            },
            Fault {
                name: "a table without a way back in time",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "Table"), "PointInTimeRecoverySpecification"),
            },
        ],
    },
    Rule {
        name: "production is protected from deletion, and nothing else",
        finding: "D3",
        check: protected,
        faults: &[
            Fault {
                name: "a trial that cannot be deleted",
                set: Set::Defaults,
                plant: |template| properties(template, "Table")["DeletionProtectionEnabled"] = true.into(),
            },
            Fault {
                name: "production without protection",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "UserPool")["DeletionProtection"] =
                        json!({ "Fn::If": ["HasIssuer", "ACTIVE", "INACTIVE"] });
                },
            },
        ],
    },
];

/// The types that hold the only copy of data. Queues, the archive and the data lake's stream hold events, which follow
/// from the table.
const DATA: [&str; 3] = ["AWS::Cognito::UserPool", "AWS::DynamoDB::Table", "AWS::S3::Bucket"];

fn kept(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for resource in plain.resources().filter(|resource| DATA.contains(&resource.kind.as_str())) {
        let policies = (&resource.whole["DeletionPolicy"], &resource.whole["UpdateReplacePolicy"]);
        found.require(policies.0 == "RetainExceptOnCreate", &resource.id, "must be kept, except by a failed creation");
        found.require(policies.1 == "Retain", &resource.id, "must be kept when it is replaced");
    }
    for table in plain.of("AWS::DynamoDB::Table") {
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        found.require(*recovery == true, &table.id, "needs point-in-time recovery");
    }
    found.0
}

fn protected(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_prod = plain.parameter("Stage") == "prod";
    for (kind, property, on, off) in [
        ("AWS::DynamoDB::Table", "DeletionProtectionEnabled", json!(true), json!(false)),
        ("AWS::Cognito::UserPool", "DeletionProtection", json!("ACTIVE"), json!("INACTIVE")),
    ] {
        let wanted: &Value = if is_prod { &on } else { &off };
        for resource in plain.of(kind) {
            found.require(resource[property] == *wanted, &resource.id, format_args!("must have {property} {wanted}"));
        }
    }
    found.0
}
