//! `/openapi.json` and `/docs`

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

#[tokio::test]
async fn the_reference_is_read_only() {
    let answer = TestShop::new().post("/docs", serde_json::json!({})).await;
    assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
    answer.refused(405, "METHOD_NOT_ALLOWED");
}
