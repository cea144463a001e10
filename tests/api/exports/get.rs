//! `GET /exports/{exportId}`

use serde_json::{Value, json};
use shared::app::PeoplePolicy;
use tests::{
    TestShop,
    steps::{cancel, hold},
};

use super::{export, path, rows, text};

/// Products of two sellers and of the shop, and orders of two customers.
async fn shop_with_orders() -> TestShop {
    let shop = TestShop::new();
    for user in ["mina", "jun"] {
        shop.customer(user, 100_000).await;
    }
    for (id, seller) in [("tea", "hana"), ("cup", "duri")] {
        let product = json!({ "productId": id, "name": format!("={id}, \"1\""), "price": 1_000, "stock": 100 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    shop.product("pot", 2_000, 100).await;
    for (minute, user) in [(1, "mina"), (2, "jun"), (3, "mina")] {
        shop.set_clock(&format!("2026-11-20T03:0{minute}:00Z"));
        let items = ["tea", "cup", "pot"].map(|product| json!({ "productId": product, "quantity": minute }));
        shop.post("/orders", json!({ "userId": user, "items": items })).as_user(user).await.expect(201);
    }
    shop.set_clock("2026-11-20T03:04:00Z");
    hold(&shop, "jun", "tea", 9).await.expect(201);
    shop.set_clock("2026-11-20T03:10:00Z");
    shop.settle().await;
    shop
}

/// The columns of a row of CSV without commas in its cells.
fn columns<'t>(row: &'t str, wanted: &[usize]) -> Vec<&'t str> {
    let cells: Vec<&str> = row.split(',').collect();
    wanted.iter().map(|column| cells[*column]).collect()
}

#[tokio::test]
async fn sellers_get_their_lines_and_admins_all() {
    let shop = shop_with_orders().await;
    let of_hana = export(&shop, "ORDERS").as_seller("hana").await.expect(202);
    let shown = shop.get(&path(&of_hana)).as_seller("hana").await.expect(200);
    assert_eq!((&shown["status"], &shown["rows"], &shown["link"]), (&json!("RUNNING"), &json!(0), &Value::Null));
    let of_all = export(&shop, "ORDERS").as_admin().await.expect(202);
    shop.settle().await;

    let shown = shop.get(&path(&of_hana)).as_seller("hana").await.expect(200);
    assert_eq!((&shown["of"], &shown["rows"]), (&json!("ORDERS"), &json!(3)));
    assert_eq!(shown["createdAt"], "2026-11-20T03:10:00Z");
    let file = text(&shop, &shown).await;
    assert!(file.starts_with("\u{feff}orderId,itemId,createdAt,paidAt,userId,sellerId,productId,name,quantity,"));
    // Oldest first, without the orderer; a name is no formula.
    let cells: Vec<_> = rows(&file).iter().map(|row| columns(row, &[1, 2, 4, 5, 6])).collect();
    let expected = [1, 2, 3].map(|minute| format!("2026-11-20T03:0{minute}:00Z"));
    assert_eq!(cells, expected.each_ref().map(|at| vec!["1", at.as_str(), "", "hana", "tea"]));
    let name = "\"'=tea, \"\"1\"\"\"";
    assert!(rows(&file)[1].ends_with(&format!("{name},2,0,1000,0,2000,PREPARING")), "{file}");

    // Of all orders also those that nobody has paid, newest first.
    let shown = shop.get(&path(&of_all)).as_admin().await.expect(200);
    let file = text(&shop, &shown).await;
    assert_eq!((shown["rows"].as_u64(), rows(&file).len()), (Some(10), 10));
    assert!(rows(&file)[0].ends_with("'=tea, \"\"1\"\"\",9,0,1000,0,9000,PENDING_PAYMENT"), "{file}");
    assert_eq!(columns(rows(&file)[9], &[1, 4, 5, 6]), ["3", "mina", "", "pot"]);
    shop.audit().await;
}

#[tokio::test]
async fn rows_are_those_of_the_period() {
    let shop = shop_with_orders().await;
    let between = |of: &str, from: &str, to: &str| {
        shop.post(
            "/exports",
            json!({ "of": of, "from": format!("2026-11-20T{from}Z"), "to": format!("2026-11-20T{to}Z") }),
        )
    };
    for (of, count) in [("ORDERS", 3), ("LEDGER", 1), ("PRODUCTS", 0)] {
        let part = between(of, "03:02:00", "03:03:00").as_admin().await.expect(202);
        shop.settle().await;
        assert_eq!(shop.get(&path(&part)).as_admin().await.expect(200)["rows"], count, "{of}");
    }
    let part = between("ORDERS", "03:02:00", "03:03:00").as_seller("duri").await.expect(202);
    // What comes after an export is not in it, however late its end is.
    let later = export(&shop, "ORDERS").as_seller("duri").await.expect(202);
    shop.order("jun", "cup", 1).await.expect(201);
    shop.settle().await;
    assert_eq!(shop.get(&path(&part)).as_seller("duri").await.expect(200)["rows"], 1);
    assert_eq!(shop.get(&path(&later)).as_seller("duri").await.expect(200)["rows"], 3);
    // An export without rows is a file, too.
    let none = between("LEDGER", "01:00:00", "01:00:00").as_admin().await.expect(202);
    shop.settle().await;
    let shown = shop.get(&path(&none)).as_admin().await.expect(200);
    assert_eq!(
        text(&shop, &shown).await,
        "\u{feff}userId,sequence,entryId,at,type,amount,balanceAfter,orderId,paymentId,actor\n"
    );
}

#[tokio::test]
async fn admins_get_all_ledgers_and_products() {
    let shop = shop_with_orders().await;
    let ledger = export(&shop, "LEDGER").as_admin().await.expect(202);
    let products = export(&shop, "PRODUCTS").as_admin().await.expect(202);
    let of_hana = export(&shop, "PRODUCTS").as_seller("hana").await.expect(202);
    shop.settle().await;
    let shown = shop.get(&path(&ledger)).as_admin().await.expect(200);
    let file = text(&shop, &shown).await;
    let mut cells: Vec<_> = rows(&file).iter().map(|row| columns(row, &[0, 1, 4, 5, 6])).collect();
    cells.sort_unstable();
    assert_eq!(cells.len(), 5, "{file}");
    assert_eq!(cells[0], ["jun", "1", "CHARGE", "100000", "100000"]);
    let sums = ["mina", "jun"].map(|user| {
        let of_user = cells.iter().filter(|cells| cells[0] == user);
        of_user.map(|cells| cells[3].parse::<i64>().unwrap()).sum::<i64>()
    });
    assert_eq!(sums, [shop.balance("mina").await, shop.balance("jun").await]);
    let shown = shop.get(&path(&products)).as_admin().await.expect(200);
    let file = text(&shop, &shown).await;
    assert_eq!(
        rows(&file).iter().map(|row| columns(row, &[0, 1])).collect::<Vec<_>>(),
        [["cup", "duri"], ["pot", ""], ["tea", "hana"]]
    );
    let shown = shop.get(&path(&of_hana)).as_seller("hana").await.expect(200);
    assert!(rows(&text(&shop, &shown).await)[0].starts_with("tea,hana,\"'=tea, \"\"1\"\"\",,1000,0,85,ON_SALE,"));
}

/// The data of each line of a file, by its type.
fn lines(text: &str) -> Vec<(String, Value)> {
    let parse = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        (line["type"].as_str().expect("a type").to_owned(), line["data"].clone())
    };
    text.lines().map(parse).collect()
}

#[tokio::test]
async fn users_get_everything_about_them() {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 100).await;
    shop.coupon("welcome", 10).await;
    let address = json!({ "postcode": "04524", "line1": "서울특별시 중구 세종대로 110" });
    let mina = json!({ "userId": "mina", "name": "김민아", "email": "mina@example.com", "address": address });
    shop.post("/users", mina).await.expect(201);
    shop.customer("jun", 5_000).await;
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 50_000 })).await.expect(200);
    shop.issue("mina", "welcome").await.expect(201);
    let order = shop.order("mina", "tea", 2).await.expect(201);
    cancel(&shop, "mina", &order, json!({ "reason": "생각이 바뀌었어요" })).await.expect(200);
    shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 3 })).await.expect(200);
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김민아" });
    let cash = json!({ "userId": "mina", "amount": 1_000, "account": account });
    shop.post("/balance/withdrawals", cash).as_user("mina").await.expect(201);
    let top_up = json!({ "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 5_000 } });
    let top_up = shop.post("/payments", top_up).as_user("mina").await.expect(201);
    shop.settle().await;

    shop.set_clock("2026-11-20T03:00:01Z");
    let mine = export(&shop, "MINE").as_user("mina").await.expect(202);
    shop.settle().await;
    let shown = shop.get(&path(&mine)).as_user("mina").await.expect(200);
    let lines = lines(&text(&shop, &shown).await);
    let types: Vec<&str> = lines.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = ["PROFILE", "ADDRESS", "CART", "COUPON", "LEDGER_ENTRY", "ORDER", "PAYMENT", "WITHDRAWAL"];
    let mut distinct = types.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let mut all = expected.to_vec();
    all.sort_unstable();
    assert_eq!(distinct, all);
    assert_eq!(shown["rows"].as_u64(), u64::try_from(lines.len()).ok());
    let of = |kind: &str| &lines.iter().find(|(of, _)| of == kind).unwrap().1;
    assert_eq!((&of("PROFILE")["name"], &of("PROFILE")["email"]), (&json!("김민아"), &json!("mina@example.com")));
    assert_eq!(of("ADDRESS")["line1"], address["line1"]);
    assert_eq!((&of("ORDER")["orderId"], &of("ORDER")["status"]), (&order["orderId"], &json!("FULLY_REFUNDED")));
    assert_eq!(of("WITHDRAWAL")["account"], account);
    assert_eq!((&of("PAYMENT")["paymentId"], &of("PAYMENT")["checkout"]), (&top_up["paymentId"], &Value::Null));
    assert_eq!((&of("COUPON")["couponId"], &of("COUPON")["status"]), (&json!("welcome"), &json!("USABLE")));
    assert_eq!(of("CART")["items"][0]["quantity"], 3);
    assert!(!lines.iter().any(|(_, data)| data.to_string().contains("jun") || data.to_string().contains('\u{1}')));
    shop.audit().await;
}

#[tokio::test]
async fn an_export_is_its_owners_and_looks_of_operators_are_logged() {
    let shop = shop_with_orders().await;
    let mine = export(&shop, "MINE").as_user("mina").await.expect(202);
    let orders = export(&shop, "ORDERS").as_seller("hana").await.expect(202);
    shop.get(&path(&mine)).as_admin().await.expect(200);
    shop.settle().await;
    for (export, other) in [(&mine, "jun"), (&mine, "hana"), (&orders, "duri")] {
        shop.get(&path(export)).as_seller(other).await.refused(404, "ENTITY_NOT_FOUND");
    }
    let details = shop.get("/exports/none").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "exportId": "none" }));
    shop.get(&path(&mine)).as_user("mina").await.expect(200);
    shop.get(&path(&mine)).as_admin().await.expect(200);
    shop.get(&path(&orders)).as_seller("hana").await.expect(200);
    let log = async |user: &str| {
        let log = shop.get(&format!("/desk/audit-log?userId={user}")).as_admin().await.expect(200);
        let entry = |entry: &Value| [&entry["route"], &entry["actorId"], &entry["exportId"]].map(Clone::clone);
        let mut entries: Vec<_> = log["items"].as_array().unwrap().iter().map(entry).collect();
        entries.sort_by_key(|entry| entry[0].as_str().map(str::to_owned));
        entries
    };
    // A look at the progress alone shows no data.
    assert_eq!(log("mina").await, [[json!("GET /exports/{exportId}"), json!("admin"), mine["exportId"].clone()]]);
    let of_hana = ["GET /exports/{exportId}", "POST /exports"];
    assert_eq!(log("hana").await, of_hana.map(|route| [json!(route), json!("hana"), orders["exportId"].clone()]));
}

#[tokio::test]
async fn links_end_and_files_end() {
    let shop = shop_with_orders().await;
    let mine = export(&shop, "MINE").as_user("mina").await.expect(202);
    shop.settle().await;
    let look = || shop.get(&path(&mine)).as_user("mina");
    let shown = look().await.expect(200);
    assert_eq!(
        (&shown["linkExpiresAt"], &shown["expiresAt"]),
        (&json!("2026-11-20T03:20:00Z"), &json!("2026-11-21T03:10:00Z"))
    );
    let link = shown["link"].as_str().unwrap();
    assert!(link.contains("X-Amz-Expires=600") && link.contains("X-Amz-Signature="), "{link}");
    assert!(link.contains("response-content-disposition=attachment"), "{link}");
    shop.set_clock("2026-11-21T03:09:00Z");
    let shown = look().await.expect(200);
    assert_eq!(shown["linkExpiresAt"], "2026-11-21T03:10:00Z");
    assert!(shown["link"].as_str().unwrap().contains("X-Amz-Expires=60&"), "{shown}");
    shop.set_clock("2026-11-21T03:10:00Z");
    let shown = look().await.expect(200);
    assert_eq!((&shown["status"], &shown["link"]), (&json!("DONE"), &Value::Null));
}

#[tokio::test]
async fn no_file_of_an_erased_user_is_left() {
    let shop = TestShop::new().with_people(PeoplePolicy::DEFAULT);
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    let mine = export(&shop, "MINE").as_user("mina").await.expect(202);
    let of_jun = export(&shop, "MINE").as_user("jun").await.expect(202);
    shop.settle().await;
    let late = export(&shop, "MINE").as_user("mina").await.expect(202);
    shop.post("/users/mina/withdraw", json!({})).as_user("mina").await.expect(200);
    assert_eq!(shop.get(&path(&mine)).as_admin().await.expect(200)["link"], Value::Null);
    shop.settle().await;
    let left: Vec<String> = shop.bucket.texts().into_keys().collect();
    assert!(!left.is_empty() && left.iter().all(|key| key.starts_with("users/jun/")), "{left:?}");
    let shown = shop.get(&path(&late)).as_admin().await.expect(200);
    assert_eq!((&shown["status"], &shown["rows"], &shown["link"]), (&json!("FAILED"), &json!(0), &Value::Null));
    text(&shop, &shop.get(&path(&of_jun)).as_user("jun").await.expect(200)).await;
    shop.audit().await;
}
