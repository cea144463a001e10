//! The ports of this machine: closed to foreign pages, and the same API at both doors.

use std::time::Duration;

use local_stack::Config;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::stack::{Api, Shop};

/// An answer to raw bytes.
#[derive(Debug)]
struct Raw {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The part of an answer in which both doors must agree. The request's id, and a content type without content, are
    /// left out.
    fn essence(&self) -> (u16, Option<String>, Option<String>, Value) {
        let mut body = self.json();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("requestId");
        }
        let text = |name| self.header(name).map(str::to_owned);
        (self.status, text("content-type").filter(|_| self.status != 204), text("allow"), body)
    }
}

/// Sends a request byte for byte.
async fn send(port: u16, line: &[u8], headers: &[&[u8]], body: &[u8]) -> Raw {
    let mut request = [line, b" HTTP/1.1\r\nconnection: close\r\n"].concat();
    for header in headers {
        request.extend([*header, b"\r\n"].concat());
    }
    if !body.is_empty() {
        request.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    let mut answer = Vec::new();
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // A server that refuses a request need not read all of it.
        let _ = stream.write_all(&request).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(Duration::from_secs(40), talk).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer to {line:?}"));
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|line| line.split_once(':')).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect();
    Raw { status, headers, body: answer[end + 4..].to_vec() }
}

async fn get(port: u16, path: &str, headers: &[&str]) -> Raw {
    let headers: Vec<_> = headers.iter().map(|header| header.as_bytes()).collect();
    send(port, format!("GET {path}").as_bytes(), &headers, b"").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_closed_to_foreign_pages_and_both_doors_answer_alike() {
    let config = Config {
        allow_hosts: vec!["shop.test".to_owned()],
        allow_origins: vec!["http://localhost:3000".to_owned()],
        ..Config::test("e2e-doors").unwrap()
    };
    let shop = Shop::start_as(config).await;
    shop.api.customers(1, 10_000).await;
    shop.api.product("tea", 1_000, 10).await;
    no_port_answers_a_foreign_page_or_host(&shop).await;
    both_doors_answer_alike(&shop).await;
    the_local_door_knows_methods(&shop).await;
    roles_are_whole_groups(&shop).await;
    only_signed_deliveries_are_kept(&shop).await;
    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

async fn no_port_answers_a_foreign_page_or_host(shop: &Shop) {
    let ports = shop.config.ports;
    for (port, path) in [
        (ports.gateway, "/products"),
        (ports.emulator, "/_localstack/health"),
        (ports.data_platform, "/received"),
        (ports.issuer, "/.well-known/jwks.json"),
        (ports.payment_system, "/requests"),
        (ports.gateway, "/"),
        (ports.gateway, "/_dev/console/main.js"),
        (ports.gateway, "/store/main.js"),
        (ports.gateway, "/_dev/requests"),
        (ports.gateway, "/_dev/data-platform/received"),
        (ports.watch, "/products"),
    ] {
        let own = format!("host: localhost:{port}");
        for admitted in [
            vec![own.clone()],
            vec![format!("host: 127.0.0.1:{port}")],
            vec![format!("host: [::1]:{port}")],
            vec![format!("host: shop.test:{port}")],
            vec![own.clone(), format!("origin: http://localhost:{}", ports.gateway)],
            vec![own.clone(), "origin: http://localhost:3000".to_owned(), "sec-fetch-site: same-site".to_owned()],
            vec![own.clone(), "sec-fetch-site: none".to_owned()],
        ] {
            let headers: Vec<_> = admitted.iter().map(String::as_str).collect();
            assert_eq!(get(port, path, &headers).await.status, 200, "{port}{path} {admitted:?}");
        }
        for refused in [
            vec!["host: evil.example".to_owned()],
            vec![format!("host: evil.example:{port}")],
            vec![format!("host: localhost.evil.example:{port}")],
            vec!["host: localhost:1".to_owned()],
            vec![own.clone(), "origin: http://evil.example".to_owned()],
            vec![own.clone(), "origin: http://localhost:3001".to_owned()],
            vec![own.clone(), "origin: null".to_owned()],
            vec![own.clone(), "sec-fetch-site: cross-site".to_owned()],
            vec![own.clone(), "sec-fetch-site: same-site".to_owned()],
        ] {
            let headers: Vec<_> = refused.iter().map(String::as_str).collect();
            let answer = get(port, path, &headers).await;
            assert_eq!(answer.status, 403, "{port}{path} {refused:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{port}{path} {refused:?}");
        }
        let preflight = [own.as_bytes(), b"origin: http://evil.example", b"access-control-request-method: POST"];
        assert_eq!(send(port, b"OPTIONS /", &preflight, b"").await.status, 403, "{port}");
    }

    // This request let a page take over the machine: it needs no secret, since the signature is in the address.
    let signed = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/ap-northeast-2/lambda/aws4_request\
                  &X-Amz-Date=20260101T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    let line = format!("POST /2015-03-31/functions?{signed}");
    let own = format!("host: localhost:{}", ports.emulator);
    let simple = [own.as_bytes(), b"origin: http://evil.example", b"content-type: text/plain"];
    let create =
        json!({ "FunctionName": "owned", "Runtime": "provided.al2023", "Role": "r", "Handler": "h", "Code": {} });
    let answer = send(ports.emulator, line.as_bytes(), &simple, create.to_string().as_bytes()).await;
    assert_eq!(answer.status, 403, "{answer:?}");

    // A page that the developer admitted gets CORS headers, and no other.
    let own = format!("host: localhost:{}", ports.gateway);
    let named = [own.as_bytes(), b"origin: http://localhost:3000", b"access-control-request-method: POST"];
    let preflight = send(ports.gateway, b"OPTIONS /orders", &named, b"").await;
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-origin")),
        (204, Some("http://localhost:3000"))
    );
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    let answer = get(ports.gateway, "/products", &[&own, "origin: http://localhost:3000"]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

/// A request of a user, known by a header at one door and by a token at the other.
struct Case {
    line: &'static [u8],
    headers: &'static [&'static [u8]],
    body: Vec<u8>,
}

const JSON: &[u8] = b"content-type: application/json";

async fn both_doors_answer_alike(shop: &Shop) {
    let case = |line, headers, body: &[u8]| Case { line, headers, body: body.to_vec() };
    let cases = [
        case(b"GET /products?limit=1", &[], b""),
        case(b"GET /balance/u0", &[], b""),
        case(b"HEAD /products", &[], b""),
        case(b"HEAD /balance/u0", &[], b""),
        case(b"HEAD /balance/charge/x", &[], b""),
        case(b"HEAD /nowhere", &[], b""),
        case(b"GET /nowhere", &[], b""),
        case(b"PUT /products", &[], b""),
        case(b"BREW /products", &[], b""),
        case(b"DELETE /orders/cart", &[], b""),
        // `/products/` is left out: the emulator loses the slash after a path of one segment.
        case(b"GET /products/tea/", &[], b""),
        case(b"GET //products/tea", &[], b""),
        case(b"GET /products/../products", &[], b""),
        case(b"GET /products/%74ea", &[], b""),
        case(b"GET /products/a%2Fb", &[], b""),
        case(b"GET /products/a%252Fb", &[], b""),
        case(b"GET /products/a%20b", &[], b""),
        case(b"GET /products/%EA%B9%80", &[], b""),
        case(b"GET /products/%ff", &[], b""),
        case(b"GET /products/%zz", &[], b""),
        case(b"GET /products/a%3Fb", &[], b""),
        case(b"GET /products?limit=%ff", &[], b""),
        case(b"GET /products?limit=1&limit=2", &[], b""),
        case(b"GET /products", &[b"x-odd: \xff\xfe"], b""),
        case(b"GET /products", &[b"accept-language: \xff"], b""),
        case(b"GET /products", &[b"x-forwarded-proto: gopher"], b""),
        // Words of paths, and ids equal to them.
        case(b"GET /coupons/issue", &[], b""),
        case(b"GET /balance/charge", &[], b""),
        case(b"GET /orders/cart/history", &[], b""),
        case(b"DELETE /orders/cart/cart", &[], b""),
        case(b"POST /products/top/restock", &[JSON], br#"{"quantity":1}"#),
        // Bodies.
        case(b"POST /balance/charge", &[JSON], b"{\"userId\":\"\xff\",\"amount\":100}"),
        case(b"POST /balance/charge", &[JSON], b"\xff\xfe"),
        case(b"POST /balance/charge", &[b"content-type: application/octet-stream"], b"\xff\xfe"),
        case(b"POST /balance/charge", &[], b"{}"),
        case(b"POST /balance/charge", &[JSON, b"idempotency-key: \xff"], br#"{"userId":"u0","amount":100}"#),
        case(b"POST /balance/charge", &[JSON], b""),
        case(b"POST /balance/charge", &[JSON], &vec![b' '; 1_100_000]),
        case(b"POST /nowhere", &[JSON], &vec![b' '; 1_100_000]),
        case(b"POST /nowhere", &[], &vec![0xff; 1_100_000]),
        // The runner's own paths are no paths of the API.
        case(b"GET /lambda-url/list-products/products", &[], b""),
        case(b"POST /2015-03-31/functions/list-products/invocations", &[JSON], b"{}"),
        case(b"GET /.rt/list-products/2018-06-01/runtime/invocation/next", &[], b""),
    ];
    let ports = shop.config.ports;
    let api = shop.stack().api_url();
    let prefix = api.split_once(&format!(":{}", ports.emulator)).unwrap().1;
    let token = format!("authorization: Bearer {}", shop.stack().token("u0", &[]).unwrap());
    for Case { line, headers, body } in &cases {
        let shown = String::from_utf8_lossy(line);
        let own = format!("host: localhost:{}", ports.gateway);
        let local = [&[own.as_bytes(), b"x-user-id: u0"][..], headers].concat();
        let local = send(ports.gateway, line, &local, body).await;
        let space = line.iter().position(|byte| *byte == b' ').unwrap() + 1;
        let prefixed = [&line[..space], prefix.as_bytes(), &line[space..]].concat();
        let own = format!("host: localhost:{}", ports.emulator);
        let deployed = [&[own.as_bytes(), token.as_bytes()][..], headers].concat();
        let deployed = send(ports.emulator, &prefixed, &deployed, body).await;
        assert_eq!(local.essence(), deployed.essence(), "{shown} {headers:?}");
        assert!(local.status < 500, "{shown} {headers:?}: {local:?}");
    }
}

/// The documentation of API Gateway decides where the emulator departs from it. An API without a CORS configuration
/// passes OPTIONS to the default route. A target that is no path is a bad request.
async fn the_local_door_knows_methods(shop: &Shop) {
    let port = shop.config.ports.gateway;
    let own = format!("host: localhost:{port}");
    let methods = send(port, b"OPTIONS /products", &[own.as_bytes()], b"").await;
    assert_eq!((methods.status, methods.header("allow")), (204, Some("GET, HEAD, OPTIONS, POST")));
    assert_eq!(send(port, b"OPTIONS /nowhere", &[own.as_bytes()], b"").await.status, 404);
    for line in [&b"OPTIONS *"[..], b"GET *", b"CONNECT localhost:80"] {
        let answer = send(port, line, &[own.as_bytes()], b"").await;
        assert!([400, 403].contains(&answer.status), "{line:?}: {answer:?}");
    }
    // A HEAD gives the length of the body that it leaves out.
    let (head, get) =
        (send(port, b"HEAD /products", &[own.as_bytes()], b"").await, get(port, "/products", &[&own]).await);
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert!(head.body.is_empty());
    let damaged = send(port, b"GET /orders", &[own.as_bytes(), b"x-user-id: \xff"], b"").await;
    assert_eq!((damaged.status, damaged.json()["code"].as_str().unwrap_or_default()), (401, "UNAUTHENTICATED"));
}

async fn roles_are_whole_groups(shop: &Shop) {
    let issuer = Api::new(shop.stack().issuer_url());
    let deployed = Api::new(shop.stack().api_url());
    let create = async |id: &str, groups: &Value| {
        let token = issuer.post("/token", json!({ "sub": "mina", "groups": groups })).await.body;
        let api = deployed.with("authorization", format!("Bearer {}", token.as_str().unwrap()));
        api.post(
            "/coupons",
            json!({
                "couponId": id, "name": id, "kind": "FIXED", "value": 1_000, "totalQuantity": 1, "validDays": 7,
                "issueFrom": "2026-01-01T00:00:00Z", "issueUntil": "2036-01-01T00:00:00Z",
            }),
        )
        .await
    };
    for groups in [
        json!(["non-admin"]),
        json!(["shop-admin-readonly"]),
        json!(["former.seller"]),
        json!("fan of admin"),
        json!(["fan of admin"]),
        json!({ "admin": true }),
        json!([]),
    ] {
        let answer = create("none", &groups).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN"), "{groups}");
    }
    for (id, groups) in [("one", json!(["admin"])), ("two", json!(["x", "admin"])), ("three", json!("admin"))] {
        assert_eq!(create(id, &groups).await.status, 201, "{groups}");
    }
}

/// The data platform keeps what the shop signed. A forged delivery is answered 401, with any headers but the secret's.
async fn only_signed_deliveries_are_kept(shop: &Shop) {
    let now = jiff::Timestamp::now().as_second().to_string();
    let forged = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for headers in [vec![], vec![("webhook-timestamp", now.as_str()), ("webhook-signature", forged)]] {
        let mut delivery = reqwest::Client::new().post(shop.stack().data_platform_url());
        for (name, value) in [&headers[..], &[("idempotency-key", "forged"), ("webhook-id", "forged")]].concat() {
            delivery = delivery.header(name, value);
        }
        let answer = delivery.json(&json!({ "aggregateId": "forged" })).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{headers:?}");
    }
    let order = shop.api.order("u0", "tea").await.data()["orderId"].as_str().unwrap().to_owned();
    shop.data_platform_holds(&[order]).await;
}
