//! A function as it ships takes no identity from headers, even if its environment says so.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{
    Json, Router,
    routing::{get, post},
};
use build_functions::{PROGRAM, Target};
use local_stack::{ALL_FUNCTIONS, FUNCTIONS, build_with, functions};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

const FUNCTION: &str = "create-product";

/// The folder of what is built here, apart from the functions that the stacks run.
const BUILT: &str = ".local/e2e-as-shipped";

/// The function is compiled without debug assertions but otherwise as the tests are. It lacks all code that a release
/// lacks, and only the shop's own crates are compiled anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shipped_function_reads_no_identity_headers() {
    let without_assertions = [
        "--config=profile.dev.debug-assertions=false",
        // Less optimisation compiles sooner.
        "--config=profile.dev.package.shared.opt-level=0",
    ];
    let shipped = built(&without_assertions).await;
    let debug = functions().await.unwrap().path(ALL_FUNCTIONS).unwrap();

    assert_eq!(code(debug, &[("JANGTEO_IDENTITY", "headers")]).await, "FORBIDDEN", "a customer may not");
    assert_eq!(code(debug, &[]).await, "UNAUTHENTICATED");
    assert_eq!(code(&shipped, &[("JANGTEO_IDENTITY", "headers")]).await, "UNAUTHENTICATED");
    assert_eq!(
        code(&shipped, &[("JANGTEO_IDENTITY", "headers"), ("LAMBDA_TASK_ROOT", "/var/task")]).await,
        "UNAUTHENTICATED"
    );

    // If Lambda's own environment is AWS, a debug build does not even start with it.
    for sign in [("LAMBDA_TASK_ROOT", "/var/task"), ("AWS_EXECUTION_ENV", "AWS_Lambda_rust")] {
        let output = start(debug, 9, &[("JANGTEO_IDENTITY", "headers"), sign]).wait_with_output().unwrap();
        assert!(!output.status.success(), "{sign:?}");
        let output = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.contains("is for the local runner") || output.contains("HeadersOnAws"), "{sign:?}: {output}");
    }
}

/// The same with the deployed profile, which takes minutes: `cargo test --workspace --test e2e -- --ignored`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "builds a release"]
async fn a_release_reads_no_identity_headers() {
    let folder = tokio::task::spawn_blocking(|| build_functions::build(Target::Host)).await.unwrap().unwrap();
    let release = folder.join(FUNCTION).join(PROGRAM);
    assert_eq!(code(&release, &[("JANGTEO_IDENTITY", "headers")]).await, "UNAUTHENTICATED");
}

/// The function as these arguments of `cargo build` make it, in a folder of its own.
async fn built(arguments: &[&str]) -> PathBuf {
    // What it depends on is there already.
    let apart = ["--bin", FUNCTION, "--target-dir", BUILT, "--config", "build.build-dir='target'"];
    let binaries = build_with(&[FUNCTIONS], &[&apart, arguments].concat()).await.unwrap();
    binaries.path(FUNCTION).expect("it is built").to_owned()
}

/// The code of a function's answer to a customer's `POST /products`, if headers alone name the customer.
async fn code(binary: &Path, environment: &[(&str, &str)]) -> String {
    let event = json!({
        "version": "2.0", "routeKey": "POST /products", "rawPath": "/products", "rawQueryString": "",
        "headers": { "host": "localhost:9000", "content-type": "application/json", "x-user-id": "kim", "x-user-role": "CUSTOMER" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "r", "routeKey": "POST /products", "timeEpoch": 0,
            "http": { "method": "POST", "path": "/products", "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": "" },
        },
        "body": json!({ "name": "녹차", "price": 1_000, "stock": 1 }).to_string(),
        "isBase64Encoded": false,
    });
    let (answers, mut answered) = mpsc::channel(1);
    let (events, waiting) = mpsc::channel(1);
    events.send(event).await.unwrap();
    let waiting = std::sync::Arc::new(tokio::sync::Mutex::new(waiting));
    let next = async move || {
        let event: Value = waiting.lock().await.recv().await.expect("the test goes on");
        let headers = [
            ("lambda-runtime-aws-request-id", "1"),
            ("lambda-runtime-deadline-ms", "4102444800000"),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:000000000000:function:f"),
        ];
        (headers, Json(event))
    };
    let response = async move |answer: String| answers.send(answer).await.unwrap();
    let runtime = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/1/response", post(response));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(axum::serve(listener, runtime).into_future());

    let mut function = start(binary, port, environment);
    let answer = tokio::time::timeout(Duration::from_secs(60), answered.recv()).await;
    let _ = function.kill();
    let output = function.wait_with_output().unwrap();
    server.abort();
    let answer = answer.ok().flatten().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

/// Starts a function with Lambda's runtime interface at a port, and a table that no server answers for.
fn start(binary: &Path, port: u16, environment: &[(&str, &str)]) -> Child {
    Command::new(binary)
        // The program of all functions is told which one it is; a function's own does not look.
        .arg(FUNCTION)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}")),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_REGION", "ap-northeast-2".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned()),
            ("TABLE_NAME", "none".to_owned()),
        ])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
