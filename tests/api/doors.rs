//! The door of the API: callers, methods, paths and bytes, as API Gateway hands them to a function.

use data_encoding::BASE64URL_NOPAD;
use functions::{ROUTES, routes};
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::{
    api::identity::{IdentitySource, RoleGroups},
    lambda::serve,
};
use tests::TestShop;

/// A request as API Gateway makes an event of it.
#[derive(Clone)]
struct Deployed {
    method: &'static str,
    path: String,
    headers: Value,
    claims: Option<Value>,
    body: Option<String>,
}

impl Deployed {
    fn new(method: &'static str, path: &str) -> Self {
        let headers = json!({ "host": "shop.example", "accept-language": "en" });
        Self { method, path: path.to_owned(), headers, claims: None, body: None }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers[name] = json!(value);
        self
    }

    fn json(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self.header("content-type", "application/json") }
    }

    /// With the claims of a token of these groups, as text and in the token itself.
    fn in_groups(self, sub: &str, groups: &Value) -> Self {
        let text = match groups {
            Value::Array(names) => {
                let names: Vec<_> = names.iter().map(|name| name.as_str().unwrap()).collect();
                format!("[{}]", names.join(" "))
            }
            name => name.as_str().unwrap().to_owned(),
        };
        let payload = json!({ "sub": sub, "cognito:groups": groups });
        let token = format!("Bearer eyJ.{}.c2ln", BASE64URL_NOPAD.encode(payload.to_string().as_bytes()));
        let claims = Some(json!({ "sub": sub, "cognito:groups": text }));
        Self { claims, ..self.header("authorization", &token) }
    }

    fn event(&self) -> Request {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let parameters = routes::find(self.method, path).map(|(_, parameters)| parameters).unwrap_or_default();
        let parameters: serde_json::Map<_, _> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let mut event = json!({
            "version": "2.0", "routeKey": "any", "rawPath": path, "rawQueryString": query, "headers": self.headers,
            "pathParameters": parameters, "isBase64Encoded": false, "body": self.body,
            "requestContext": {
                "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "r", "routeKey": "any", "timeEpoch": 0,
                "http": { "method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "::1", "userAgent": "" },
            },
        });
        if let Some(claims) = &self.claims {
            event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": [] } });
        }
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }

    async fn to(self, shop: &TestShop) -> Answer {
        let path = self.path.split('?').next().unwrap();
        let function = routes::find(self.method, path).map_or("route-not-found", |(route, _)| route.function);
        let source = IdentitySource::Claims(RoleGroups::default());
        Answer(serve::answer(shop.instance(), functions::handler(function).unwrap(), self.event(), &source).await)
    }
}

struct Answer(Response<Body>);

impl Answer {
    fn body(&self) -> Value {
        match self.0.body() {
            Body::Text(text) => serde_json::from_str(text).unwrap(),
            _ => Value::Null,
        }
    }

    fn outcome(&self) -> (u16, String) {
        (self.0.status().as_u16(), self.body()["code"].as_str().unwrap_or_default().to_owned())
    }

    fn fields(&self) -> Vec<String> {
        let errors = self.body()["fieldErrors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

const TEA: &str = r#"{"productId":"tea","name":"녹차","price":12000,"stock":10}"#;

/// Groups with `admin` or `seller` in their names gave their members those roles.
#[tokio::test]
async fn only_a_whole_group_name_gives_a_role() {
    let shop = TestShop::new();
    for groups in [
        json!(["non-admin"]),
        json!(["shop-admin-readonly"]),
        json!(["former.seller"]),
        json!("fan of admin"),
        json!(["fan of admin"]),
    ] {
        let answer = Deployed::new("POST", "/products").json(TEA).in_groups("mina", &groups).to(&shop).await;
        assert_eq!(answer.outcome(), (403, "FORBIDDEN".to_owned()), "{groups}");
    }
    let answer =
        Deployed::new("POST", "/products").json(TEA).in_groups("boss", &json!(["staff", "admin"])).to(&shop).await;
    assert_eq!(answer.outcome(), (201, "SUCCESS".to_owned()));
}

#[tokio::test]
async fn identity_headers_are_ignored_behind_the_authorizer() {
    let shop = TestShop::new();
    let pretender =
        || Deployed::new("POST", "/products").json(TEA).header("x-user-id", "root").header("x-user-role", "ADMIN");
    assert_eq!(pretender().to(&shop).await.outcome(), (401, "UNAUTHENTICATED".to_owned()));
    let customer = pretender().in_groups("mina", &json!([])).to(&shop).await;
    assert_eq!(customer.outcome(), (403, "FORBIDDEN".to_owned()));
}

#[tokio::test]
async fn head_is_answered_wherever_get_is() {
    let shop = TestShop::new();
    shop.customer("mina", 100).await;
    shop.product("tea", 1_000, 10).await;
    let outcome = async |method, path: &str| {
        let answer = Deployed::new(method, path).in_groups("mina", &json!([])).to(&shop).await;
        let mut body = answer.body();
        body["requestId"] = Value::Null;
        (answer.0.status(), answer.0.headers().get("content-type").cloned(), body)
    };
    let mut served = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.function != "api-reference") {
        let path = route.path.replace("{userId}", "mina").replace("{productId}", "tea").replace(['{', '}'], "");
        let (get, head) = (outcome("GET", &path).await, outcome("HEAD", &path).await);
        assert_eq!(head, get, "{path}");
        assert_ne!(get.0, 405, "{path}");
        served += 1;
    }
    assert!(served > 10, "{served}");
    assert_eq!(Deployed::new("HEAD", "/balance/charge/x").to(&shop).await.outcome().0, 404);
}

#[tokio::test]
async fn options_lists_the_methods_of_a_path() {
    let shop = TestShop::new();
    for (path, methods) in [
        ("/products", "GET, HEAD, OPTIONS, POST"),
        ("/orders/cart/tea", "DELETE, OPTIONS"),
        ("/balance/charge", "GET, HEAD, OPTIONS, POST"),
    ] {
        let answer = Deployed::new("OPTIONS", path).to(&shop).await;
        assert_eq!(
            (answer.0.status().as_u16(), answer.0.headers()["allow"].to_str().unwrap()),
            (204, methods),
            "{path}"
        );
        let other = Deployed::new("TRACE", path).to(&shop).await;
        assert_eq!((other.outcome().0, other.0.headers()["allow"].to_str().unwrap()), (405, methods), "{path}");
    }
    assert_eq!(Deployed::new("OPTIONS", "/nowhere").to(&shop).await.outcome(), (404, "ENTITY_NOT_FOUND".to_owned()));
}

/// API Gateway hands over U+FFFD where a body had bytes that are not UTF-8.
#[tokio::test]
async fn bytes_that_are_not_utf8_are_a_bad_request() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let mina = |body: &str| Deployed::new("POST", "/balance/charge").json(body).in_groups("mina", &json!([]));
    let damaged = mina("{\"userId\":\"mina\",\"amount\":100,\"memo\":\"\u{fffd}\"}").to(&shop).await;
    assert_eq!((damaged.outcome().0, damaged.fields()), (400, vec!["body".to_owned()]));
    let named = Deployed::new("PATCH", "/users/mina").json("{\"name\":\"\u{fffd}\"}").in_groups("mina", &json!([]));
    let named = named.to(&shop).await;
    assert_eq!((named.outcome().0, named.fields()), (400, vec!["body".to_owned()]));
    // A header's bytes come as Latin-1.
    let keyed = mina(r#"{"userId":"mina","amount":100}"#).header("idempotency-key", "\u{ff}\u{fe}").to(&shop).await;
    assert_eq!((keyed.outcome().0, keyed.fields()), (400, vec!["Idempotency-Key".to_owned()]));
    let odd = mina(r#"{"userId":"mina","amount":100}"#).header("x-odd", "\u{ff}").header("accept-language", "\u{ff}");
    assert_eq!(odd.to(&shop).await.outcome(), (200, "SUCCESS".to_owned()));
    let kind = mina("{}").header("content-type", "application/json\u{ff}").to(&shop).await;
    assert_eq!(kind.outcome(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()));
    assert_eq!(shop.balance("mina").await, 100);
}

#[tokio::test]
async fn paths_are_not_normalized() {
    let shop = TestShop::new();
    for path in ["/products/../products", "/products/./tea", "/", "/products/tea/", "/a?b", "/a#b"] {
        let answer = Deployed::new("GET", path).to(&shop).await;
        assert_eq!(answer.outcome(), (404, "ENTITY_NOT_FOUND".to_owned()), "{path}");
    }
    for id in ["a b", "\u{fffd}", "김", "a%2Fb", "a\u{0}"] {
        let answer = Deployed::new("GET", &format!("/products/{id}")).to(&shop).await;
        assert_eq!((answer.outcome().0, answer.fields()), (400, vec!["productId".to_owned()]), "{id:?}");
    }
}

/// The 401, 404 and 415 of a newcomer's first calls did not name the missing header, user or path.
#[tokio::test]
async fn failures_name_the_missing_header_user_or_path() {
    let shop = TestShop::new();
    let message = |body: &Value| body["message"].as_str().unwrap().to_owned();
    let anonymous = shop.get("/orders").await;
    assert_eq!(
        message(&anonymous.body),
        "인증이 필요합니다. Authorization 헤더에 Bearer 토큰을 보내 주세요. 로컬에서는 x-user-id 헤더나 userId를 보내면 됩니다."
    );
    assert!(
        message(&shop.get("/orders").in_english().await.body).contains("locally, the header x-user-id or a userId")
    );
    let form = shop.call("POST", "/balance/charge").body("amount=1");
    let form = form.header("content-type", "application/x-www-form-urlencoded").in_english();
    assert!(message(&form.await.body).contains("Send the header content-type: application/json"));
    for (path, korean, english) in [
        ("/nowhere", "GET /docs", "No such path; GET /docs describes all of them."),
        ("/products/tea", "이 상품은 없습니다.", "No such product; GET /products lists them."),
        ("/balance/nobody?userId=nobody", "POST /users", "No such user; POST /users creates one."),
    ] {
        let missing = message(&shop.get(path).await.body);
        assert!(missing.starts_with("대상을 찾을 수 없습니다. ") && missing.contains(korean), "{missing}");
        assert_eq!(message(&shop.get(path).in_english().await.body), format!("Not found. {english}"));
    }
}
