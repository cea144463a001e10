//! Permissions: exact actions on exact resources. `tests::permissions` holds that each is used and that none is
//! missing. These rules hold their form, and the permissions that Lambda itself needs.

use serde_json::{Value, json};

use super::{
    Fault, Found, Rule, Violation, actions, allow, forbid, properties,
    queues::{filled_by, watched},
    remove, remove_item, statement,
};
use crate::{
    plain::{Plain, Resource, arn_of, attribute_of, many, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "permissions name actions and resources",
        finding: "S5",
        check: exact,
        faults: &[
            Fault {
                name: "any way to read parameters",
                set: Set::Everything,
                plant: |template| {
                    actions(template, "DeliverOrdersRole", "ssm:GetParameter").push("ssm:GetParameters*".into());
                },
            },
            Fault {
                name: "the log of any function",
                set: Set::Defaults,
                plant: |template| {
                    policy(template, "WriteLogs")[0]["Resource"] = json!([{ "Fn::GetAtt": ["Logs", "Arn"] }, "*"]);
                },
            },
            Fault {
                name: "all of a bucket",
                set: Set::Everything,
                plant: |template| {
                    statement(template, "StreamToDataLake", "s3:ListBucket")["Resource"] =
                        json!({ "Fn::Sub": "${DataLakeBucket.Arn}*" })
                },
            },
            Fault {
                name: "all actions but one",
                set: Set::Defaults,
                plant: |template| {
                    let statement = statement(template, "DeliverySystemRole", "sqs:ReceiveMessage");
                    statement["NotAction"] = json!(["sqs:DeleteQueue"]);
                },
            },
        ],
    },
    Rule {
        name: "items are read and written by the kinds of their keys",
        finding: "S5",
        check: leading_keys,
        faults: &[
            Fault {
                name: "a function that may write every item",
                set: Set::Defaults,
                plant: |template| remove(statement(template, "ChargeBalanceRole", "dynamodb:PutItem"), "Condition"),
            },
            Fault {
                name: "a function that may read every key",
                set: Set::Defaults,
                plant: |template| {
                    *keys(statement(template, "GetOrderRole", "dynamodb:GetItem")) = json!(["ORDER#*", "*"]);
                },
            },
            Fault {
                name: "a scan where keys are meant to count",
                set: Set::Defaults,
                plant: |template| {
                    actions(template, "GetOrderRole", "dynamodb:GetItem").push("dynamodb:Scan".into());
                },
            },
        ],
    },
    Rule {
        name: "queues and streams are read by their readers only",
        finding: "S5",
        check: event_sources,
        faults: &[
            Fault {
                name: "a queue that cannot be read",
                set: Set::Defaults,
                plant: |template| forbid(template, "ProcessExpiryRole", "sqs:ReceiveMessage"),
            },
            Fault {
                name: "notices that the watch may not look at",
                set: Set::Defaults,
                plant: |template| {
                    remove_item(&mut statement(template, "WatchRole", "sqs:GetQueueAttributes")["Resource"], 6);
                },
            },
            Fault {
                name: "a queue that is read by another function",
                set: Set::Defaults,
                plant: |template| {
                    let statement = json!({
                        "Effect": "Allow", "Action": ["sqs:ReceiveMessage"],
                        "Resource": { "Fn::GetAtt": ["PaymentResults", "Arn"] },
                    });
                    allow(template, "PayOrderRole", statement);
                },
            },
            Fault {
                name: "a queue that its function may empty",
                set: Set::Defaults,
                plant: |template| {
                    actions(template, "ProcessExpiryRole", "sqs:ReceiveMessage").push("sqs:PurgeQueue".into());
                },
            },
            Fault {
                name: "payment requests that the delivery system reads",
                set: Set::Defaults,
                plant: |template| {
                    let queues = ["ShippingInstructions", "PaymentRequests"].map(arn_of);
                    statement(template, "DeliverySystemRole", "sqs:ReceiveMessage")["Resource"] = json!(queues);
                },
            },
            Fault {
                name: "failed records that cannot be kept",
                set: Set::Defaults,
                plant: |template| forbid(template, "CountSalesRole", "s3:PutObject"),
            },
            Fault {
                name: "an error of the audit that cannot be sent",
                set: Set::Defaults,
                plant: |template| forbid(template, "AuditBooksRole", "sqs:SendMessage"),
            },
            Fault {
                name: "dead letters that cannot be sent",
                set: Set::Defaults,
                plant: |template| forbid(template, "RelayEventsRole", "sqs:SendMessage"),
            },
            Fault {
                name: "payment requests that the relay cannot send",
                set: Set::Defaults,
                plant: |template| {
                    let statements =
                        properties(template, "RelayEventsRole")["Policies"][0]["PolicyDocument"]["Statement"]
                            .as_array_mut()
                            .unwrap();
                    let queues = statements.iter_mut().find(|statement| statement["Resource"].is_array()).unwrap();
                    remove_item(&mut queues["Resource"], 1);
                },
            },
        ],
    },
    Rule {
        name: "a queue is filled only by services on behalf of the stack",
        finding: "S5",
        check: queue_policies,
        faults: &[
            Fault {
                name: "rules of other stacks",
                set: Set::Defaults,
                plant: |template| remove(&mut policy(template, "StreamFailuresMayTell")[0], "Condition"),
            },
            Fault {
                name: "a queue that anyone may read",
                set: Set::Defaults,
                plant: |template| {
                    let statement =
                        json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:ReceiveMessage", "Resource": "*" });
                    policy(template, "RulesMaySend").as_array_mut().unwrap().push(statement);
                },
            },
        ],
    },
];

fn keys(statement: &mut Value) -> &mut Value {
    &mut statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
}

fn policy<'t>(template: &'t mut Value, id: &str) -> &'t mut Value {
    &mut properties(template, id)["PolicyDocument"]["Statement"]
}

/// A statement of a role or of a managed policy.
pub struct Statement<'p> {
    /// The role or policy.
    pub owner: &'p Resource,
    pub whole: &'p Value,
}

impl<'p> Statement<'p> {
    pub fn actions(&self) -> Vec<&'p str> {
        many(&self.whole["Action"]).into_iter().filter_map(Value::as_str).collect()
    }

    fn resources(&self) -> Vec<&'p Value> {
        many(&self.whole["Resource"])
    }

    /// Whether the action is allowed on the resource, under any condition.
    pub fn allows(&self, action: &str, resource: &Value) -> bool {
        self.actions().contains(&action) && self.resources().contains(&resource)
    }
}

/// The statements of all roles and managed policies.
pub fn all_statements(plain: &Plain) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    for role in plain.of("AWS::IAM::Role") {
        let documents = many(&role["Policies"]).into_iter().map(|policy| &policy["PolicyDocument"]);
        statements.extend(documents.flat_map(|document| statements_of(role, document)));
    }
    for policy in plain.of("AWS::IAM::ManagedPolicy") {
        statements.extend(statements_of(policy, &policy["PolicyDocument"]));
    }
    statements
}

fn statements_of<'p>(owner: &'p Resource, document: &'p Value) -> impl Iterator<Item = Statement<'p>> {
    many(&document["Statement"]).into_iter().map(move |whole| Statement { owner, whole })
}

/// Actions on parts of a resource that have no name before they exist.
const OF_PARTS: [(&str, &str); 5] = [
    ("s3:AbortMultipartUpload", ".Arn}/*"),
    ("s3:DeleteObject", ".Arn}/*"),
    ("s3:GetObject", ".Arn}/*"),
    ("s3:PutObject", ".Arn}/*"),
    // The action lists the streams of a table, so it has no stream to name.
    ("dynamodb:ListStreams", ".Arn}/stream/*"),
];

fn exact(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for statement in all_statements(plain) {
        let owner = &statement.owner.id;
        let is_plain = ["NotAction", "NotResource"].iter().all(|field| statement.whole[*field].is_null());
        found.require(
            is_plain && statement.whole["Effect"] == "Allow",
            owner,
            "must allow, by names of actions and resources",
        );
        for action in statement.actions() {
            found.require(!action.contains(['*', '?']), owner, format_args!("must name its actions: {action}"));
            for resource in statement.resources() {
                let is_exact = match resource["Fn::Sub"].as_str() {
                    None => target(resource).is_some_and(|id| plain.get(id).is_some()),
                    Some(text) if text.contains('*') => {
                        let of_parts = OF_PARTS.iter().find(|(of_parts, _)| *of_parts == action);
                        of_parts.is_some_and(|(_, end)| {
                            text.find('}') == text.find(end).map(|at| at + 4) && text.ends_with(end)
                        })
                    }
                    Some(text) => text.contains("${"),
                };
                found.require(is_exact, owner, format_args!("must name its resources: {action} on {resource}"));
            }
        }
    }
    found.0
}

/// `ForAllValues` also holds without any key, so a scan must not hide among actions that have one.
fn leading_keys(plain: &Plain) -> Vec<Violation> {
    const OF_STREAMS: [&str; 4] =
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
    let mut found = Found::default();
    for statement in all_statements(plain) {
        let actions = statement.actions();
        let mut of_items =
            actions.iter().filter(|it| it.starts_with("dynamodb:") && !OF_STREAMS.contains(it)).peekable();
        if of_items.peek().is_none() || actions == ["dynamodb:Scan"] {
            continue;
        }
        let owner = &statement.owner.id;
        found.require(
            of_items.all(|action| *action != "dynamodb:Scan"),
            owner,
            "must allow scans in a statement of their own",
        );
        let keys = many(&statement.whole["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        let are_kinds = !keys.is_empty() && keys.iter().all(|key| key.as_str().is_some_and(is_kind));
        found.require(are_kinds, owner, format_args!("must name the kinds of keys that it {actions:?}"));
    }
    found.0
}

/// Whether keys are one, `REBUILD`, or all of a kind, `USER#*`.
fn is_kind(keys: &str) -> bool {
    let kind = keys.strip_suffix("#*").unwrap_or(keys);
    !kind.is_empty() && kind.chars().all(|letter| letter.is_ascii_uppercase())
}

const POLL_QUEUE: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
const POLL_STREAM: [&str; 3] = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];

/// A queue's or stream's own actions, beside those that fill it.
fn is_of_polling(action: &str) -> bool {
    action.starts_with("sqs:") && action != "sqs:SendMessage"
        || POLL_STREAM.contains(&action)
        || action == "dynamodb:ListStreams"
}

/// The outside systems' roles, each with the queue that it reads.
pub const OUTSIDE: [(&str, &str); 2] =
    [("DeliverySystemRole", "ShippingInstructions"), ("PaymentAdapterRole", "PaymentRequests")];

/// By <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html> and the pages of streams and
/// destinations.
fn event_sources(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let all = all_statements(plain);
    for function in plain.functions() {
        let Some(role) = plain.named(&function["Role"], "AWS::IAM::Role") else { continue };
        let own: Vec<&Statement> = all.iter().filter(|statement| statement.owner.id == role.id).collect();
        // Permissions that Lambda needs for this function, and further ones that the function may have.
        let mut needed: Vec<(&str, Value)> = Vec::new();
        let mut allowed = Vec::new();
        let is_of_function =
            |resource: &&Resource| plain.function_of(&resource["FunctionName"]).is_some_and(|it| it.id == function.id);
        for source in plain.of("AWS::Lambda::EventSourceMapping").filter(is_of_function) {
            let arn = &source["EventSourceArn"];
            if plain.named(arn, "AWS::SQS::Queue").is_some() {
                needed.extend(POLL_QUEUE.map(|action| (action, arn.clone())));
                allowed.push(("sqs:ChangeMessageVisibility", arn.clone()));
            } else {
                needed.extend(POLL_STREAM.map(|action| (action, arn.clone())));
                let table = target(arn).unwrap_or_default();
                needed.push(("dynamodb:ListStreams", json!({ "Fn::Sub": format!("${{{table}.Arn}}/stream/*") })));
            }
            needed.extend(destination(plain, &source["DestinationConfig"]));
        }
        for asynchronous in plain.of("AWS::Lambda::EventInvokeConfig").filter(is_of_function) {
            needed.extend(destination(plain, &asynchronous["DestinationConfig"]));
        }
        if let Some(queue) = target(&function["Environment"]["Variables"]["DEAD_LETTERS_URL"]) {
            needed.push(("sqs:SendMessage", arn_of(queue)));
        }
        needed.extend(watched(function).into_iter().map(|queue| ("sqs:GetQueueAttributes", arn_of(queue))));
        if let Some(queue) = target(&function["Environment"]["Variables"]["NOTICES_URL"]) {
            needed.extend(["sqs:ReceiveMessage", "sqs:DeleteMessage"].map(|action| (action, arn_of(queue))));
        }
        if let Some(bucket) = target(&function["Environment"]["Variables"]["FAILURES_BUCKET"]) {
            needed.push(("s3:PutObject", json!({ "Fn::Sub": format!("${{{bucket}.Arn}}/*") })));
        }
        needed.extend(filled_by(plain, function).map(|queue| ("sqs:SendMessage", arn_of(&queue.id))));
        require_polling(&own, &role.id, needed, allowed, &mut found);
    }
    let roles = plain.of("AWS::IAM::Role");
    for role in roles.filter(|role| plain.functions().all(|function| function["Role"] != arn_of(&role.id))) {
        let own: Vec<&Statement> = all.iter().filter(|statement| statement.owner.id == role.id).collect();
        let queue = OUTSIDE.iter().find(|(outside, _)| *outside == role.id).map(|(_, queue)| arn_of(queue));
        let of_queue = |action: &'static str| queue.clone().map(|queue| (action, queue));
        let needed = POLL_QUEUE.into_iter().filter_map(of_queue).collect();
        let allowed = of_queue("sqs:ChangeMessageVisibility").into_iter().collect();
        require_polling(&own, &role.id, needed, allowed, &mut found);
    }
    found.0
}

/// Requires the needed permissions, and of those to poll no others than these and the allowed ones.
fn require_polling<'a>(
    own: &[&Statement],
    role: &str,
    needed: Vec<(&'a str, Value)>,
    mut allowed: Vec<(&'a str, Value)>,
    found: &mut Found,
) {
    for (action, resource) in &needed {
        let is_allowed = own.iter().any(|statement| statement.allows(action, resource));
        found.require(is_allowed, role, format_args!("must allow {action} on {resource}"));
    }
    allowed.extend(needed);
    for statement in own {
        for action in statement.actions().into_iter().filter(|action| is_of_polling(action)) {
            for resource in statement.resources() {
                let is_needed = allowed.iter().any(|(it, of)| *it == action && of == resource);
                found.require(is_needed, role, format_args!("must not allow {action} on {resource}"));
            }
        }
    }
}

/// The permissions by which Lambda sends events that a function could not handle.
fn destination(plain: &Plain, configuration: &Value) -> Vec<(&'static str, Value)> {
    let arn = &configuration["OnFailure"]["Destination"];
    let Some(id) = target(arn) else { return Vec::new() };
    if plain.named(arn, "AWS::S3::Bucket").is_some() {
        return vec![
            ("s3:PutObject", json!({ "Fn::Sub": format!("${{{id}.Arn}}/*") })),
            ("s3:ListBucket", attribute_of(id, "Arn")),
        ];
    }
    vec![("sqs:SendMessage", arn.clone())]
}

/// In a queue's policy `*` is that queue.
fn queue_policies(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for policy in plain.of("AWS::SQS::QueuePolicy") {
        for statement in many(&policy["PolicyDocument"]["Statement"]) {
            let is_filling = many(&statement["Action"]) == ["sqs:SendMessage"] && statement["Effect"] == "Allow";
            let principals = statement["Principal"].as_object();
            let is_service = principals.is_some_and(|it| it.len() == 1 && it.contains_key("Service"));
            found.require(is_filling && is_service, &policy.id, "must let services send messages, and nothing else");
            let sources = many(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]);
            let of_stack = !sources.is_empty() && sources.into_iter().all(|arn| target(arn).is_some());
            let account = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
            let is_bound = of_stack || target(account) == Some("AWS::AccountId");
            found.require(is_bound, &policy.id, "must bind a service to this account or to a rule of the stack");
        }
    }
    found.0
}
