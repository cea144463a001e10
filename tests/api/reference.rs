//! `/openapi.json` and `/docs`

use data_encoding::BASE64;
use sha2::{Digest, Sha256};
use tests::TestShop;

#[tokio::test]
async fn the_reference_is_public() {
    let shop = TestShop::new();

    let document = shop.get("/openapi.json").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(document.headers["cache-control"], "public, max-age=300");
    assert_eq!(document.body["openapi"], "3.1.0");

    let page = shop.get("/docs").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.body.as_str().unwrap().starts_with("<!doctype html>"));
}

/// The policy names style and script by their digests, so a browser runs nothing else.
#[tokio::test]
async fn the_page_runs_nothing_but_its_own_script() {
    let page = TestShop::new().get("/docs").await;
    let page = page.body.as_str().unwrap();
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(!policy.contains("unsafe"), "{policy}");
    for tag in ["style", "script"] {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        assert_eq!((page.matches(&open).count(), page.matches(&format!("<{tag} ")).count()), (1, 0));
        let content = page.split(&open).nth(1).unwrap().split(&close).next().unwrap();
        let digest = format!("{tag}-src 'sha256-{}'", BASE64.encode(&Sha256::digest(content)));
        assert!(policy.contains(&digest), "functions/src/http/reference/head.html has to have {digest}");
    }
}

/// Each text of the document has its translation; the tests of the document itself hold the list to be complete.
#[tokio::test]
async fn the_texts_of_the_reference_can_be_read_in_korean() {
    let shop = TestShop::new();
    let texts = shop.get("/openapi.json?texts=ko").await;
    assert_eq!(texts.status, 200);
    assert_eq!(texts.body["The order."], "주문.");
    assert_eq!(shop.get("/openapi.json?texts=fr").await.bad_fields(), ["texts"]);
    assert_eq!(shop.get("/docs?texts=ko").await.bad_fields(), ["texts"]);
}

#[tokio::test]
async fn the_reference_is_read_only() {
    let answer = TestShop::new().post("/docs", serde_json::json!({})).await;
    assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
    answer.refused(405, "METHOD_NOT_ALLOWED");
}
