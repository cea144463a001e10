//! Canaries: new code of the functions that move money takes over step by step, if that is asked for.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Fault, Found, Rule, Violation, api, metrics::metrics_of, properties, remove, resource};
use crate::{
    plain::{Plain, Resource, binary_of, many, reference_to, references, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "all callers of a function that moves money call its alias",
        finding: "M",
        check: aliases,
        faults: &[
            Fault {
                name: "a route that calls the latest code",
                set: Set::Everything,
                plant: |template| {
                    let paths = &mut properties(template, "Api")["Body"]["paths"];
                    let integration = &mut paths["/orders"]["post"]["x-amazon-apigateway-integration"];
                    let uri = integration["uri"]["Fn::Sub"].as_str().unwrap();
                    integration["uri"]["Fn::Sub"] = uri.replace("${CreateOrderAliaslive}", "${CreateOrder.Arn}").into();
                    properties(template, "CreateOrderHttpPermission")["FunctionName"] = json!({ "Ref": "CreateOrder" });
                },
            },
            Fault {
                name: "a queue that calls the latest code",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "SettlePaymentsQueue")["FunctionName"] = json!({ "Ref": "SettlePayments" })
                },
            },
        ],
    },
    Rule {
        name: "a changed setting is a new version",
        finding: "M",
        check: versions,
        faults: &[
            Fault {
                name: "a fee that an old version keeps",
                set: Set::Defaults,
                plant: |template| {
                    let versions = template["Resources"].as_object_mut().unwrap();
                    let version = versions.iter_mut().find(|(id, _)| id.starts_with("CreateOrderVersion")).unwrap().1;
                    let description = version["Properties"]["Description"]["Fn::Sub"].as_str().unwrap();
                    version["Properties"]["Description"]["Fn::Sub"] = description.replace("${ShippingFee} ", "").into();
                },
            },
            Fault {
                name: "a new setting that is left out",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "PayOrder")["Environment"]["Variables"]["RATE"] =
                        json!({ "Ref": "RateLimit" });
                },
            },
        ],
    },
    Rule {
        name: "a canary is rolled back by an alarm on its function",
        finding: "M",
        check: deployments,
        faults: &[
            Fault {
                name: "a canary that nobody watches",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "PayOrderDeploymentGroup")["AlarmConfiguration"] =
                        json!({ "Enabled": true, "Alarms": [] });
                },
            },
            Fault {
                name: "a canary that is watched by the alarm of another",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "SettlePaymentsDeploymentGroup")["AlarmConfiguration"] =
                        json!({ "Enabled": true, "Alarms": [{ "Name": { "Ref": "SalesLagAlarm" } }] });
                },
            },
            Fault {
                name: "a canary that stays in spite of its alarm",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "PayOrderDeploymentGroup")["AutoRollbackConfiguration"]["Events"] =
                        json!(["DEPLOYMENT_FAILURE"]);
                },
            },
            Fault {
                name: "an alias that moves at once",
                set: Set::Everything,
                plant: |template| remove(resource(template, "PayOrderAliaslive"), "UpdatePolicy"),
            },
        ],
    },
];

/// The functions that move money, by their binaries. The sweeps are not among them: they only repeat the work of
/// `process-expiry` and `confirm-payment`, whose canaries come first. Nor are functions for a few calls a day, of admins
/// and of customers who cash out: a canary would see none of these, and an alarm takes ten metrics.
const MONEY: [&str; 9] = [
    "cancel-order",
    "charge-balance",
    "confirm-payment",
    "create-order",
    "pay-order",
    "process-expiry",
    "receive-payment-notice",
    "settle-payments",
    "update-order-item",
];

/// The longest description of a version.
const DESCRIPTION: usize = 256;

/// The functions that move money, each with its alias.
fn money(plain: &Plain) -> impl Iterator<Item = (&Resource, Option<&Resource>)> {
    let functions = plain.functions().filter(|function| MONEY.contains(&binary_of(&function.whole)));
    functions.map(|function| {
        let is_alias = |alias: &&Resource| alias["FunctionName"] == reference_to(&function.id);
        (function, plain.of("AWS::Lambda::Alias").find(is_alias))
    })
}

fn aliases(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    found.require(money(plain).count() == MONEY.len(), "MONEY", "must be functions of the template");
    let routes = api::routes(plain);
    for (function, alias) in money(plain) {
        let Some(alias) = alias else {
            found.require(false, &function.id, "needs an alias");
            continue;
        };
        let alias = reference_to(&alias.id);
        let is_it = |called: Option<&Resource>| called.is_some_and(|called| called.id == function.id);
        for route in routes.iter().filter(|route| is_it(route.function)) {
            found.require(route.target == alias, &route.key, format_args!("must call {alias}"));
        }
        let others = plain.of("AWS::Lambda::EventSourceMapping").map(|source| (source, &source["FunctionName"]));
        let others = others.chain(plain.of("AWS::Scheduler::Schedule").map(|it| (it, &it["Target"]["Arn"])));
        for (caller, called) in others.filter(|(_, called)| is_it(plain.function_of(called))) {
            found.require(*called == alias, &caller.id, format_args!("must call {alias}"));
        }
    }
    found.0
}

/// SAM makes a new version for new code. A new description makes one as well, so it has every parameter that the
/// function reads: otherwise the alias would keep the version with the old value.
fn versions(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (function, alias) in money(plain) {
        let version = alias.and_then(|alias| plain.named(&alias["FunctionVersion"], "AWS::Lambda::Version"));
        let Some(version) = version else {
            found.require(false, &function.id, "needs an alias of a version");
            continue;
        };
        let described: BTreeSet<String> = references(&version["Description"]).into_iter().collect();
        let read = references(&function["Environment"]).into_iter().filter(|id| plain.parameters.contains_key(id));
        for parameter in read {
            found.require(
                described.contains(&parameter),
                &version.id,
                format_args!("must have {parameter} in its description"),
            );
        }
        let length = plain.text(&version["Description"], "jangteo").map(|text| text.chars().count());
        let fits = length.is_some_and(|length| length <= DESCRIPTION);
        found.require(fits, &version.id, format_args!("may have {DESCRIPTION} characters of description"));
    }
    found.0
}

fn deployments(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (function, alias) in money(plain) {
        let policy = alias.map(|alias| &alias.whole["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]);
        let group =
            policy.and_then(|policy| plain.named(&policy["DeploymentGroupName"], "AWS::CodeDeploy::DeploymentGroup"));
        let is_wanted = plain.asks_for("Canary");
        found.require(group.is_some() == is_wanted, &function.id, "must take over by steps exactly when asked for");
        let Some(group) = group else { continue };
        let configuration = &group["AlarmConfiguration"];
        let alarms = many(&configuration["Alarms"]).into_iter();
        let mut alarms = alarms.filter_map(|alarm| plain.named(&alarm["Name"], "AWS::CloudWatch::Alarm"));
        let watches = |alarm: &Resource| {
            metrics_of(alarm)
                .iter()
                .any(|metric| metric.is_named("Errors") && metric.has("FunctionName", &reference_to(&function.id)))
        };
        let is_watched = configuration["Enabled"] == true && alarms.any(watches);
        found.require(is_watched, &group.id, format_args!("needs an alarm on errors of {}", function.id));
        let rollback = &group["AutoRollbackConfiguration"];
        let stops = many(&rollback["Events"]).into_iter().any(|event| event == "DEPLOYMENT_STOP_ON_ALARM");
        found.require(rollback["Enabled"] == true && stops, &group.id, "must be rolled back by its alarms");
        let role = target(&group["ServiceRoleArn"]);
        found.require(role.is_some(), &group.id, "needs a role");
    }
    found.0
}
