//! The shape of every record in the table: a change here is a change of stored data.

use serde_json::{Map, Value, json};
use shared::{
    domain::{
        CouponId, ExportId, OrderId, OrderSheetId, ProductId, UserId, id::bucket, ledger::LedgerEntry,
        purchase_limit::LimitPeriod, text::EmailKey, timed_offer::QuotaId,
    },
    store::{Key, keys},
};
use tests::TestShop;

/// An item with its types taken off.
pub fn stored(shop: &TestShop, key: Key) -> Value {
    let key = json!({ "pk": { "S": key.pk }, "sk": { "S": key.sk } });
    let answer = shop.dynamo().execute("GetItem", json!({ "TableName": tests::TABLE, "Key": key })).unwrap();
    plain(&json!({ "M": answer["Item"] }))
}

fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "M" => value.as_object().unwrap().iter().map(|(k, v)| (k.clone(), plain(v))).collect::<Map<_, _>>().into(),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "N" => value.as_str().unwrap().parse().unwrap(),
        "S" if value.as_str().unwrap().starts_with('\u{1}') => json!("sealed"),
        _ => value.clone(),
    }
}

fn id<T: TryFrom<String, Error: std::fmt::Debug>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

#[tokio::test]
async fn users() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000).await;
    let mina: UserId = id("mina");
    insta::assert_json_snapshot!(stored(&shop, keys::profile(&mina)), @r#"
    {
      "createdAt": 1795143600000,
      "email": "sealed",
      "emailClaimed": true,
      "emailKey": "0efb62056f86898f040d03aa706fa3aae7c7e292ee08d34979652fd1c737a100",
      "kind": "CUSTOMER",
      "name": "sealed",
      "pk": "USER#mina",
      "sk": "PROFILE",
      "updatedAt": 1795143600000,
      "userId": "mina",
      "version": 1
    }
    "#);
    insta::assert_json_snapshot!(stored(&shop, keys::email(&EmailKey::from_address("mina@example.com"))), @r#"
    {
      "pk": "EMAIL#0efb62056f86898f040d03aa706fa3aae7c7e292ee08d34979652fd1c737a100",
      "sk": "EMAIL",
      "userId": "mina"
    }
    "#);
    let (mut account, mut entry) = (stored(&shop, keys::account(&mina)), stored(&shop, keys::ledger_entry(&mina, 1)));
    let booked: LedgerEntry = serde_json::from_value(entry.clone()).unwrap();
    assert_eq!(account["head"], booked.hash(&mina).to_string(), "the account has the hash of its last entry");
    account["head"] = json!("…");
    insta::assert_json_snapshot!(account, @r#"
    {
      "balance": 1000,
      "head": "…",
      "pk": "USER#mina",
      "sequence": 1,
      "sk": "ACCOUNT",
      "status": "ACTIVE"
    }
    "#);
    entry["entryId"] = json!("…");
    insta::assert_json_snapshot!(entry, @r#"
    {
      "actor": "CUSTOMER",
      "amount": 1000,
      "at": 1795143600000,
      "balanceAfter": 1000,
      "before": "0000000000000000000000000000000000000000000000000000000000000000",
      "entryId": "…",
      "pk": "USER#mina",
      "sequence": 1,
      "sk": "LEDGER#000000000001",
      "type": "CHARGE"
    }
    "#);
}

#[tokio::test]
async fn products() {
    let shop = TestShop::new();
    shop.customer("dabang", 0).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 5, "stockShards": 2, "flash": true,
        "sellerId": "dabang",
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    let tea: ProductId = id("tea");
    insta::assert_json_snapshot!(stored(&shop, keys::product(&tea)), @r#"
    {
      "byDuePk": "SHELVES",
      "byDueSk": "1795143600000#tea",
      "byTimePk": "PRODUCTS",
      "byTimeSk": "1795143600000#tea",
      "createdAt": 1795143600000,
      "discount": 0,
      "flash": true,
      "flashPinned": true,
      "name": "녹차",
      "pk": "PRODUCT#tea",
      "price": 1000,
      "productId": "tea",
      "saleStatus": "ON_SALE",
      "sellerId": "dabang",
      "shardsPinned": true,
      "sk": "PRODUCT",
      "stockShards": 2,
      "sweepFrom": 1795143600000,
      "updatedAt": 1795143600000,
      "version": 1
    }
    "#);
    insta::assert_json_snapshot!(stored(&shop, keys::stock(&tea, 0)), @r#"
    {
      "discount": 0,
      "drawn": 0,
      "offerVersion": 1,
      "pk": "STOCK#tea#0",
      "price": 1000,
      "received": 3,
      "remaining": 3,
      "saleStatus": "ON_SALE",
      "sk": "STOCK",
      "swept": {
        "at": 0,
        "seen": 0,
        "to": 0
      }
    }
    "#);
    shop.customer("mina", 10_000).await;
    let order = shop.order("mina", "tea", 2).key("k").await.expect(201);
    let shard = bucket(order["orderId"].as_str().unwrap(), 2);
    insta::assert_json_snapshot!(stored(&shop, keys::unit_claim(&tea, shard, 0)), @r#"
    {
      "orderId": "frfjxplir33xbmdsex32hlrst4",
      "pk": "UNITS#tea#0#0",
      "sk": "UNITS",
      "units": 2
    }
    "#);
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_seller("dabang").await.expect(200);
    assert_eq!(stored(&shop, keys::product(&tea))["byTimePk"], "PRODUCTS#HIDDEN");
    shop.patch("/products/tea", json!({ "status": "DISCONTINUED" })).as_seller("dabang").await.expect(200);
    let discontinued = stored(&shop, keys::product(&tea));
    let place = (discontinued["byTimePk"].as_str(), discontinued["byTimeSk"].as_str());
    assert_eq!(place, (Some("PRODUCTS#DISCONTINUED"), Some("1795143600000#tea")));
}

#[tokio::test]
async fn coupons() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.campaign("welcome", 5, json!({ "kind": "RATE", "value": 10, "maxDiscount": 500 })).await;
    shop.issue("mina", "welcome").await.expect(201);
    let welcome: CouponId = id("welcome");
    insta::assert_json_snapshot!(stored(&shop, keys::campaign(&welcome)), @r#"
    {
      "byDuePk": "CAMPAIGNS",
      "byDueSk": "1795143600000#welcome",
      "byTimePk": "CAMPAIGNS",
      "byTimeSk": "1795143600000#welcome",
      "counterShards": 1,
      "couponId": "welcome",
      "createdAt": 1795143600000,
      "hasRow": true,
      "issueFrom": 1793491200000,
      "issueUntil": 1796083200000,
      "kind": "RATE",
      "maxDiscount": 500,
      "name": "환영 쿠폰",
      "pk": "CAMPAIGN#welcome",
      "sk": "CAMPAIGN",
      "sweepFrom": 1795143600000,
      "totalQuantity": 5,
      "updatedAt": 1795143600000,
      "validity": {
        "validDays": 7
      },
      "value": 10
    }
    "#);
    let row = keys::campaign_row(&welcome, "2026-12-01T00:00:00Z".parse().unwrap());
    insta::assert_json_snapshot!(stored(&shop, row), @r#"
    {
      "couponId": "welcome",
      "issueFrom": 1793491200000,
      "issueUntil": 1796083200000,
      "kind": "RATE",
      "maxDiscount": 500,
      "name": "환영 쿠폰",
      "pk": "OPENCAMPAIGNS",
      "sk": "UNTIL#1796083200000#welcome",
      "validity": {
        "validDays": 7
      },
      "value": 10
    }
    "#);
    insta::assert_json_snapshot!(stored(&shop, keys::counter(&welcome, 0)), @r#"
    {
      "limit": 5,
      "next": 1,
      "pk": "COUNTER#welcome#0",
      "sk": "COUNTER",
      "swept": {
        "at": 0,
        "seen": 0,
        "to": 0
      }
    }
    "#);
    let paused = json!({ "status": "PAUSED", "addQuantity": 2, "description": "첫 주문에" });
    shop.patch("/coupons/welcome", paused).as_admin().key("k").await.expect(200);
    let campaign = stored(&shop, keys::campaign(&welcome));
    let changed = ["status", "version", "totalQuantity", "firstQuantity", "description"].map(|name| &campaign[name]);
    assert_eq!(json!(changed), json!(["PAUSED", 1, 7, 5, "첫 주문에"]));
    insta::assert_json_snapshot!(stored(&shop, keys::counter(&welcome, 0)), @r#"
    {
      "issueUntil": 1796083200000,
      "limit": 7,
      "next": 1,
      "part": 7,
      "pk": "COUNTER#welcome#0",
      "sk": "COUNTER",
      "stopped": true,
      "swept": {
        "at": 1795143600000,
        "seen": 1,
        "to": 1
      },
      "version": 1
    }
    "#);
    insta::assert_json_snapshot!(stored(&shop, keys::ticket_claim(&welcome, 0, 0)), @r#"
    {
      "pk": "SLOT#welcome#0#0",
      "sk": "SLOT",
      "userId": "mina"
    }
    "#);
    let mut coupon = stored(&shop, keys::user_coupon(&id("mina"), &welcome));
    for name in ["issuedCouponId", "traceId"] {
        assert!(coupon[name].is_string(), "{name}");
        coupon[name] = json!("…");
    }
    insta::assert_json_snapshot!(coupon, @r#"
    {
      "couponId": "welcome",
      "expiresAt": 1795705200000,
      "issuedAt": 1795143600000,
      "issuedCouponId": "…",
      "kind": "RATE",
      "maxDiscount": 500,
      "name": "환영 쿠폰",
      "pk": "USER#mina",
      "sk": "COUPON#welcome",
      "state": "USABLE",
      "traceId": "…",
      "userId": "mina",
      "value": 10
    }
    "#);
}

#[tokio::test]
async fn carts() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for product in ["green-tea", "cup"] {
        shop.product(product, 1_000, 5).await;
    }
    for (product, quantity) in [("green-tea", 2), ("cup", 1), ("green-tea", 1)] {
        let item = json!({ "productId": product, "quantity": quantity });
        shop.post("/orders/cart", item).as_user("mina").await.expect(200);
    }
    insta::assert_json_snapshot!(stored(&shop, keys::cart(&id("mina"))), @r#"
    {
      "items": {
        "cup": 1,
        "green-tea": 3
      },
      "pk": "USER#mina",
      "sk": "CART",
      "version": 3
    }
    "#);
}

/// An ordered cart names its order, and a sheet of it names the order before.
#[tokio::test]
async fn order_sheets() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    let put_in = || shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 1 }));
    put_in().await.expect(200);
    shop.post("/orders", json!({ "userId": "mina", "fromCart": true })).key("k").await.expect(201);
    insta::assert_json_snapshot!(stored(&shop, keys::cart(&id("mina"))), @r#"
    {
      "items": {},
      "lastOrder": "frfjxplir33xbmdsex32hlrst4",
      "pk": "USER#mina",
      "sk": "CART",
      "version": 2
    }
    "#);
    put_in().await.expect(200);
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "fromCart": true })).key("k").await.expect(201);
    let sheet: OrderSheetId = id(sheet["orderSheetId"].as_str().unwrap());
    let mut stored_sheet = stored(&shop, keys::sheet(&sheet));
    for name in ["payload", "traceId"] {
        assert!(stored_sheet[name].is_string(), "{name}");
        stored_sheet[name] = json!("…");
    }
    insta::assert_json_snapshot!(stored_sheet, @r#"
    {
      "byDuePk": "SHEETS#10",
      "byDueSk": "1795145400000#72nxocrbp462vzfni2snajnkvq",
      "cartOrder": "frfjxplir33xbmdsex32hlrst4",
      "createdAt": 1795143600000,
      "expiresAt": 1795145400000,
      "fromCart": true,
      "goodsTotal": 10000,
      "items": [
        {
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 1,
          "status": "PENDING_PAYMENT",
          "unitPrice": 10000
        }
      ],
      "orderSheetId": "72nxocrbp462vzfni2snajnkvq",
      "payable": 13000,
      "payload": "…",
      "pk": "SHEET#72nxocrbp462vzfni2snajnkvq",
      "shippingFee": 3000,
      "sk": "SHEET",
      "state": "OPEN",
      "traceId": "…",
      "ttl": 1795750200,
      "userId": "mina"
    }
    "#);
}

#[tokio::test]
async fn orders() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    let order = shop.order("mina", "tea", 2).key("k").await.expect(201);
    let order: OrderId = id(order["orderId"].as_str().unwrap());
    let mut stored_order = stored(&shop, keys::order(&order));
    for name in ["payload", "traceId"] {
        assert!(stored_order[name].is_string(), "{name}");
        stored_order[name] = json!("…");
    }
    insta::assert_json_snapshot!(stored_order, @r#"
    {
      "byTimePk": "ORDERS#mina",
      "byTimeSk": "1795143600000#frfjxplir33xbmdsex32hlrst4",
      "createdAt": 1795143600000,
      "goodsTotal": 20000,
      "history": [
        {
          "actor": "CUSTOMER",
          "at": 1795143600000,
          "event": "PAID"
        }
      ],
      "items": [
        {
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 2,
          "status": "PREPARING",
          "unitPrice": 10000
        }
      ],
      "orderId": "frfjxplir33xbmdsex32hlrst4",
      "paid": 23000,
      "paidAt": 1795143600000,
      "payable": 23000,
      "payload": "…",
      "payment": "BALANCE",
      "pk": "ORDER#frfjxplir33xbmdsex32hlrst4",
      "shippingFee": 3000,
      "sk": "ORDER",
      "status": "PAID",
      "traceId": "…",
      "updatedAt": 1795143600000,
      "userId": "mina",
      "version": 1
    }
    "#);
}

#[tokio::test]
async fn purchase_limits() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 5, "limit": { "perUser": 3, "within": "DAY" },
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let tea: ProductId = id("tea");
    let period = LimitPeriod { since: 1, day: "2026-11-20".parse().ok() };
    insta::assert_json_snapshot!(json!({
        "product": stored(&shop, keys::product(&tea))["limit"],
        "terms": [stored(&shop, keys::product(&tea))["saleTerms"], stored(&shop, keys::stock(&tea, 0))["saleTerms"]],
        "line": stored(&shop, keys::order(&id(order["orderId"].as_str().unwrap())))["items"][0]["limit"],
        "counter": stored(&shop, keys::limit(&id("mina"), &tea, period)),
    }), @r#"
    {
      "counter": {
        "pk": "USER#mina",
        "sk": "LIMIT#tea#1#2026-11-20",
        "ttl": 1810652400,
        "units": 2
      },
      "line": {
        "day": "2026-11-20",
        "since": 1
      },
      "product": {
        "perUser": 3,
        "since": 1,
        "within": "DAY"
      },
      "terms": [
        1,
        1
      ]
    }
    "#);
}

#[tokio::test]
async fn timed_offers() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    let (from, until) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 5,
        "offers": [{ "discount": 500, "from": from, "until": until, "quantity": 3 }],
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let tea: ProductId = id("tea");
    let quota = QuotaId { since: 1, from: from.parse().unwrap() };
    insta::assert_json_snapshot!(json!({
        "product": stored(&shop, keys::product(&tea))["offers"],
        "terms": [stored(&shop, keys::product(&tea))["saleTerms"], stored(&shop, keys::stock(&tea, 0))["saleTerms"]],
        "line": stored(&shop, keys::order(&id(order["orderId"].as_str().unwrap())))["items"][0]["quota"],
        "counter": stored(&shop, keys::quota(&tea, quota, 0)),
    }), @r#"
    {
      "counter": {
        "pk": "STOCK#tea#0",
        "sk": "OFFER#1#1793491200000",
        "taken": 2
      },
      "line": {
        "from": 1793491200000,
        "part": 0,
        "since": 1,
        "units": 2,
        "until": 1796083200000
      },
      "product": [
        {
          "discount": 500,
          "from": 1793491200000,
          "quota": {
            "parts": 1,
            "quantity": 3,
            "since": 1
          },
          "until": 1796083200000
        }
      ],
      "terms": [
        1,
        1
      ]
    }
    "#);
}

#[tokio::test]
async fn sales() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    shop.settle().await;
    insta::assert_json_snapshot!(stored(&shop, keys::sales(&id("tea"))), @r#"
    {
      "bySalesPk": "RANKED#0",
      "bySalesSk": "999999999997#8204856399999#tea#20261120:2",
      "byTimePk": "SALES",
      "byTimeSk": "tea",
      "day_20261120": 2,
      "generation": 0,
      "lastSoldAt": 1795143600000,
      "pk": "SALES#tea",
      "sk": "SALES",
      "ttl": 1796007600
    }
    "#);
    let mut mark = stored(&shop, keys::counted(&format!("{}-1", order["orderId"].as_str().unwrap())));
    mark["pk"] = json!("…");
    insta::assert_json_snapshot!(mark, @r#"
    {
      "generation": 0,
      "pk": "…",
      "sk": "COUNTED",
      "ttl": 1795748400
    }
    "#);
}

#[tokio::test]
async fn requests() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let charge = json!({ "userId": "mina", "amount": 100 });
    shop.post("/balance/charge", charge).key("k").await.expect(200);
    let digest = shared::app::RequestKey::given("mina", "POST /balance/charge", "k", b"").digest;
    let request = stored(&shop, keys::request(&digest));
    insta::assert_json_snapshot!(request, @r#"
    {
      "outcome": {
        "balance": 100,
        "entryId": "bmhl6dgjpogx44i43sttz4q5qi",
        "userId": "mina"
      },
      "payload": "yclwr2o3zpnm3qr3fjiqy2vlcu",
      "pk": "REQUEST#bmhl6dgjpogx44i43sttz4q5qi",
      "sk": "REQUEST"
    }
    "#);
    assert_eq!(request["ttl"], Value::Null, "money has moved: kept for ever");
    shop.product("tea", 1, 1).await;
    shop.post("/products/tea/restock", json!({ "quantity": 1 })).as_admin().key("k").await.expect(200);
    let digest = shared::app::RequestKey::given("admin", "POST /products/tea/restock", "k", b"").digest;
    insta::assert_json_snapshot!(stored(&shop, keys::request(&digest)), @r#"
    {
      "outcome": {
        "productId": "tea"
      },
      "payload": "md6id4lpveawpl7p7t4l6tzau4",
      "pk": "REQUEST#zcbts5gurtxsprwsozb76w6rny",
      "sk": "REQUEST",
      "ttl": 1795748400
    }
    "#);
}

#[tokio::test]
async fn exports() {
    let shop = TestShop::new();
    let export = json!({ "of": "ORDERS", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    shop.post("/exports", export).as_seller("hana").key("k").await.expect(202);
    let digest = shared::app::RequestKey::given("hana", "POST /exports", "k", b"").digest;
    let export = ExportId::try_from(digest).unwrap();
    let mut export = stored(&shop, keys::export(&export));
    export["traceId"] = json!("…");
    insta::assert_json_snapshot!(export, @r#"
    {
      "createdAt": 1795143600000,
      "expiresAt": 1795230000000,
      "exportId": "63hik2s6cj6cjogo6oup3veq7q",
      "from": 1793491200000,
      "of": "ORDERS",
      "parts": [],
      "payload": "nhou4sicsyoxcvkkcnhw32qrbu",
      "pk": "EXPORT#63hik2s6cj6cjogo6oup3veq7q",
      "rows": 0,
      "sellerId": "hana",
      "sk": "EXPORT",
      "status": "RUNNING",
      "to": 1796083200000,
      "traceId": "…",
      "ttl": 1795230000,
      "updatedAt": 1795143600000,
      "userId": "hana",
      "version": 1
    }
    "#);
    let hana = UserId::try_from("hana".to_owned()).unwrap();
    insta::assert_json_snapshot!(stored(&shop, keys::user_exports(&hana)), @r#"
    {
      "open": {
        "63hik2s6cj6cjogo6oup3veq7q": 1795230000000
      },
      "pk": "USER#hana",
      "sk": "EXPORTS",
      "version": 1
    }
    "#);
}
