//! Roles: each has one holder, and trusts only the service or system that it is for.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove};
use crate::{
    plain::{Plain, Resource, arn_of, many, reference_to, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "every function has a role of its own",
        finding: "S5",
        check: own_roles,
        faults: &[Fault {
            name: "a function with the role of another",
            set: Set::Defaults,
            plant: |template| {
                properties(template, "GetOrder")["Role"] = json!({ "Fn::GetAtt": ["GetOrderItemRole", "Arn"] });
                remove(&mut template["Resources"], "GetOrderRole");
            },
        }],
    },
    Rule {
        name: "no role has a policy that AWS or SAM writes",
        finding: "S5",
        check: managed_policies,
        faults: &[Fault {
            name: "all queues may be read",
            set: Set::Everything,
            plant: |template| {
                let policies = &mut properties(template, "ProcessExpiryRole")["ManagedPolicyArns"];
                let sam = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole";
                policies.as_array_mut().unwrap().push(sam.into());
            },
        }],
    },
    Rule {
        name: "a role trusts only the service or system that it is for",
        finding: "S3",
        check: principals,
        faults: &[
            Fault {
                name: "a function's role for anyone in the account",
                set: Set::Defaults,
                plant: |template| {
                    principal(template, "PayOrderRole")["AWS"] =
                        json!({ "Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root" });
                },
            },
            Fault {
                name: "the adapter's role for everyone",
                set: Set::Defaults,
                plant: |template| *principal(template, "PaymentAdapterRole") = json!({ "AWS": "*" }),
            },
            Fault {
                name: "the delivery system's role for this account, though it is in another",
                set: Set::OwnIssuer,
                plant: |template| {
                    principal(template, "DeliverySystemRole")["AWS"] =
                        json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" });
                },
            },
            Fault {
                name: "the stream's role for streams of other accounts",
                set: Set::Everything,
                plant: |template| {
                    let trust = &mut properties(template, "StreamToDataLake")["AssumeRolePolicyDocument"];
                    remove(&mut trust["Statement"][0], "Condition");
                },
            },
        ],
    },
];

fn principal<'t>(template: &'t mut Value, role: &str) -> &'t mut Value {
    &mut properties(template, role)["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
}

/// Where a resource names the role that it takes, and the service that takes it.
const USES: [(&str, &str, &str); 5] = [
    ("AWS::Lambda::Function", "/Role", "lambda.amazonaws.com"),
    ("AWS::Scheduler::Schedule", "/Target/RoleArn", "scheduler.amazonaws.com"),
    ("AWS::Events::Rule", "/Targets/0/RoleArn", "events.amazonaws.com"),
    ("AWS::KinesisFirehose::DeliveryStream", "/ExtendedS3DestinationConfiguration/RoleARN", "firehose.amazonaws.com"),
    ("AWS::CodeDeploy::DeploymentGroup", "/ServiceRoleArn", "codedeploy.amazonaws.com"),
];

/// The resources that take the role, each with the service that takes it for them.
fn uses<'p>(plain: &'p Plain, role: &Resource) -> Vec<(&'p Resource, &'static str)> {
    let arn = arn_of(&role.id);
    let of_kind = |(kind, place, service): &(&'static str, &'static str, &'static str)| {
        let (place, service, arn) = (*place, *service, arn.clone());
        let users = plain.of(kind).filter(move |user| user.whole["Properties"].pointer(place) == Some(&arn));
        users.map(move |user| (user, service)).collect::<Vec<_>>()
    };
    USES.iter().flat_map(of_kind).collect()
}

fn own_roles(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for function in plain.functions() {
        let role = plain.named(&function["Role"], "AWS::IAM::Role");
        let users = role.map(|role| uses(plain, role).len());
        found.require(users == Some(1), &function.id, "needs a role of the template that nobody else has");
    }
    found.0
}

/// Managed policies are the stack's own. CodeDeploy's role is AWS's: SAM makes it, it exists only with canaries, and no
/// code of the shop runs under it.
fn managed_policies(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for role in plain.of("AWS::IAM::Role") {
        for policy in many(&role["ManagedPolicyArns"]) {
            let is_own = plain.named(policy, "AWS::IAM::ManagedPolicy").is_some();
            let is_of_codedeploy = role.id == "CodeDeployServiceRole"
                && *policy == "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda";
            found.require(is_own || is_of_codedeploy, &role.id, format_args!("must not have the policy {policy}"));
        }
    }
    found.0
}

fn principals(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let account = json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" });
    let of_outside =
        if plain.asks_for("OutsideSystemsPrincipal") { reference_to("OutsideSystemsPrincipal") } else { account };
    for role in plain.of("AWS::IAM::Role") {
        let (users, statements) = (uses(plain, role), many(&role["AssumeRolePolicyDocument"]["Statement"]));
        found.require(statements.len() == 1, &role.id, "must be taken in one way");
        for statement in statements {
            let Some((user, service)) = users.first() else {
                let is_right = statement["Principal"] == json!({ "AWS": of_outside });
                found.require(is_right, &role.id, format_args!("must be taken by {of_outside} only"));
                continue;
            };
            let services = many(&statement["Principal"]["Service"]);
            let is_alone = statement["Principal"].as_object().is_some_and(|principals| principals.len() == 1);
            let is_right = is_alone && services == [service];
            found.require(is_right, &role.id, format_args!("must be taken by {service} only, for {}", user.id));
            // A second lock: roles cannot be passed to services of another account anyway. SAM writes the roles of
            // schedules, without it.
            let source = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
            let is_bound = target(source) == Some("AWS::AccountId");
            let needs_bound = ["events.amazonaws.com", "firehose.amazonaws.com"].contains(service);
            found.require(is_bound || !needs_bound, &role.id, "must be taken for this account only");
        }
    }
    found.0
}
