//! Two stacks in one account and region: one as the tests have it, and one with nothing but the defaults, as somebody
//! has it who only knows the name of their shop.

use std::{collections::BTreeMap, fs, time::Duration};

use local_stack::repository;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::stack::{Api, Shop, eventually};

pub const PASSWORD: &str = "a long enough Password 1";

/// A user pool of the emulator.
pub struct UserPool {
    endpoint: String,
    id: String,
    client: String,
}

impl UserPool {
    /// The user pool of a stack with these outputs.
    pub fn new(shop: &Shop, outputs: &BTreeMap<String, String>) -> Self {
        let [id, client] = ["UserPoolId", "UserPoolClientId"].map(|name| outputs[name].clone());
        Self { endpoint: shop.stack().endpoint_url(), id, client }
    }

    /// Makes a user with a password that somebody else chose. The user has to set another one first.
    pub async fn invite(&self, email: &str, password: &str, group: &str) {
        let user = json!({ "UserPoolId": self.id, "Username": email, "MessageAction": "SUPPRESS", "TemporaryPassword": password });
        self.call("AdminCreateUser", user).await;
        let member = json!({ "UserPoolId": self.id, "Username": email, "GroupName": group });
        self.call("AdminAddUserToGroup", member).await;
    }

    /// Makes a user who has set a password, as an operator does by the CLI of AWS, and signs them in.
    pub async fn token_of(&self, email: &str, groups: &[&str]) -> String {
        let user = json!({ "UserPoolId": self.id, "Username": email });
        let with = |more: Value| {
            let mut request = user.clone();
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request
        };
        let attributes = json!([{ "Name": "email", "Value": email }, { "Name": "email_verified", "Value": "true" }]);
        self.call("AdminCreateUser", with(json!({ "MessageAction": "SUPPRESS", "UserAttributes": attributes }))).await;
        self.call("AdminSetUserPassword", with(json!({ "Password": PASSWORD, "Permanent": true }))).await;
        for group in groups {
            self.call("AdminAddUserToGroup", with(json!({ "GroupName": group }))).await;
        }
        self.sign_in(email).await.unwrap()
    }

    /// A token, or the reason why there is none.
    async fn sign_in(&self, email: &str) -> Result<String, String> {
        let arguments = ["token", "--client", &self.client, "--user", email, "--region", "ap-northeast-2"];
        xtask(&arguments, &[("AWS_ENDPOINT_URL", &self.endpoint), ("JANGTEO_PASSWORD", PASSWORD)]).await
    }

    async fn call(&self, operation: &str, request: Value) {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        aws_json(&self.endpoint, "cognito-idp", &target, &request).await;
    }
}

/// Makes a call to a service of AWS that speaks JSON. The emulator reads the key of a signature, and no more.
async fn aws_json(endpoint: &str, service: &str, target: &str, request: &Value) -> Value {
    let call = Client::new()
        .post(endpoint)
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0");
    let answer = signed(call, service).body(request.to_string()).send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert!(status.is_success(), "{target}: {status} {body}");
    serde_json::from_str(&body).unwrap_or_default()
}

/// Makes a call to CloudFormation, which speaks forms and XML.
async fn cloudformation(endpoint: &str, action: &str, parameters: &[(&str, &str)]) -> String {
    let form = [("Action", action), ("Version", "2010-05-15")].into_iter().chain(parameters.iter().copied());
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let call = Client::new().post(endpoint).header("content-type", "application/x-www-form-urlencoded");
    let answer = signed(call, "cloudformation").body(form).send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert!(status.is_success(), "{action}: {status} {body}");
    body
}

fn signed(call: RequestBuilder, service: &str) -> RequestBuilder {
    let scope = format!("test/20261126/ap-northeast-2/{service}/aws4_request");
    call.header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
}

/// Waits until a stack is in this state.
async fn stack_is(endpoint: &str, stack: &str, state: &str) {
    for _ in 0..100 {
        let found = cloudformation(endpoint, "DescribeStacks", &[("StackName", stack)]).await;
        if found.contains(&format!("<StackStatus>{state}</StackStatus>")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{stack} is never {state}");
}

/// The last line of `cargo xtask`'s output, or its whole output if it fails.
pub async fn xtask(arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, String> {
    let mut command = Command::new(repository().join("target/debug/xtask"));
    command.args(arguments).envs(environment.iter().copied());
    let output = command.output().await.unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(shown + &String::from_utf8_lossy(&output.stderr));
    }
    Ok(shown.lines().last().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stack_with_the_defaults_works_beside_the_first() {
    let shop = Shop::start("e2e-stacks").await;
    shop.api.product("tea", 1_000, 10).await;
    let (url, outputs) = shop.stack().deploy_beside("newcomer", &BTreeMap::new()).await.unwrap();
    assert_ne!(outputs["TableName"], shop.stack().output("TableName").unwrap());
    assert!(!outputs.contains_key("DataPlatformDeadLettersUrl"), "no platform was named");
    let pool = UserPool::new(&shop, &outputs);

    let nobody = pool.sign_in("nobody@example.com").await.unwrap_err();
    assert!(nobody.contains("the user pool gives no token"), "{nobody}");
    let api = Api::new(url.clone());
    let boss = pool.token_of("boss@example.com", &["admin"]).await;
    let admin = api.with("authorization", format!("Bearer {boss}"));
    let mina = api.with("authorization", format!("Bearer {}", pool.token_of("mina@example.com", &[]).await));

    // To the first order.
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 12_000, "stock": 3 });
    admin.post("/products", tea).await.data();
    assert_eq!(mina.post("/products", json!({ "name": "X", "price": 1, "stock": 1 })).await.code(), "FORBIDDEN");
    let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
    let mina_data = json!({ "name": "이미나", "email": "mina@example.com", "address": address });
    let user = mina.post("/users", mina_data).await;
    let mina_id = user.data()["userId"].as_str().unwrap().to_owned();
    let charge = json!({ "userId": mina_id, "amount": 50_000 });
    assert_eq!(mina.post("/balance/charge", charge.clone()).await.code(), "FORBIDDEN");
    assert_eq!(admin.post("/balance/charge", charge).await.fields(), ["reason"]);
    let paid_in = json!({ "userId": mina_id, "amount": 50_000, "reason": "계좌 이체 11월 26일" });
    admin.post("/balance/charge", paid_in).await.data();
    let order = json!({ "userId": mina_id, "items": [{ "productId": "tea", "quantity": 2 }] });
    assert_eq!(mina.post("/orders", order).await.data()["status"], "PAID");

    // The first shop has its own tea.
    assert_eq!(api.get("/products/tea").await.data()["stock"], 1);
    assert_eq!(shop.api.get("/products/tea").await.data()["stock"], 10);

    let passed = xtask(&["smoke", "--url", &url, "--token", &boss], &[]).await.unwrap();
    assert!(passed.starts_with("all ") && passed.ends_with(" checks passed"), "{passed}");
    // The local gateway trusts headers and bodies, which is what a smoke test must find.
    let failed = xtask(&["smoke", "--url", &shop.stack().local_url()], &[]).await.unwrap_err();
    assert!(failed.contains("FAILED") && failed.contains("checks failed"), "{failed}");

    // The stack goes, what it stored stays until somebody deletes it by name, and the first shop notices nothing.
    let endpoint = &pool.endpoint;
    cloudformation(endpoint, "DeleteStack", &[("StackName", "newcomer")]).await;
    eventually("the function is gone", || async {
        let functions = aws_sdk_lambda::Client::new(&shop.aws()).list_functions().into_paginator().items().send();
        let left = functions.try_collect().await.unwrap();
        let left =
            left.iter().filter(|it| it.function_name().is_some_and(|name| name.starts_with("newcomer-"))).count();
        if left == 0 { Ok(()) } else { Err(format!("{left} functions")) }
    })
    .await;
    let table = json!({ "TableName": outputs["TableName"] });
    aws_json(endpoint, "dynamodb", "DynamoDB_20120810.DescribeTable", &table).await;
    aws_json(endpoint, "dynamodb", "DynamoDB_20120810.DeleteTable", &table).await;
    assert_eq!(shop.api.get("/products/tea").await.data()["stock"], 10);
    shop.stop().await;
}

/// The name of the restored table. On AWS any will do; the emulator replaces a table whose name is not the one that it would
/// give a new one of this stack.
const RESTORED: &str = "restored-Table-FB222FE54D6F3";

/// The steps of docs/operations/backup.md: the table as it was is restored under a new name, a new stack takes it over,
/// and a deployment makes the stack whole. The tokens are those of the first stack's issuer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_table_gets_a_stack_of_its_own() {
    let shop = Shop::start("e2e-restore").await;
    let endpoint = shop.stack().endpoint_url();
    shop.api.customers(1, 1_000_000).await;
    shop.api.product("tea", 1_000, 10).await;
    shop.api.order("u0", "tea").await.data();
    shop.audit().await;

    let lost = shop.stack().output("TableName").unwrap();
    let restore = json!({ "SourceTableName": lost, "TargetTableName": RESTORED, "UseLatestRestorableTime": true });
    aws_json(&endpoint, "dynamodb", "DynamoDB_20120810.RestoreTableToPointInTime", &restore).await;
    // Whatever happens to the lost table from now on is lost.
    shop.api.order("u0", "tea").await.data();

    let template = fs::read_to_string(repository().join("infra/template/restored-table.json")).unwrap();
    cloudformation(
        &endpoint,
        "CreateChangeSet",
        &[
            ("StackName", "restored"),
            ("ChangeSetName", "import"),
            ("ChangeSetType", "IMPORT"),
            ("TemplateBody", &template),
            ("ResourcesToImport.member.1.ResourceType", "AWS::DynamoDB::Table"),
            ("ResourcesToImport.member.1.LogicalResourceId", "Table"),
            ("ResourcesToImport.member.1.ResourceIdentifier.entry.1.key", "TableName"),
            ("ResourcesToImport.member.1.ResourceIdentifier.entry.1.value", RESTORED),
        ],
    )
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let named = [("StackName", "restored"), ("ChangeSetName", "import")];
    cloudformation(&endpoint, "ExecuteChangeSet", &named).await;
    stack_is(&endpoint, "restored", "IMPORT_COMPLETE").await;

    let parameters = [("JwtIssuer", shop.stack().issuer_url()), ("JwtAudience", "jangteo".to_owned())];
    let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (url, outputs) = shop.stack().deploy_beside("restored", &parameters).await.unwrap();
    assert_eq!(outputs["TableName"], RESTORED);
    let table = json!({ "TableName": RESTORED });
    let described = aws_json(&endpoint, "dynamodb", "DynamoDB_20120810.DescribeTable", &table).await;
    assert_eq!(described["Table"]["StreamSpecification"]["StreamEnabled"], true);

    let token = shop.stack().token("u0", &[]).unwrap();
    let customer = Api::new(url).with("authorization", format!("Bearer {token}"));
    assert_eq!(customer.get("/orders").await.data()["items"].as_array().unwrap().len(), 1);
    let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
    customer.patch("/users/u0", json!({ "address": address })).await.data();
    let order = json!({ "userId": "u0", "items": [{ "productId": "tea", "quantity": 1 }] });
    assert_eq!(customer.post("/orders", order).await.data()["status"], "PAID");
    assert_eq!(customer.get("/products/tea").await.data()["stock"], 8);
    shop.audit_table(RESTORED).await;
    shop.stop().await;
}
