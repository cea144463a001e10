//! `?stock=recent`: stock of up to a second ago. The function and a CDN may cache it for that second, and no longer.

use serde_json::{Value, json};
use shared::app::Bounds;
use tests::{Answer, TestShop};

fn caching(answer: &Answer) -> &str {
    answer.headers["cache-control"].to_str().unwrap()
}

/// A shop of one product with three units, through an instance that caches, and through another.
async fn seeded_shops() -> (TestShop, TestShop) {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 3).await;
    let instance = shop.another_instance_within(Bounds::PRODUCTION);
    (instance, shop)
}

const PATHS: [&str; 2] = ["/products/tea?stock=recent", "/products?stock=recent"];

fn stock(answer: &Answer) -> i64 {
    let data = &answer.body["data"];
    let product = if data["items"].is_array() { &data["items"][0] } else { data };
    product["stock"].as_i64().unwrap()
}

#[tokio::test]
async fn recent_stock_is_at_most_a_second_old() {
    for path in PATHS {
        let (instance, elsewhere) = seeded_shops().await;
        let first = instance.get(path).await;
        assert_eq!((stock(&first), caching(&first)), (3, "public, max-age=1"), "{path}");
        assert_eq!(first.body["data"]["asOf"], "2026-11-20T03:00:00Z", "{path}");
        assert_eq!(first.headers["vary"], "accept-language", "a message is in some language");
        elsewhere.order("mina", "tea", 1).await.expect(201);

        // Until the second is over the answer is unchanged, with its instant; a CDN caches it no further second.
        instance.set_clock("2026-11-20T03:00:00.999Z");
        instance.meter().take();
        let second = instance.get(path).await;
        assert_eq!(instance.meter().take().round_trips, 0);
        assert_eq!((stock(&second), caching(&second)), (3, "public, max-age=0"), "{path}");
        assert_eq!(second.body["data"], first.body["data"], "{path}");
        // A request for exact stock gets it.
        let exact = instance.get(path.trim_end_matches("?stock=recent")).await;
        assert_eq!((stock(&exact), caching(&exact), &exact.body["data"]["asOf"]), (2, "no-store", &Value::Null));

        instance.set_clock("2026-11-20T03:00:01Z");
        let third = instance.get(path).await;
        assert_eq!((stock(&third), caching(&third)), (2, "public, max-age=1"), "{path}");
        assert_eq!(third.body["data"]["asOf"], "2026-11-20T03:00:01Z", "{path}");
    }
}

/// The age of an entry from the future is unknown.
#[tokio::test]
async fn a_clock_that_is_set_back_invalidates_the_cache() {
    for path in PATHS {
        let (instance, elsewhere) = seeded_shops().await;
        instance.get(path).await.expect(200);
        elsewhere.order("mina", "tea", 1).await.expect(201);
        instance.set_clock("2026-11-20T02:59:59.999Z");
        let answer = instance.get(path).await;
        assert_eq!((stock(&answer), caching(&answer)), (2, "public, max-age=1"), "{path}");
        assert_eq!(answer.body["data"]["asOf"], "2026-11-20T02:59:59.999Z", "{path}");
    }
}

#[tokio::test]
async fn a_change_invalidates_the_cached_product_of_its_instance() {
    let (instance, _) = seeded_shops().await;
    let recent = async || instance.get("/products/tea?stock=recent").await;
    assert_eq!(stock(&recent().await), 3);
    instance.post("/products/tea/restock", json!({ "quantity": 4 })).as_admin().await.expect(200);
    assert_eq!(stock(&recent().await), 7);
    instance.patch("/products/tea", json!({ "price": 900 })).as_admin().await.expect(200);
    assert_eq!(recent().await.body["data"]["price"], 900);
    instance.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    recent().await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn a_404_is_not_cached() {
    let (instance, elsewhere) = seeded_shops().await;
    elsewhere.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    for path in ["/products/tea?stock=recent", "/products/nothing?stock=recent"] {
        let answer = instance.get(path).await;
        assert_eq!((answer.status, caching(&answer)), (404, "no-store"));
    }
    elsewhere.patch("/products/tea", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
    assert_eq!(stock(&instance.get("/products/tea?stock=recent").await), 3);
}

/// Each page of the catalogue is cached by itself, with the cursor of the next.
#[tokio::test]
async fn pages_of_the_catalogue_are_cached_separately() {
    let (instance, elsewhere) = seeded_shops().await;
    for (second, id) in [(1, "cup"), (2, "pot")] {
        elsewhere.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        elsewhere.product(id, 1_000, 1).await;
    }
    let page = async |query: &str| {
        let data = instance.get(&format!("/products?stock=recent&{query}")).await.expect(200);
        let ids = data["items"].as_array().unwrap().iter().map(|item| item["productId"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), data["nextCursor"].clone())
    };
    for _ in 0..2 {
        let (ids, next) = page("limit=2").await;
        assert_eq!(ids, ["tea", "cup"]);
        assert_eq!(
            page(&format!("limit=2&cursor={}", next.as_str().unwrap())).await,
            (vec!["pot".to_owned()], Value::Null)
        );
        assert_eq!(page("limit=2&page=2").await.0, ["pot"]);
        assert_eq!(page("limit=1").await.0, ["tea"]);
    }
}

#[tokio::test]
async fn only_the_value_recent_is_accepted() {
    let (instance, _) = seeded_shops().await;
    for path in ["/products", "/products/tea"] {
        for value in ["", "fresh", "RECENT", "1"] {
            let answer = instance.get(&format!("{path}?stock={value}")).await;
            assert_eq!((answer.bad_fields(), caching(&answer)), (vec!["stock"], "no-store"));
        }
        assert_eq!(instance.get(&format!("{path}?stock=recent&stock=recent")).await.bad_fields(), ["stock"]);
    }
    let answer = instance.get("/products/top?stock=recent").await;
    assert_eq!(answer.bad_fields(), ["stock"]);
}

#[tokio::test]
async fn a_recent_answer_has_the_etag_of_an_exact_one() {
    let (instance, _) = seeded_shops().await;
    let exact = instance.get("/products/tea").await.headers["etag"].clone();
    for _ in 0..2 {
        assert_eq!(instance.get("/products/tea?stock=recent").await.headers["etag"], exact);
    }
}
