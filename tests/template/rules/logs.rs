//! Logs: one group, for a limited time, with nothing in it that need not be there, and with the metrics.

use serde_json::json;

use super::{
    Fault, Found, Rule, Violation,
    permissions::{Statement, all_statements},
    properties, remove,
};
use crate::{
    plain::{Plain, Resource, arn_of, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "every function writes to the stack's log, as JSON",
        finding: "S6",
        check: group,
        faults: &[
            Fault {
                name: "a function with a log of its own",
                set: Set::Defaults,
                plant: |template| remove(&mut properties(template, "GetUser")["LoggingConfig"], "LogGroup"),
            },
            Fault {
                name: "a function whose lines and metrics are dropped",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "GetUserRole"), "ManagedPolicyArns"),
            },
        ],
    },
    Rule {
        name: "logs expire",
        finding: "S6",
        check: retention,
        faults: &[
            Fault {
                name: "a log for ever",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "Logs"), "RetentionInDays"),
            },
            Fault {
                name: "a log of a fixed time",
                set: Set::Everything,
                plant: |template| properties(template, "AccessLogs")["RetentionInDays"] = 365.into(),
            },
        ],
    },
    Rule {
        name: "the access log names no user and no order",
        finding: "S6",
        check: access_log,
        faults: &[
            Fault {
                name: "paths, which have ids",
                set: Set::Everything,
                plant: |template| {
                    let settings = &mut properties(template, "ApiApiGatewayDefaultStage")["AccessLogSettings"];
                    settings["Fn::If"][1]["Format"] =
                        "{\"path\":\"$context.path\",\"status\":\"$context.status\"}".into();
                },
            },
            Fault {
                name: "an access log that nobody asked for",
                set: Set::Defaults,
                plant: |template| {
                    let settings = &mut properties(template, "ApiApiGatewayDefaultStage")["AccessLogSettings"];
                    *settings =
                        json!({ "DestinationArn": { "Fn::GetAtt": ["Logs", "Arn"] }, "Format": "$context.requestId" });
                },
            },
        ],
    },
    Rule {
        name: "the log level lets metrics pass",
        finding: "P13",
        check: level,
        faults: &[Fault {
            name: "warnings only",
            set: Set::Defaults,
            plant: |template| properties(template, "Sweep")["LoggingConfig"]["ApplicationLogLevel"] = "WARN".into(),
        }],
    },
    Rule {
        name: "Lambda writes no lines about healthy invocations",
        finding: "M",
        check: system_level,
        faults: &[Fault {
            name: "three lines about each invocation",
            set: Set::Defaults,
            plant: |template| properties(template, "Sweep")["LoggingConfig"]["SystemLogLevel"] = "INFO".into(),
        }],
    },
];

fn group(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let statements = all_statements(plain);
    let writes = |statement: &Statement| {
        ["logs:CreateLogStream", "logs:PutLogEvents"].iter().all(|it| statement.allows(it, &arn_of("Logs")))
    };
    for function in plain.functions() {
        let role = plain.named(&function["Role"], "AWS::IAM::Role");
        let policies = role.map(|role| many(&role["ManagedPolicyArns"])).unwrap_or_default();
        let is_its = |policy: &Resource| {
            policies.contains(&&reference_to(&policy.id)) || role.is_some_and(|role| role.id == policy.id)
        };
        let may_write = statements.iter().any(|statement| is_its(statement.owner) && writes(statement));
        found.require(may_write, &function.id, "must be allowed to write to the group Logs");
        let logging = &function["LoggingConfig"];
        found.require(logging["LogGroup"] == reference_to("Logs"), &function.id, "must write to the group Logs");
        found.require(logging["LogFormat"] == "JSON", &function.id, "must write JSON");
    }
    found.0
}

fn retention(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for group in plain.of("AWS::Logs::LogGroup") {
        let days = &group["RetentionInDays"];
        found.require(*days == reference_to("LogRetentionDays"), &group.id, "must be kept for LogRetentionDays");
    }
    found.0
}

/// The variables of API Gateway that tell nothing of a caller. The path and the query have ids; the route has none.
const VARIABLES: [&str; 6] =
    ["authorizer.error", "integrationErrorMessage", "requestId", "responseLatency", "routeKey", "status"];

fn access_log(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for stage in plain.of("AWS::ApiGatewayV2::Stage") {
        let format = stage["AccessLogSettings"]["Format"].as_str();
        found.require(
            format.is_some() == plain.asks_for("AccessLog"),
            &stage.id,
            "must have an access log exactly when one is asked for",
        );
        for variable in format.unwrap_or_default().split("$context.").skip(1) {
            let end =
                variable.find(|letter: char| !letter.is_alphanumeric() && letter != '.').unwrap_or(variable.len());
            let variable = &variable[..end];
            found.require(VARIABLES.contains(&variable), &stage.id, format_args!("must not log {variable}"));
        }
    }
    found.0
}

/// Metrics are lines of the log on the level INFO. Lambda drops lines below the level.
fn level(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for function in plain.functions() {
        let level = function["LoggingConfig"]["ApplicationLogLevel"].as_str().unwrap_or("INFO");
        found.require(
            ["TRACE", "DEBUG", "INFO"].contains(&level),
            &function.id,
            "must log INFO: metrics are such lines",
        );
    }
    found.0
}

/// `START`, `END` and `REPORT` of an invocation are as long as all that a function writes about it.
fn system_level(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for function in plain.functions() {
        let level = &function["LoggingConfig"]["SystemLogLevel"];
        found.require(*level == "WARN", &function.id, "must have Lambda log warnings only");
    }
    found.0
}
