//! The permissions of the functions, enforced in this process as IAM does on AWS.
//!
//! Each call to AWS is checked against the role of the function that makes it, as `template.yaml` has it: action, table
//! or index, and the partition keys that the role may touch. The emulator checks roles too, but no keys. A call outside
//! of the role is refused as AWS refuses it, so any test can meet a missing permission. The calls are also noted in a
//! file, from which `cargo xtask test` finds permissions that nothing uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    future::Future,
    io::Write as _,
    path::PathBuf,
    sync::{LazyLock, Mutex},
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

use crate::{fakes::dynamo, template};

tokio::task_local! {
    static FUNCTION: String;
}

/// Runs the work of a function, by the name of its binary, under the function's role.
pub async fn running_as<F: Future>(function: &str, work: F) -> F::Output {
    FUNCTION.scope(function.to_owned(), work).await
}

/// One use of a permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The function, by the name of its binary.
    pub function: String,
    /// The action, as `dynamodb:GetItem`.
    pub action: String,
    /// `table`, the name of an index, or that of a queue in the template; empty for other services and queues of tests.
    pub resource: String,
    /// The kind of partition key, as `USER#*`, or the source of an event; empty if neither plays a part.
    pub key: String,
}

/// A statement of a function's role.
#[derive(Debug, Clone)]
struct Statement {
    function: String,
    actions: Vec<String>,
    resource: String,
    /// The kinds of partition keys, or sources of events; none if neither plays a part.
    keys: Vec<String>,
}

impl Statement {
    fn allows(&self, used: &Use) -> bool {
        self.function == used.function
            && (self.resource == used.resource || (used.resource.is_empty() && used.action.starts_with("sqs:")))
            && self.actions.contains(&used.action)
            && (self.keys.is_empty() || self.keys.contains(&used.key))
    }
}

/// The permissions of all functions.
#[derive(Debug, Clone)]
pub struct Permissions(Vec<Statement>);

impl Permissions {
    /// Those of the template.
    pub fn from_template() -> &'static Self {
        static PERMISSIONS: LazyLock<Permissions> =
            LazyLock::new(|| Permissions::read(&template::template()["Resources"]));
        &PERMISSIONS
    }

    fn read(resources: &Value) -> Self {
        let mut found = Vec::new();
        for (function, role) in roles(resources) {
            // The other policies are what Lambda itself needs.
            let policies = role["Properties"]["Policies"].as_array().into_iter().flatten();
            let policies = policies.filter(|policy| policy["PolicyName"] == "own");
            let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
            found.extend(statements.flat_map(|statement| {
                let mut keys = texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
                keys.extend(statement["Condition"]["StringEquals"]["events:source"].as_str().map(str::to_owned));
                let resource = &statement["Resource"];
                let each = resource.as_array().map_or_else(|| std::slice::from_ref(resource), Vec::as_slice);
                let one = |resource: &Value| Statement {
                    function: function.clone(),
                    actions: texts(&statement["Action"]),
                    resource: name_of_resource(resource, resources),
                    keys: keys.clone(),
                };
                each.iter().map(one).collect::<Vec<_>>()
            }));
        }
        Self(found)
    }

    /// Whether one of them allows the use.
    pub fn allow(&self, used: &Use) -> bool {
        self.0.iter().any(|statement| statement.allows(used))
    }

    /// The actions of each function.
    pub fn actions(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut actions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for statement in &self.0 {
            actions.entry(statement.function.clone()).or_default().extend(statement.actions.iter().cloned());
        }
        actions
    }

    /// The permissions without one action or key of one statement, each in its turn: (what is missing, the rest).
    pub fn without_each(&self) -> Vec<(String, Self)> {
        let mut found = Vec::new();
        for (place, statement) in self.0.iter().enumerate() {
            let Statement { function, actions, resource, keys } = statement;
            for (what, is_action) in actions.iter().map(|it| (it, true)).chain(keys.iter().map(|it| (it, false))) {
                let mut rest = self.clone();
                let list = if is_action { &mut rest.0[place].actions } else { &mut rest.0[place].keys };
                list.retain(|other| other != what);
                if !is_action && list.is_empty() {
                    rest.0.remove(place);
                }
                found.push((format!("{function}: {what} of {resource}"), rest));
            }
        }
        found
    }
}

/// Each function's role, by the name of the function's binary.
fn roles(resources: &Value) -> BTreeMap<String, &Value> {
    let functions = resources.as_object().unwrap().values();
    let functions = functions.filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let role_of = |function: &Value| {
        let role = function["Properties"]["Role"]["Fn::GetAtt"].as_str()?.strip_suffix(".Arn")?.to_owned();
        Some((template::binary_of(function).to_owned(), &resources[role]))
    };
    functions.filter_map(role_of).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn name_of_resource(resource: &Value, resources: &Value) -> String {
    // Of an option, the resource that it brings.
    let resource = resource.pointer("/Fn::If/1").unwrap_or(resource);
    match (resource["Fn::GetAtt"].as_str(), resource["Fn::Sub"].as_str()) {
        (Some("Table.Arn"), _) => "table".to_owned(),
        (Some(arn), _) => arn.strip_suffix(".Arn").filter(|id| is_queue(id, resources)).unwrap_or_default().to_owned(),
        (_, Some(index)) if index.starts_with("${Table.Arn}/index/") => index.rsplit('/').next().unwrap().to_owned(),
        _ => String::new(),
    }
}

fn is_queue(id: &str, resources: &Value) -> bool {
    resources[id]["Type"] == "AWS::SQS::Queue"
}

/// The answer to a call that the role of the running function does not allow. A call outside of any function, as a test
/// makes it, is allowed everything.
pub(crate) fn refusal(request: &HttpRequest) -> Option<(u16, Value)> {
    FUNCTION
        .try_with(|function| {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let refused = match target {
                "" => [use_of_bucket(function, request)].into(),
                target => {
                    let body = request.body().bytes().unwrap_or_default();
                    uses(function, target, &serde_json::from_slice(body).expect("a request is JSON"))
                }
            };
            let refused = refused.into_iter().find(|used| !note(used))?;
            let Use { function, action, resource, key } = refused;
            let message = format!("{function} is not authorized to perform {action} on {resource} {key}");
            Some((400, dynamo::error("AccessDeniedException", &message)))
        })
        .ok()
        .flatten()
}

/// Notes a use once in this process. Returns whether it is allowed.
fn note(used: &Use) -> bool {
    static NOTED: LazyLock<Mutex<BTreeMap<Use, bool>>> = LazyLock::new(Mutex::default);
    let mut noted = NOTED.lock().unwrap();
    if let Some(is_allowed) = noted.get(used) {
        return *is_allowed;
    }
    let is_allowed = Permissions::from_template().allow(used);
    noted.insert(used.clone(), is_allowed);
    let Use { function, action, resource, key } = used;
    let line = format!("{function}\t{action}\t{resource}\t{key}\n");
    let file = uses_file();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    // One write of a short line is not torn by those of other processes.
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(line.as_bytes()).unwrap();
    is_allowed
}

/// The file of the uses that were noted since it was last deleted.
pub fn uses_file() -> PathBuf {
    template::project_file("target/permissions/uses.tsv")
}

/// The uses in the file.
pub fn noted_uses() -> BTreeSet<Use> {
    let text = fs::read_to_string(uses_file()).unwrap_or_default();
    let use_of = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        Some(Use { function: parts.next()?, action: parts.next()?, resource: parts.next()?, key: parts.next()? })
    };
    text.lines().filter_map(use_of).collect()
}

/// The permission that a call to S3 needs: it names its operation by its method and its query. An upload in parts needs that
/// of a write.
fn use_of_bucket(function: &str, request: &HttpRequest) -> Use {
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| query.split('&').any(|part| part == name || part.starts_with(&format!("{name}=")));
    let action = match request.method() {
        "DELETE" => "s3:DeleteObject",
        "POST" if has("delete") => "s3:DeleteObject",
        "PUT" | "POST" => "s3:PutObject",
        _ if has("list-type") => "s3:ListBucket",
        _ => "s3:GetObject",
    };
    let (resource, key) = (String::new(), String::new());
    Use { function: function.to_owned(), action: action.to_owned(), resource, key }
}

/// The permissions that a call needs. A transaction needs that of each of its actions.
fn uses(function: &str, target: &str, request: &Value) -> BTreeSet<Use> {
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let used = |action: String, resource: &str, key: String| Use {
        function: function.to_owned(),
        action,
        resource: resource.to_owned(),
        key,
    };
    if !service.starts_with("DynamoDB") {
        let service = match service {
            "AWSEvents" => "events",
            "AmazonSQS" => "sqs",
            "AmazonSSM" => "ssm",
            other => other,
        };
        if service == "sqs" {
            // A batch needs the permission of its entries.
            let operation = operation.trim_end_matches("Batch");
            let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            let queue = if is_queue(queue, &template::template()["Resources"]) { queue } else { "" };
            return [used(format!("sqs:{operation}"), queue, String::new())].into();
        }
        // The bus takes events of certain sources only.
        let entries = request["Entries"].as_array().filter(|_| operation == "PutEvents");
        let mut sources: Vec<&str> =
            entries.into_iter().flatten().filter_map(|entry| entry["Source"].as_str()).collect();
        if sources.is_empty() {
            sources.push("");
        }
        return sources.iter().map(|source| used(format!("{service}:{operation}"), "", (*source).to_owned())).collect();
    }
    let of_table = |operation: &str, key: &Value| used(format!("dynamodb:{operation}"), "table", kind_of_key(key));
    match operation {
        "Query" => {
            let resource = request["IndexName"].as_str().unwrap_or("table");
            let key = kind_of_key(&request["ExpressionAttributeValues"][":pk"]);
            [used("dynamodb:Query".to_owned(), resource, key)].into()
        }
        "Scan" => {
            let resource = request["IndexName"].as_str().unwrap_or("table");
            [used("dynamodb:Scan".to_owned(), resource, String::new())].into()
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
            let keys = tables.flat_map(|table| table["Keys"].as_array().into_iter().flatten());
            keys.map(|key| of_table(operation, &key["pk"])).collect()
        }
        "TransactWriteItems" | "TransactGetItems" => {
            let actions = request["TransactItems"].as_array().into_iter().flatten();
            let actions = actions.flat_map(|action| action.as_object().into_iter().flatten());
            let action = |(kind, action): (&String, &Value)| match kind.as_str() {
                "Get" => of_table("GetItem", &action["Key"]["pk"]),
                "Put" => of_table("PutItem", &action["Item"]["pk"]),
                "Update" => of_table("UpdateItem", &action["Key"]["pk"]),
                "Delete" => of_table("DeleteItem", &action["Key"]["pk"]),
                _ => of_table("ConditionCheckItem", &action["Key"]["pk"]),
            };
            actions.map(action).collect()
        }
        _ => [of_table(operation, &request["Key"]["pk"])].into(),
    }
}

/// The kind of a partition key: all up to its first `#`.
fn kind_of_key(key: &Value) -> String {
    let key = key["S"].as_str().unwrap_or_default();
    key.split_once('#').map_or_else(|| key.to_owned(), |(kind, _)| format!("{kind}#*"))
}
