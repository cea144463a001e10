//! Pages of other origins at a deployed shop: the console as its command uploads it, and the storefront with tokens.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use axum::{
    Router,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use local_stack::{Config, PAGE_POLICY, copy_folder, repository};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    console::{fill, no_script_failed, open, push, shows},
    stack::{Api, Shop},
    stacks::{PASSWORD, UserPool, xtask},
    webdriver::Browser,
};

/// The password that an operator is invited with.
const INVITATION: &str = "a password of somebody else";

/// A host of static files: a folder, with the headers of the deployed console.
struct Site {
    listener: TcpListener,
    origin: String,
}

impl Site {
    async fn bind() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        Self { listener, origin }
    }

    /// Serves the folder to its end. Its pages may call these origins.
    fn serve(self, folder: PathBuf, calls: &str) {
        let policy = PAGE_POLICY.replace("connect-src 'self'", &format!("connect-src {calls}"));
        let site = Router::new().fallback(async move |uri: Uri| file(&folder, uri.path(), &policy));
        tokio::spawn(axum::serve(self.listener, site).into_future());
    }
}

fn file(folder: &Path, path: &str, policy: &str) -> Response {
    let path = if path == "/" { "/index.html" } else { path };
    let Ok(content) = fs::read(folder.join(path.trim_start_matches('/'))) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        _ => "image/svg+xml",
    };
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], content).into_response()
}

/// A stack with nothing but a user pool, and pages of two other origins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_origins_work_with_tokens() {
    let Some(browser) = Browser::start().await else { return };
    let (console, store) = (Site::bind().await, Site::bind().await);
    let origins = vec![console.origin.clone(), store.origin.clone()];
    let config = Config { allow_origins: origins.clone(), ..Config::test("e2e-other-origins").unwrap() };
    let shop = Shop::start_as(config).await;
    let parameters = BTreeMap::from([
        ("CorsOrigins".to_owned(), origins.join(",")),
        // The distribution answers on AWS alone; the emulator makes it, and its bucket.
        ("Console".to_owned(), "true".to_owned()),
    ]);
    let (url, outputs) = shop.stack().deploy_beside("operators", &parameters).await.unwrap();
    let pool = UserPool::new(&shop, &outputs);
    let api = Api::new(url.clone());
    let boss = api.with("authorization", format!("Bearer {}", pool.token_of("boss@example.com", &["admin"]).await));
    let token = pool.token_of("mina@example.com", &[]).await;
    let mina = api.with("authorization", format!("Bearer {token}"));
    let tea = json!({ "productId": "tea", "name": "Green tea", "price": 12_000, "stock": 10 });
    boss.post("/products", tea).await.data();
    let address = json!({ "postcode": "04524", "line1": "110 Sejong-daero" });
    let user = json!({ "name": "Mina", "email": "mina@example.com", "address": address });
    let user = mina.post("/users", user).await.data()["userId"].as_str().unwrap().to_owned();
    let money = json!({ "userId": user, "amount": 100_000, "reason": "bank transfer" });
    boss.post("/balance/charge", money).await.data();

    let (console_page, store_page) = (console.origin.clone(), store.origin.clone());
    store.serve(storefront(&shop.config.state_dir, &url), &shop.stack().endpoint_url());
    a_customer_orders_with_a_token(&browser, &store_page, &token, &mina).await;

    pool.invite("desk@example.com", INVITATION, "admin").await;
    let files = uploaded(&shop, &url, &outputs, &origins).await;
    console.serve(files, &shop.stack().endpoint_url());
    an_operator_signs_in_and_refunds(&browser, &console_page, &mina, &user).await;
    drop(browser);
    shop.stop().await;
}

/// The storefront with the identity that its README shows, and the sign-in of a shop's own pages: here a token is there.
fn storefront(state: &Path, api: &str) -> PathBuf {
    let source = repository().join("clients/storefront");
    let folder = state.join("storefront");
    copy_folder(&source, &folder).unwrap();
    let readme = fs::read_to_string(source.join("README.md")).unwrap();
    let identity = readme.split("```js\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = format!(
        "const token = async () => sessionStorage.getItem('token');\n\
         const payload = (sessionStorage.getItem('token') ?? '.e30=.').split('.')[1];\n\
         const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));\n\
         export const config = {{ api: {}, {identity} drops: [] }};\n",
        json!(api)
    );
    fs::write(folder.join("config.js"), config).unwrap();
    folder
}

/// From the list of products to a paid order, whose key survives in the storage of the pages' own origin.
async fn a_customer_orders_with_a_token(browser: &Browser, page: &str, token: &str, mina: &Api) {
    browser.open(page).await;
    browser.script(&format!("sessionStorage.setItem('token', {}); location.reload()", json!(token))).await;
    push(browser, ".goods a[href='#/products/tea']").await;
    push(browser, "button[value=cart]").await;
    shows(browser, "#message", "It is in the cart.").await;
    open(browser, "cart").await;
    shows(browser, "#total", "12,000").await;
    push(browser, "form button.first").await;
    shows(browser, "#payable", "15,000").await;
    push(browser, "section:last-of-type form button.first").await;
    shows(browser, "#order-status", "paid").await;
    assert_eq!(mina.get("/orders").await.data()["items"].as_array().unwrap().len(), 1);
    assert_eq!(browser.script("return document.querySelector('#customer')").await, Value::Null);
    no_script_failed(browser).await;
}

/// The files of `cargo xtask console`, as a double of the AWS CLI receives them.
async fn uploaded(shop: &Shop, api: &str, outputs: &BTreeMap<String, String>, origins: &[String]) -> PathBuf {
    let state = &shop.config.state_dir.join("upload");
    if state.exists() {
        fs::remove_dir_all(state).unwrap();
    }
    let (bucket, cli) = (state.join("bucket"), state.join("bin"));
    fs::create_dir_all(&cli).unwrap();
    let pair = |(key, value): (&String, &String)| {
        // The emulator's API has another address than AWS's, and the distribution is this test's own host.
        let value = match key.as_str() {
            "ApiUrl" => api,
            "ConsoleUrl" => &origins[0],
            _ => value,
        };
        json!({ "OutputKey": key, "OutputValue": value })
    };
    let outputs: Vec<_> = outputs.iter().map(pair).collect();
    let cors = json!([{ "ParameterKey": "CorsOrigins", "ParameterValue": origins.join(",") }]);
    let arn = "arn:aws:cloudformation:ap-northeast-2:123456789012:stack/operators/1";
    let described = json!({ "Stacks": [{ "StackId": arn, "Outputs": outputs, "Parameters": cors }] });
    fs::write(state.join("described.json"), described.to_string()).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{0}/calls'\ncase \"$*\" in\n*describe-stacks*) cat '{0}/described.json' ;;\n\
         *'s3 sync'*) while [ $# -gt 2 ]; do shift; done; cp -R \"$1\" '{1}' ;;\n*) exit 1 ;;\nesac\n",
        state.display(),
        bucket.display()
    );
    let program = cli.join("aws");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", cli.display(), std::env::var("PATH").unwrap());
    let environment = [("PATH", path.as_str()), ("AWS_ENDPOINT_URL", &shop.stack().endpoint_url())];
    let said = xtask(&["console", "--stack", "operators", "--region", "ap-northeast-2"], &environment).await.unwrap();
    assert_eq!(said, format!("the console is at {}", origins[0]));
    let calls = fs::read_to_string(state.join("calls")).unwrap();
    let bucket_name = described["Stacks"][0]["Outputs"].as_array().unwrap().iter();
    let bucket_name = bucket_name.clone().find(|it| it["OutputKey"] == "ConsoleBucketName").unwrap();
    let target = format!("s3://{}", bucket_name["OutputValue"].as_str().unwrap());
    assert!(calls.lines().nth(1).is_some_and(|sync| sync.contains("--delete") && sync.ends_with(&target)), "{calls}");
    bucket
}

/// With the password of the invitation, which has to be changed; then a refund, and the end of the session.
async fn an_operator_signs_in_and_refunds(browser: &Browser, page: &str, mina: &Api, mina_id: &str) {
    let order = mina.get("/orders").await.data()["items"][0]["orderId"].as_str().unwrap().to_owned();
    browser.open(&format!("{page}/#/orders/{order}")).await;
    shows(browser, "h1", "Sign in").await;
    assert_eq!(browser.script("return document.querySelector('nav').children.length").await, 0);
    assert_eq!(browser.violations().await, json!([]));
    sign_in(browser, "a wrong password").await;
    shows(browser, "#message.bad", "password").await;
    sign_in(browser, INVITATION).await;
    fill(browser, "answer", PASSWORD).await;
    push(browser, "form button.first").await;
    shows(browser, "#order-status", "paid").await;
    shows(browser, "#caller", "admin").await;
    push(browser, "#order-actions button.danger").await;
    shows(browser, "#order-status", "refunded").await;
    assert_eq!(mina.get(&format!("/orders/{order}")).await.data()["status"], "FULLY_REFUNDED");

    for (view, shown) in [
        ("products", "Green tea"),
        ("products/tea", "Restock"),
        ("campaigns", "Nothing here yet."),
        ("bestsellers", ""),
    ] {
        open(browser, view).await;
        shows(browser, "main", shown).await;
        assert_eq!(
            browser.script("return document.querySelector('#message.bad')?.innerText ?? null").await,
            Value::Null
        );
    }
    open(browser, "ledger").await;
    fill(browser, "user", mina_id).await;
    push(browser, "section form button.first").await;
    push(browser, ".actions button.first").await;
    shows(browser, "#verdict", "verified").await;
    push(browser, ".actions button:not(.first)").await;
    shows(browser, "#verdict", "The chain is broken").await;
    browser.keep_picture("console-deployed").await;
    let kept = "return [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]";
    assert_eq!(browser.script(kept).await, json!([[], ["token"], ""]));
    browser.script("location.reload()").await;
    shows(browser, "#caller", "admin").await;

    // Later than the end of the token.
    open(browser, "orders").await;
    browser.script("const real = Date.now; Date.now = () => real() + 2 * 3600 * 1000").await;
    shows(browser, "#message.bad", "The session has ended.").await;
    shows(browser, "h1", "Sign in").await;
    browser.script("location.reload()").await;
    sign_in(browser, PASSWORD).await;
    shows(browser, "#caller", "admin").await;
    push(browser, ".top button").await;
    shows(browser, "h1", "Sign in").await;
    assert_eq!(browser.script(kept).await, json!([[], [], ""]));
    no_script_failed(browser).await;
}

async fn sign_in(browser: &Browser, password: &str) {
    fill(browser, "user", "desk@example.com").await;
    fill(browser, "password", password).await;
    push(browser, "form button.first").await;
}
