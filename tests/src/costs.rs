//! The cost of each operation, next to the budget that docs/costs.md derives.
//!
//! Steady state, items under 1 KiB, one shard; counted at the wire.

use std::fmt;

use functions::{export_messages::EXPORT_DUE, queue::build_exports, schedule::rebuild_sales};
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{
    app::{Bounds, desk},
    domain::OrderId,
};

use crate::{
    Call, Cost, TestShop,
    fakes::queue::{self, Waits},
    steps::{
        cancel,
        payments::{CARD, check_out, confirm, payment_id, session_of, sweep_payments},
        tickets::{orphan_tickets, users_of},
        wait,
    },
};

/// An operation, its budget and its cost.
#[derive(Debug, Clone)]
pub struct Row {
    pub operation: &'static str,
    /// The most that it may cost.
    pub budget: Cost,
    /// Its measured cost.
    pub cost: Cost,
}

impl Row {
    /// Whether no part of the cost exceeds its budget.
    pub fn within_budget(&self) -> bool {
        let Cost { round_trips, write_units, read_units } = self.cost;
        round_trips <= self.budget.round_trips
            && write_units <= self.budget.write_units
            && read_units <= self.budget.read_units
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { operation, budget, cost } = self;
        let verdict = if self.within_budget() { "" } else { "  OVER" };
        write!(
            f,
            "{operation:<44}{:>3} /{:>3}{:>8.1} /{:>5.1}{:>8.1} /{:>5.1}{verdict}",
            cost.round_trips,
            budget.round_trips,
            cost.write_units,
            budget.write_units,
            cost.read_units,
            budget.read_units
        )
    }
}

/// The heading of the table.
pub const HEADING: &str =
    "operation                                   round trips  write units    read units  (cost / budget)";

fn cost(round_trips: u32, write_units: f64, read_units: f64) -> Cost {
    Cost { round_trips, write_units, read_units }
}

/// The measured shop, and the rows so far.
struct Bench {
    shop: TestShop,
    rows: Vec<Row>,
}

impl Bench {
    /// Measures the handling of the changes that the stream has for the desk.
    async fn rows_of_desk(&mut self, operation: &'static str, budget: Cost) {
        self.shop.meter().take();
        let messages = self.shop.outdated_rows().await;
        for message in &messages {
            desk::update(self.shop.instance(), &message.order_id, &message.change).await.expect("rows are written");
        }
        assert_eq!(messages.len(), 1, "{operation}");
        self.rows.push(Row { operation, budget, cost: self.shop.meter().take() });
    }

    /// Measures a successful call.
    async fn call(&mut self, operation: &'static str, budget: Cost, call: Call) -> Value {
        self.shop.meter().take();
        let answer = call.await;
        assert!(answer.status < 300, "{operation}: {}", answer.body);
        self.rows.push(Row { operation, budget, cost: self.shop.meter().take() });
        answer.body["data"].clone()
    }

    /// Measures a refused call.
    async fn refused(&mut self, operation: &'static str, budget: Cost, call: Call) {
        self.shop.meter().take();
        let answer = call.await;
        assert_eq!(answer.status, 409, "{operation}: {}", answer.body);
        self.rows.push(Row { operation, budget, cost: self.shop.meter().take() });
    }

    /// Measures work that no call of the API does.
    async fn run(&mut self, operation: &'static str, budget: Cost, work: impl Future<Output = ()>) {
        self.shop.meter().take();
        work.await;
        self.rows.push(Row { operation, budget, cost: self.shop.meter().take() });
    }
}

pub async fn measure() -> Vec<Row> {
    let shop = TestShop::new();
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 1_000_000).await;
    }
    for product in 0..50 {
        shop.product(&format!("p{product:02}"), 1_000, 1_000).await;
    }
    let mut bench = Bench { shop, rows: Vec::new() };
    // Boxed, since the compiler's depth is limited.
    Box::pin(balances(&mut bench)).await;
    Box::pin(users(&mut bench)).await;
    Box::pin(reads(&mut bench)).await;
    Box::pin(coupons(&mut bench)).await;
    Box::pin(carts(&mut bench)).await;
    Box::pin(orders(&mut bench)).await;
    Box::pin(holds(&mut bench)).await;
    Box::pin(payments(&mut bench)).await;
    Box::pin(cancellations(&mut bench)).await;
    Box::pin(claims(&mut bench)).await;
    Box::pin(sheets(&mut bench)).await;
    Box::pin(shards(&mut bench)).await;
    Box::pin(parcels(&mut bench)).await;
    Box::pin(exports(&mut bench)).await;
    Box::pin(drops(&mut bench)).await;
    Box::pin(bestsellers(&mut bench)).await;
    Box::pin(aggregation(&mut bench)).await;
    bench.rows
}

/// The same shop through functions that have just started.
fn cold(bench: &Bench) -> TestShop {
    bench.shop.another_instance()
}

async fn balances(bench: &mut Bench) {
    let charge = |shop: &TestShop| shop.post("/balance/charge", json!({ "userId": "mina", "amount": 1_000 }));
    let call = charge(&cold(bench));
    bench.call("charge", cost(2, 4.0, 1.0), call).await;
    let call = charge(&bench.shop);
    bench.call("charge, account remembered but changed", cost(2, 8.0, 1.0), call).await;
    let call = charge(&bench.shop);
    bench.call("charge, account remembered", cost(1, 4.0, 0.0), call).await;
    let call = charge(&bench.shop).key("keyed");
    bench.call("charge with a key, account remembered", cost(1, 6.0, 0.0), call).await;
    let call = charge(&cold(bench)).key("keyed-cold");
    bench.call("charge with a key", cost(2, 6.0, 1.0), call).await;
}

/// A user is a profile, an account and the claim of an address (2 each in a transaction), and is read back. A change
/// replaces the profile; another address is one claim more and one less.
/// Money from outside: sessions, refunds, and money that leaves.
async fn payments(bench: &mut Bench) {
    let top_up = json!({ "purpose": { "type": "TOP_UP", "userId": "sora", "amount": 10_000 } });
    let call = bench.shop.post("/payments", top_up).as_user("sora");
    let session = bench.call("payment session of a top-up", cost(2, 3.0, 1.0), call).await;
    let key = check_out(&bench.shop, &session, CARD);
    let call = confirm(&bench.shop, "sora", &session, &key);
    let paid = bench.call("confirmation of a top-up", cost(4, 13.0, 2.0), call).await;
    let call = bench.shop.post(&format!("/payments/{}/refund", payment_id(&paid)), json!({ "amount": 1_000 }));
    bench.call("refund of a top-up by an admin", cost(4, 9.0, 3.0), call.as_admin()).await;
    let shop = bench.shop.clone();
    bench.run("look of the sweep at a session with an open refund", cost(3, 3.0, 17.0), sweep_payments(&shop)).await;

    let items = json!([{ "productId": "p01", "quantity": 1 }]);
    let split = json!({ "userId": "sora", "items": items, "payment": "EXTERNAL", "balanceAmount": 1_000 });
    let order =
        bench.call("hold of an order of two tenders", cost(2, 11.0, 2.0), bench.shop.post("/orders", split)).await;
    let call = session_of(&bench.shop, "sora", &order);
    let session = bench.call("payment session of an order", cost(2, 3.0, 2.0), call).await;
    let call = session_of(&bench.shop, "sora", &order);
    bench.call("payment session of an order, again", cost(1, 0.0, 2.0), call).await;
    let key = check_out(&bench.shop, &session, CARD);
    let call = confirm(&bench.shop, "sora", &session, &key);
    bench.call("confirmation of an order", cost(4, 16.0, 3.0), call).await;
    let call = cancel(&bench.shop, "sora", &order, json!({}));
    bench.call("cancellation of an order of two tenders", cost(3, 12.0, 2.0), call).await;
    // One trip less where the order's bucket is read before others, so that the look overlaps with those reads.
    bench.run("look of the sweep at an order with an open refund", cost(4, 5.0, 19.0), sweep_payments(&shop)).await;

    let account = json!({ "bank": "088", "number": "110-123", "holder": "최소라" });
    let withdrawal = json!({ "userId": "sora", "amount": 1_000, "account": account });
    let call = cold(bench).post("/balance/withdrawals", withdrawal);
    let withdrawal = bench.call("withdrawal", cost(3, 6.0, 2.0), call).await;
    let path = format!("/balance/withdrawals/{}", withdrawal["withdrawalId"].as_str().expect("an id"));
    let call = bench.shop.patch(&path, json!({ "status": "RETURNED" })).as_admin();
    bench.call("return of a withdrawal", cost(6, 7.0, 4.0), call).await;
    let correction = json!({ "userId": "sora", "amount": -500, "reason": "정정" });
    let call = cold(bench).post("/balance/adjustments", correction).as_admin();
    bench.call("correction of a balance", cost(4, 4.0, 3.0), call).await;
}

/// A seller ships: the account of the seller and the order are read, the order is replaced. A delivery plans the
/// confirmation besides. An order at a seller's terms reads them once a second; before their products are known, in a
/// round trip of its own.
async fn parcels(bench: &mut Bench) {
    let tea = json!({ "productId": "of-seller", "name": "녹차", "price": 1_000, "stock": 1_000 });
    bench.shop.post("/products", tea).as_seller("onnuri").await.expect(201);
    let terms = json!({ "fee": 2_500, "freeFrom": 50_000, "returnFee": 2_500 });
    let call = bench.shop.call("PUT", "/sellers/onnuri/shipping").json(&terms).as_seller("onnuri");
    bench.call("terms of a seller", cost(3, 2.0, 3.0), call).await;
    let body = json!({ "userId": "jun", "items": [{ "productId": "of-seller", "quantity": 3 }] });
    let call = cold(bench).post("/orders", body.clone());
    bench.call("order of a seller's product, cold", cost(3, 9.0, 5.0), call).await;
    let order = bench.shop.post("/orders", body).await.expect(201);
    let path = format!("/orders/{}", order["orderId"].as_str().expect("an id"));
    let parcel = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "1" });
    let call = bench.shop.post(&format!("{path}/parcels"), parcel.clone()).as_seller("onnuri");
    bench.call("parcel", cost(3, 4.0, 2.0), call).await;
    let call = bench.shop.post(&format!("{path}/parcels"), parcel.clone()).as_seller("onnuri").key("parcel");
    bench.call("parcel with a key", cost(3, 6.0, 3.0), call).await;
    bench.shop.post(&format!("{path}/parcels"), parcel).as_seller("onnuri").await.expect(201);
    for number in ["1", "2"] {
        let call = bench.shop.patch(&format!("{path}/parcels/{number}"), json!({ "status": "DELIVERED" }));
        call.as_seller("onnuri").await.expect(200);
    }
    let call = bench.shop.patch(&format!("{path}/parcels/3"), json!({ "status": "DELIVERED" })).as_seller("onnuri");
    bench.call("arrival of a parcel, by which a line is delivered", cost(3, 7.0, 3.0), call).await;
}

/// An export is a record and the list of its user's running ones, each 2 units in a transaction, with a check of the
/// account. A step reads the record and writes it once. Its pages cost as much as the lists that they are of.
async fn exports(bench: &mut Bench) {
    let mine = json!({ "of": "MINE", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    let call = bench.shop.post("/exports", mine).as_user("jun");
    let export = bench.call("export of one's own data", cost(2, 6.0, 1.0), call).await;
    let of_seller = json!({ "of": "PRODUCTS", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    let call = bench.shop.post("/exports", of_seller).as_seller("onnuri");
    let products = bench.call("export of a seller's products", cost(4, 7.0, 2.0), call).await;
    let shop = bench.shop.clone();
    let step = async |version: u64| {
        let message = json!({ "exportId": products["exportId"], "version": version, "changedAt": 0 });
        let messages = queue::batch("jangteo.orders", &[(EXPORT_DUE, message)]);
        let queue = Waits::default().queue();
        let done = build_exports::handle(shop.instance(), &queue, messages).await.expect("an answer");
        assert!(done.batch_item_failures.is_empty(), "a step is taken");
    };
    bench.run("part of an export, a product", cost(4, 2.0, 4.0), step(1)).await;
    bench.run("file of an export", cost(3, 4.0, 2.0), step(2)).await;
    bench.shop.settle().await;
    let path = format!("/exports/{}", export["exportId"].as_str().expect("an id"));
    let call = bench.shop.get(&path).as_user("jun");
    bench.call("link to a file with one's own data", cost(2, 0.0, 2.0), call).await;
}

/// An entry is a number and a place. A look within the second is free; the first after it reads the drop, and takes the
/// step that is due: a unit for each counter and shard, and the state of the line. A ticket is an action of the order's
/// transaction.
async fn drops(bench: &mut Bench) {
    let drop = json!({ "productId": "p49", "opensAt": bench.shop.now(), "enabled": true });
    let call = bench.shop.call("PUT", "/drops/friday").json(&drop).as_admin();
    bench.call("drop before a product, new", cost(4, 22.0, 3.0), call).await;
    let enter = |shop: &TestShop, user: &str| shop.post("/drops/friday/entries", json!({})).as_user(user);
    bench.call("entry into a drop's line", cost(3, 2.0, 1.0), enter(&bench.shop, "jun")).await;
    let entry = enter(&bench.shop, "sora").await.expect(201);
    let ticket = entry["ticket"].as_str().expect("a ticket").to_owned();
    let path = format!("/drops/friday/entries?ticket={ticket}");
    wait(&bench.shop, 1_000);
    let call = cold(bench).get(&path).as_user("sora");
    bench.call("look at a drop's line, with a step", cost(4, 1.0, 11.0), call).await;
    let call = cold(bench).get(&path).as_user("sora");
    bench.call("look at a drop's line, after another's step", cost(1, 0.0, 1.0), call).await;
    let call = cold(bench).get("/drops/friday").as_user("sora");
    bench.call("drop, after another's step", cost(1, 0.0, 1.0), call).await;
    wait(&bench.shop, 1_000);
    bench.shop.get(&path).as_user("sora").await.expect(200);
    let call = bench.shop.get(&path).as_user("sora");
    bench.call("look at a drop's line, within the second", cost(0, 0.0, 0.0), call).await;
    bench.shop.order("sora", "p00", 1).await.expect(201);
    let call = bench.shop.order("sora", "p49", 1).header("x-drop-ticket", &ticket);
    bench.call("order, 1 line, with a drop's ticket", cost(2, 11.0, 2.0), call).await;
}

async fn users(bench: &mut Bench) {
    let joins = |id: &str| json!({ "userId": id, "name": "김민수", "email": format!("{id}@example.com") });
    let call = bench.shop.post("/users", joins("yuna"));
    bench.call("user joins", cost(2, 8.0, 3.0), call).await;
    let call = bench.shop.post("/users", joins("bora")).key("joins");
    bench.call("user joins, with a key", cost(2, 10.0, 3.0), call).await;
    let call = bench.shop.patch("/users/yuna", json!({ "name": "최유나" })).as_admin();
    bench.call("change of a user by an admin", cost(4, 3.0, 4.0), call).await;
    let call = bench.shop.patch("/users/yuna", json!({ "email": "new@example.com" })).as_admin();
    bench.call("change of a user's e-mail address by an admin", cost(4, 7.0, 4.0), call).await;
    let call = bench.shop.patch("/users/yuna", json!({ "status": "WITHDRAWN" })).as_admin();
    bench.call("withdrawal of a user", cost(12, 16.0, 11.0), call).await;
    let business = json!({
        "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567", "address": "서울시 종로구",
        "category": "차",
    });
    let dabang = json!({ "userId": "dabang", "name": "이다방", "email": "dabang@example.com", "seller": business });
    bench.shop.post("/users", dabang).as_admin().await.expect(201);
    let product = json!({ "name": "찻잔", "price": 1_000, "stock": 1, "sellerId": "dabang" });
    let call = bench.shop.post("/products", product).as_admin();
    bench.call("product of a seller, created by an admin", cost(3, 9.0, 3.0), call).await;
    let call = bench.shop.patch("/users/dabang", json!({ "status": "SUSPENDED" })).as_admin();
    bench.call("suspension of a seller with a product", cost(9, 19.0, 8.0), call).await;
}

async fn reads(bench: &mut Bench) {
    let call = bench.shop.get("/balance/mina");
    bench.call("balance", cost(1, 0.0, 1.0), call).await;
    let call = bench.shop.get("/balance/mina/entries");
    bench.call("ledger, a page of 20", cost(1, 0.0, 2.0), call).await;
    let call = bench.shop.get("/users/mina").as_user("mina");
    bench.call("user", cost(1, 0.0, 3.0), call).await;
    let call = bench.shop.get("/products/p01");
    bench.call("product, with exact stock", cost(1, 0.0, 2.0), call).await;
    let call = bench.shop.get("/products?limit=20");
    bench.call("product list, page of 20, exact stock", cost(2, 0.0, 21.0), call).await;
    let caching = bench.shop.another_instance_within(Bounds::PRODUCTION);
    for (first, again, path) in [
        ("product, recent stock", "product, recent stock, within the second", "/products/p01?stock=recent"),
        ("product list, recent stock", "product list, recent stock, within the second", "/products?stock=recent"),
    ] {
        let units = if path.starts_with("/products?") { cost(2, 0.0, 21.0) } else { cost(1, 0.0, 2.0) };
        bench.call(first, units, caching.get(path)).await;
        bench.call(again, cost(0, 0.0, 0.0), caching.get(path)).await;
    }
    desk(bench).await;
}

/// A row is the product and its stock, a unit each. All products are three lists of an index, half a unit each; one
/// status is one of them. A seller's list is read strongly.
async fn desk(bench: &mut Bench) {
    let call = bench.shop.get("/desk/products/p01").as_admin();
    bench.call("product at the desk", cost(1, 0.0, 2.0), call).await;
    let call = bench.shop.get("/desk/products?limit=20").as_admin();
    bench.call("desk, products, page of 20", cost(2, 0.0, 41.5), call).await;
    let call = bench.shop.get("/desk/products?limit=20&status=ON_SALE").as_admin();
    bench.call("desk, products of a status, page of 20", cost(2, 0.0, 40.5), call).await;
    for product in 0..20 {
        let product = json!({ "productId": format!("own{product:02}"), "name": "찻잔", "price": 1_000, "stock": 1 });
        bench.shop.post("/products", product).as_seller("hana").await.expect(201);
    }
    let call = bench.shop.get("/desk/products?limit=20&status=ON_SALE").as_seller("hana");
    bench.call("desk, products of a seller, page of 20", cost(2, 0.0, 41.0), call).await;
    for campaign in 0..20 {
        bench.shop.coupon(&format!("c{campaign:02}"), 100).await;
    }
    let call = bench.shop.get("/desk/campaigns?limit=20").as_admin();
    bench.call("desk, campaigns, page of 20", cost(3, 0.0, 40.5), call).await;
    desk_lines(bench).await;
}

/// A page is four parts of a list, half a unit each, and an order for each row. The heartbeat is cached. All lines in any
/// state, and a seller's, are read from the rows themselves, which have twice the size of an entry of an index.
async fn desk_lines(bench: &mut Bench) {
    bench.shop.settle().await;
    let product = json!({ "productId": "desk", "name": "찻상", "price": 1_000, "stock": 100 });
    bench.shop.post("/products", product).as_seller("hana").await.expect(201);
    let mut order = String::new();
    for number in 0..22 {
        let placed = bench.shop.order("mina", "desk", 1).key(&format!("desk-{number}")).await.expect(201);
        order = placed["orderId"].as_str().expect("an id").to_owned();
        if number == 20 {
            bench.shop.settle().await;
            desk_pages(bench).await;
        }
    }
    bench.rows_of_desk("desk, rows of a new order of one line", cost(2, 5.0, 1.0)).await;
    let path = format!("/orders/{order}/items/1");
    bench.shop.patch(&path, json!({ "status": "SHIPPED" })).as_admin().await.expect(200);
    bench.rows_of_desk("desk, row of a line that moves", cost(2, 5.0, 1.0)).await;
}

async fn desk_pages(bench: &mut Bench) {
    let at = bench.shop.now();
    desk::note_heartbeat(bench.shop.instance(), at).await.expect("a heartbeat is noted");
    bench.shop.get("/desk/lines").as_admin().await.expect(200);
    let call = bench.shop.get("/desk/lines?limit=20&status=PREPARING&shipTo=true").as_admin();
    bench.call("desk, lines with recipients, page of 20", cost(4, 20.0, 24.0), call).await;
    for (operation, path, units) in [
        ("desk, lines in a state, page of 20", "/desk/lines?limit=20&status=PREPARING", 22.0),
        (
            "desk, lines in a state from an instant on",
            "/desk/lines?limit=20&status=PREPARING&from=2026-01-01T00:00:00Z",
            22.0,
        ),
        ("desk, lines of a seller in a state", "/desk/lines?limit=20&status=PREPARING&sellerId=hana", 22.0),
        ("desk, lines of a seller", "/desk/lines?limit=20&sellerId=hana", 24.0),
        ("desk, lines", "/desk/lines?limit=20", 24.0),
        ("orders of all users in a state, page of 20", "/orders?limit=20&status=PAID", 22.0),
        ("orders of all users, page of 20", "/orders?limit=20", 24.0),
    ] {
        let call = bench.shop.get(path).as_admin();
        bench.call(operation, cost(2, 0.0, units), call).await;
    }
}

async fn coupons(bench: &mut Bench) {
    bench.shop.coupon("welcome", 100).await;
    let issue =
        |shop: &TestShop, user: &str| shop.post("/coupons/issue", json!({ "userId": user, "couponId": "welcome" }));
    // The campaign is cached from the first issue on.
    issue(&bench.shop, "jun").await.expect(201);
    let call = issue(&bench.shop, "mina");
    bench.call("coupon issue", cost(3, 5.0, 1.0), call).await;
    let call = issue(&bench.shop, "sora").key("keyed");
    bench.call("coupon issue with a key", cost(3, 7.0, 1.0), call).await;
    let revoke = json!({ "userId": "jun", "couponId": "welcome" });
    let call = bench.shop.post("/coupons/revoke", revoke).as_admin().key("revoked");
    bench.call("coupon revocation with a key", cost(3, 4.0, 2.0), call).await;
    let call = bench.shop.get("/coupons?userId=mina");
    bench.call("coupons of a user", cost(1, 0.0, 1.0), call).await;
    changed_campaigns(bench).await;
    sharded_coupons(bench).await;
}

/// A change is the campaign and its row, 2 each in a transaction, and a plain update for each counter. A pause reads the
/// claim records of the tickets that the sweep has not accounted for, and records that they are. The answer is read like
/// that of a campaign. The public list is one read of rows.
async fn changed_campaigns(bench: &mut Bench) {
    let change = |shop: &TestShop, body: Value| shop.patch("/coupons/welcome", body).as_admin();
    let call = change(&bench.shop, json!({ "description": "첫 주문에" }));
    bench.call("change of a campaign", cost(8, 5.0, 6.0), call).await;
    let call = change(&bench.shop, json!({ "addQuantity": 1 })).key("added");
    bench.call("addition of coupons, with a key", cost(8, 7.0, 6.0), call).await;
    let call = change(&bench.shop, json!({ "status": "PAUSED" }));
    bench.call("pause of a campaign, three coupons issued", cost(10, 6.0, 7.5), call).await;
    change(&bench.shop, json!({ "status": "ACTIVE" })).await.expect(200);
    let call = bench.shop.get("/coupons/campaigns?open=true");
    bench.call("open campaigns, page of 20", cost(1, 0.0, 2.0), call).await;
}

/// A ticket costs the same from any counter. The first request that finds its own counter empty looks at all of them,
/// once for all later ones. The look that finds no coupon left is cached for a second. Later looks go into one request
/// with the read of the user.
async fn sharded_coupons(bench: &mut Bench) {
    let terms = json!({ "kind": "FIXED", "value": 1_000, "counterShards": 16 });
    bench.shop.campaign("sharded", 32, terms).await;
    let users: Vec<String> = users_of(0, 16).take(38).collect();
    for user in &users {
        bench.shop.customer(user, 0).await;
    }
    let issue =
        |shop: &TestShop, user: &String| shop.post("/coupons/issue", json!({ "userId": user, "couponId": "sharded" }));
    let mut users = users.iter();
    let mut next = || users.next().expect("there are users enough");
    issue(&bench.shop, next()).await.expect(201);
    let call = issue(&bench.shop, next());
    bench.call("coupon issue, 16 counters", cost(3, 5.0, 1.0), call).await;
    let call = issue(&bench.shop, next());
    bench.call("coupon issue, own counter found empty", cost(5, 6.0, 1.0 + 17.0), call).await;
    let call = issue(&bench.shop, next());
    bench.call("coupon issue, own counter known empty", cost(3, 5.0, 1.0), call).await;
    for _ in 0..28 {
        issue(&bench.shop, next()).await.expect(201);
    }
    let (first, second) = (next(), next());
    let call = issue(&bench.shop, first);
    bench.refused("sold out, found out and noted in the list", cost(3, 1.0, 1.0 + 17.0), call).await;
    let call = issue(&bench.shop, second);
    bench.refused("sold out, known", cost(1, 0.0, 1.0), call).await;
    let call = issue(&bench.shop, second);
    bench.refused("sold out, known, the same user", cost(0, 0.0, 0.0), call).await;
    let now = bench.shop.now();
    bench.shop.set_clock(&now.checked_add(SignedDuration::from_secs(1)).expect("an instant").to_string());
    let call = issue(&bench.shop, second);
    bench.refused("sold out, known a second ago, 16 counters", cost(1, 0.0, 1.0 + 8.0), call).await;
    bench.shop.set_clock(&now.to_string());
    growing_coupons(bench).await;
}

/// A request that finds its counter empty, while the other one of two is full, adds a counter: two reads and a commit of
/// three items, and the new version for the counters.
async fn growing_coupons(bench: &mut Bench) {
    bench.shop.campaign("growing", 1_100, json!({ "kind": "FIXED", "value": 1_000 })).await;
    orphan_tickets(&bench.shop, "growing", 0, 550).await;
    let user = users_of(0, 2).next().expect("a user of the first counter");
    bench.shop.customer(&user, 0).await;
    let call = bench.shop.post("/coupons/issue", json!({ "userId": user, "couponId": "growing" }));
    bench.call("coupon issue that adds a counter to two", cost(10, 12.0, 10.0), call).await;
}

async fn carts(bench: &mut Bench) {
    let add = |shop: &TestShop, product: usize| {
        shop.post("/orders/cart", json!({ "userId": "jun", "productId": format!("p{product:02}"), "quantity": 1 }))
    };
    for product in 0..5 {
        add(&bench.shop, product).await.expect(200);
    }
    let call = add(&bench.shop, 0);
    bench.call("cart add, 5 products in it", cost(2, 1.0, 1.0 + 5.0), call).await;
    let call = add(&bench.shop, 0).key("keyed");
    bench.call("cart add, with a key", cost(3, 4.0, 1.0 + 5.0), call).await;
    let call = bench.shop.get("/orders/cart?userId=jun");
    bench.call("cart of 5 products", cost(2, 0.0, 1.0 + 5.0), call).await;
    let call = cold(bench).get("/orders/cart?userId=jun");
    bench.call("cart of 5 products, none remembered", cost(3, 0.0, 1.0 + 5.0 * 1.5), call).await;
    let call = bench.shop.call("DELETE", "/orders/cart/p04?userId=jun");
    bench.call("cart removal", cost(1, 1.0, 0.0), call).await;
}

fn items(lines: usize) -> Value {
    (0..lines).map(|product| json!({ "productId": format!("p{product:02}"), "quantity": 1 })).collect()
}

async fn orders(bench: &mut Bench) {
    for (lines, names) in [
        (1, ["order, 1 line", "order, 1 line, all remembered", "order, 1 line, with a coupon"]),
        (3, ["order, 3 lines", "order, 3 lines, all remembered", "order, 3 lines, with a coupon"]),
    ] {
        let per_line = f64::from(lines);
        let lines = usize::try_from(lines).unwrap();
        let order = |shop: &TestShop, user: &str, coupon: Option<&str>| {
            let body = json!({ "userId": user, "items": items(lines), "couponId": coupon });
            shop.post("/orders", body).key(&format!("{user}-{lines}-{coupon:?}"))
        };
        let call = order(&cold(bench), "sora", None);
        bench.call(names[0], cost(2, 7.0 + 2.0 * per_line, 3.0 + per_line), call).await;
        order(&bench.shop, "jun", None).await.expect(201);
        let warm = json!({ "userId": "jun", "items": items(lines) });
        let call = bench.shop.post("/orders", warm);
        let order_row = bench.call(names[1], cost(1, 7.0 + 2.0 * per_line, 0.0), call).await;

        let coupon = format!("coupon-{lines}");
        bench.shop.coupon(&coupon, 10).await;
        bench.shop.issue("mina", &coupon).await.expect(201);
        let call = order(&cold(bench), "mina", Some(&coupon));
        bench.call(names[2], cost(2, 9.0 + 2.0 * per_line, 4.0 + per_line), call).await;

        if lines == 1 {
            let path = format!("/orders/{}", order_row["orderId"].as_str().unwrap());
            let call = bench.shop.get(&path).as_admin();
            bench.call("order by id", cost(1, 0.0, 1.0), call).await;
        }
    }
    limited(bench).await;
    offered(bench).await;
    budgeted(bench).await;
    let call = bench.shop.get("/orders?userId=mina&limit=1");
    bench.call("orders of a user, newest one", cost(2, 0.0, 1.5), call).await;
}

/// A budget adds one of its shards to the order (2), and to the cancellation (2). An order that its shard refuses reads
/// all shards; so does a refusal, with everything that comes before the coupon.
async fn budgeted(bench: &mut Bench) {
    for (campaign, budget) in [("budget", 10_000), ("edge", 100)] {
        let terms = json!({ "kind": "FIXED", "value": 100, "maxTotalDiscount": budget, "counterShards": 2 });
        bench.shop.campaign(campaign, 10, terms).await;
        for user in ["jun", "mina"] {
            bench.shop.issue(user, campaign).await.expect(201);
        }
    }
    let order = |shop: &TestShop, user: &str, coupon: &str| {
        shop.post("/orders", json!({ "userId": user, "items": items(1), "couponId": coupon }))
    };
    let call = order(&bench.shop, "jun", "budget");
    let first = bench.call("order, 1 line, with a coupon of a budget", cost(2, 9.0 + 2.0 + 2.0, 1.0), call).await;
    let call = bench.shop.post(&format!("{}/cancel", order_path(&first)), json!({})).as_user("jun");
    bench.call("cancel such an order, all remembered", cost(2, 8.0 + 2.0 + 2.0, 1.0), call).await;
    // The discount is in both shards: the first transaction asks one of them for all of it.
    let call = order(&bench.shop, "jun", "edge");
    let both = "order whose discount is in 2 shards of a budget";
    bench.call(both, cost(4, 9.0 + 2.0 + 2.0 * 2.0, 1.0 + 2.0), call).await;
    let call = order(&bench.shop, "mina", "edge");
    bench.refused("order above a budget of 2 shards, refused", cost(4, 0.0, 1.0 + 2.0 + 3.0), call).await;
}

/// A purchase limit adds the counter of the user to the order (2), and to the cancellation (2). A refusal reads nothing:
/// the failed condition has the counter.
async fn limited(bench: &mut Bench) {
    let mug = json!({
        "productId": "mug", "name": "머그", "price": 1_000, "stock": 10, "limit": { "perUser": 2, "within": "DAY" },
    });
    bench.shop.post("/products", mug).as_admin().await.expect(201);
    let call = cold(bench).order("jun", "mug", 1);
    bench.call("order of a limited product, 1 line", cost(2, 9.0 + 2.0, 4.0), call).await;
    let first = bench.shop.order("jun", "mug", 1).await.expect(201);
    let call = bench.shop.order("jun", "mug", 1);
    bench.refused("order above a purchase limit, refused", cost(1, 9.0 + 2.0, 0.0), call).await;
    let call = bench.shop.post(&format!("{}/cancel", order_path(&first)), json!({})).as_user("jun");
    bench.call("cancel a limited one-line order, all remembered", cost(2, 8.0 + 2.0, 1.0), call).await;
}

/// A timed offer with a quota adds a part of it to the order (2), and to the cancellation (2). The order reads nothing of it
/// while it suffices.
async fn offered(bench: &mut Bench) {
    let offer =
        json!({ "discount": 500, "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "quantity": 2 });
    let pen = json!({ "productId": "pen", "name": "펜", "price": 1_000, "stock": 10, "offers": [offer] });
    bench.shop.post("/products", pen).as_admin().await.expect(201);
    let call = cold(bench).order("jun", "pen", 1);
    bench.call("order at a timed offer with a quota, 1 line", cost(2, 9.0 + 2.0, 4.0), call).await;
    let call = bench.shop.get("/products/pen/yours").as_user("jun");
    bench.call("what a user may still order, at a timed offer", cost(2, 0.0, 3.0), call).await;
    let last = bench.shop.order("jun", "pen", 1).await.expect(201);
    let call = bench.shop.order("jun", "pen", 1);
    bench.call("order beyond a quota, at the regular price", cost(3, (9.0 + 2.0) + 9.0, 1.0), call).await;
    let call = bench.shop.order("jun", "pen", 1);
    bench.call("the same within a second", cost(2, 9.0, 1.0), call).await;
    let call = bench.shop.post(&format!("{}/cancel", order_path(&last)), json!({})).as_user("jun");
    bench.call("cancel a one-line order at a timed offer", cost(2, 8.0 + 2.0, 1.0), call).await;
}

/// Holds units of the first products, to be paid later.
fn hold(shop: &TestShop, user: &str, lines: usize) -> Call {
    shop.post("/orders", json!({ "userId": user, "items": items(lines), "payment": "LATER" }))
}

fn order_path(order: &Value) -> String {
    format!("/orders/{}", order["orderId"].as_str().unwrap())
}

/// A hold puts the order with its entries in the user's orders and the expiry index (4). It counts the order on the
/// account (2) and takes the units (2 a line).
///
/// Paying it replaces the order and removes it from the expiry index (3), moves the balance and appends to the ledger
/// (4). The key's record is one more item (2).
///
/// The end of a hold replaces the order as paying does, restores the units, and counts the order no longer on the
/// account (2). An instance without the products in its cache reads in between over how many shards they are spread.
async fn holds(bench: &mut Bench) {
    let pay = |shop: &TestShop, order: &Value| {
        let user = order["userId"].as_str().unwrap();
        shop.call("POST", &format!("{}/payment", order_path(order))).as_user(user)
    };
    for (lines, names) in [
        (1, ["hold, 1 line", "hold, 1 line, all remembered", "pay a held order of 1 line", "end of a hold of 1 line"]),
        (
            3,
            [
                "hold, 3 lines",
                "hold, 3 lines, all remembered",
                "pay a held order of 3 lines",
                "end of a hold of 3 lines",
            ],
        ),
    ] {
        let per_line = f64::from(lines);
        let lines = usize::try_from(lines).unwrap();
        let call = hold(&cold(bench), "sora", lines);
        let held = bench.call(names[0], cost(2, 6.0 + 2.0 * per_line, 3.0 + per_line), call).await;
        let call = pay(&cold(bench), &held);
        bench.call(names[2], cost(2, 7.0, 2.0), call).await;

        hold(&bench.shop, "sora", lines).await.expect(201);
        let call = hold(&bench.shop, "sora", lines);
        let held = bench.call(names[1], cost(2, 6.0 + 2.0 * per_line, 1.0), call).await;
        if lines == 1 {
            let call = pay(&cold(bench), &held).key("pay");
            bench.call("pay a held order, with a key", cost(2, 7.0 + 2.0, 2.0), call).await;
        }
        let left = hold(&bench.shop, "sora", lines).await.expect(201);
        let (now, end) = (bench.shop.now(), left["holdExpiresAt"].as_str().unwrap());
        bench.shop.set_clock(end);
        let (ending, id) = (cold(bench), left["orderId"].as_str().unwrap().to_owned());
        let id = OrderId::try_from(id).expect("an id");
        bench
            .run(names[3], cost(3, 5.0 + 2.0 * per_line, 1.0 + per_line), async {
                shared::app::orders::end_hold(ending.instance(), &id).await.expect("a hold ends");
            })
            .await;
        bench.shop.set_clock(&now.to_string());
    }
}

/// A cancellation replaces the order (2), refunds as paying pays (4), and restores the units (2 a line).
async fn cancellations(bench: &mut Bench) {
    let cancel =
        |shop: &TestShop, order: &Value| shop.post(&format!("{}/cancel", order_path(order)), json!({})).as_user("sora");
    let order = bench.shop.order("sora", "p00", 1).await.expect(201);
    let call = cancel(&cold(bench), &order);
    bench.call("cancel a one-line order", cost(3, 6.0 + 2.0, 2.0 + 1.0), call).await;
    let order = bench.shop.order("sora", "p00", 1).await.expect(201);
    let call = cancel(&bench.shop, &order);
    bench.call("cancel a one-line order, all remembered", cost(2, 6.0 + 2.0, 1.0), call).await;
    let order = bench.shop.order("sora", "p00", 1).await.expect(201);
    let call = cancel(&bench.shop, &order).key("cancel");
    bench.call("cancel a one-line order, with a key", cost(2, 8.0 + 2.0, 1.0), call).await;
    let order = bench.shop.order("sora", "p00", 1).await.expect(201);
    let call = bench.shop.patch(&format!("{}/items/1", order_path(&order)), json!({ "status": "SHIPPED" })).as_admin();
    bench.call("move a line", cost(3, 2.0, 2.0), call).await;
    let call = bench.shop.get(&format!("{}/items/1", order_path(&order))).as_admin();
    bench.call("a line of an order", cost(1, 0.0, 1.0), call).await;
    let call = bench.shop.get(&format!("{}/payments", order_path(&order))).as_admin();
    bench.call("payments of an order, from the balance", cost(2, 0.0, 2.0), call).await;
}

/// A claim replaces the order (2), with the key's record (2). A receipt refunds as a cancellation does (6), and restores
/// the units (2 a line). The caller is looked up before the order.
async fn claims(bench: &mut Bench) {
    let order = bench.shop.order("sora", "p00", 3).await.expect(201);
    let parcels = format!("{}/parcels", order_path(&order));
    let units = json!([{ "itemId": "1", "quantity": 3 }]);
    let body = json!({ "items": units, "carrier": "CJ", "trackingNumber": "1" });
    bench.shop.post(&parcels, body).as_admin().await.expect(201);
    bench.shop.patch(&format!("{parcels}/1"), json!({ "status": "DELIVERED" })).as_admin().await.expect(200);
    for (kind, names) in [
        ("RETURN", ["claim", "claim accepted", "claim received"]),
        ("EXCHANGE", ["exchange", "exchange accepted", "exchange received"]),
    ] {
        let body = json!({ "type": kind, "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
        let call = bench.shop.post(&format!("{}/claims", order_path(&order)), body).as_user("sora").key(names[0]);
        let claim = bench.call(names[0], cost(3, 6.0, 3.0), call).await;
        let path = format!("/claims/{}", claim["claimId"].as_str().unwrap());
        let call = bench.shop.post(&format!("{path}/decide"), json!({ "accept": true })).as_admin().key("decide");
        let held = if kind == "EXCHANGE" { 2.0 } else { 0.0 };
        bench.call(names[1], cost(3, 6.0 + held, 2.0), call).await;
        let receipt = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
        let call = bench.shop.post(&format!("{path}/receive"), receipt).as_admin().key("receive");
        bench.call(names[2], cost(3, 12.0, 2.0), call).await;
    }
    let call = bench.shop.get(&order_path(&order)).as_user("sora");
    bench.call("order with claims", cost(2, 0.0, 4.0), call).await;
    bench.shop.settle().await;
    let body = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
    bench.shop.post(&format!("{}/claims", order_path(&order)), body).as_user("sora").await.expect(201);
    bench.rows_of_desk("desk, row of a new claim", cost(2, 3.0, 2.0)).await;
    let call = bench.shop.get("/desk/claims?limit=20&status=COMPLETED").as_admin();
    bench.call("desk, claims in a state", cost(2, 0.0, 3.0), call).await;
}

/// A sheet reads only from the table, and is put with its entry in the expiry index (3). Its order removes that entry
/// (3), beside the cost of any order. The sheet has to be read before anything else can be.
async fn sheets(bench: &mut Bench) {
    let create_sheet = |shop: &TestShop| shop.post("/order-sheets", json!({ "userId": "sora", "items": items(1) }));
    let order = |shop: &TestShop, sheet: &Value| {
        shop.post("/orders", json!({ "userId": "sora", "orderSheetId": sheet["orderSheetId"] }))
    };
    for (lines, operation, units) in [(5, "order sheet, 5 lines", 4.0), (50, "order sheet, 50 lines", 22.0)] {
        let body = json!({ "userId": "sora", "items": items(lines) });
        let lines = f64::from(u32::try_from(lines).unwrap());
        let call = cold(bench).post("/order-sheets", body);
        bench.call(operation, cost(3, units, 1.0 + 2.0 * lines), call).await;
    }
    let call = cold(bench).post("/order-sheets", json!({ "userId": "sora", "items": items(1) })).key("sheet");
    bench.call("order sheet with a key, 1 line", cost(3, 6.0, 3.0), call).await;
    let call = create_sheet(&cold(bench));
    let sheet = bench.call("order sheet, 1 line", cost(3, 3.0, 3.0), call).await;
    let call = bench.shop.get(&format!("/order-sheets/{}", sheet["orderSheetId"].as_str().unwrap())).as_user("sora");
    bench.call("order sheet by id", cost(1, 0.0, 1.0), call).await;
    let call = order(&cold(bench), &sheet);
    bench.call("order of a sheet, 1 line", cost(3, 7.0 + 2.0 + 3.0, 5.0), call).await;
    let sheet = create_sheet(&bench.shop).await.expect(201);
    order(&bench.shop, &sheet).await.expect(201);
    let sheet = create_sheet(&bench.shop).await.expect(201);
    let call = order(&bench.shop, &sheet);
    bench.call("order of a sheet, 1 line, all remembered", cost(2, 7.0 + 2.0 + 3.0, 1.0), call).await;
}

/// A product of 16 shards sells at the cost of one with one shard. A sold-out product costs one look a second, or
/// nothing.
async fn shards(bench: &mut Bench) {
    let tea = json!({ "productId": "wide", "name": "wide", "price": 1_000, "stock": 1_600, "stockShards": 16 });
    bench.shop.post("/products", tea).as_admin().await.expect(201);
    let call = cold(bench).order("sora", "wide", 1);
    bench.call("order, 1 line of 16 shards", cost(2, 9.0, 4.0), call).await;

    let flash = json!({ "productId": "flash", "name": "flash", "price": 1_000, "stock": 1_600, "stockShards": 16, "flash": true });
    bench.shop.post("/products", flash).as_admin().await.expect(201);
    let call = cold(bench).order("sora", "flash", 1);
    bench.call("order, 1 line in flash mode, 16 shards", cost(3, 10.0, 4.0), call).await;
    bench.shop.order("sora", "flash", 1).await.expect(201);
    let call = bench.shop.order("sora", "flash", 1);
    bench.call("order, 1 line in flash mode, all remembered", cost(2, 10.0, 0.0), call).await;

    for number in 0..50 {
        let product = json!({ "productId": format!("f{number:02}"), "name": "flash", "price": 1_000, "stock": 10, "flash": true });
        bench.shop.post("/products", product).as_admin().await.expect(201);
    }
    for (lines, operation) in [(5, "order, 5 lines in flash mode"), (50, "order, 50 lines in flash mode")] {
        let items: Value =
            (0..lines).map(|line| json!({ "productId": format!("f{line:02}"), "quantity": 1 })).collect();
        let lines = f64::from(lines);
        let call = cold(bench).post("/orders", json!({ "userId": "sora", "items": items }));
        // An order of many lines weighs more than 1 KiB.
        let weight = if lines > 5.0 { 30.0 } else { 4.0 };
        bench.call(operation, cost(3, 7.0 + weight + 3.0 * lines, 3.0 + lines), call).await;
    }
    let call = cold(bench).order("sora", "flash", 1).key("flash");
    bench.call("order, 1 line in flash mode, with a key", cost(4, 10.0, 5.0), call).await;
    let call = cold(bench).order("sora", "flash", 1).key("flash");
    bench.call("the same again", cost(2, 0.0, 5.0), call).await;
    bench.shop.customer("poor", 0).await;
    bench.shop.order("poor", "p00", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    let call = bench.shop.order("poor", "p00", 1);
    let refused_for_money = |call: Call| async { drop(call.await.refused(402, "BALANCE_NOT_ENOUGH")) };
    bench.run("order beyond the balance, 1 line", cost(2, 7.0, 3.0), refused_for_money(call)).await;

    let narrow = json!({ "productId": "narrow", "name": "narrow", "price": 1_000, "stock": 0 });
    bench.shop.post("/products", narrow).as_admin().await.expect(201);
    bench.shop.order("sora", "narrow", 1).await.refused(409, "STOCK_NOT_ENOUGH");
    let call = bench.shop.order("sora", "narrow", 1);
    let refused = |call: Call| async { drop(call.await.refused(409, "STOCK_NOT_ENOUGH")) };
    bench.run("order of what is known to be sold out", cost(0, 0.0, 0.0), refused(call)).await;
    bench.shop.set_clock("2026-11-20T03:00:02Z");
    let call = bench.shop.order("sora", "narrow", 1);
    bench.run("order of what was sold out a second ago", cost(1, 0.0, 0.5), refused(call)).await;
}

/// The tops of eight lists, half a unit each, and the descriptions and stock of five products, half a unit each.
async fn bestsellers(bench: &mut Bench) {
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    for product in 0..20 {
        shop.product(&format!("p{product:02}"), 100, 1_000).await;
        shop.order("mina", &format!("p{product:02}"), 1).await.expect(201);
    }
    shop.settle().await;
    bench.shop = shop;
    let caching = bench.shop.another_instance_within(Bounds::PRODUCTION);
    let best = bench.call("bestsellers", cost(2, 0.0, 10.0), caching.get("/products/top")).await;
    assert_eq!(best["items"].as_array().map(Vec::len), Some(5), "there are five to read");
    bench.call("bestsellers, read within the second", cost(0, 0.0, 0.0), caching.get("/products/top")).await;

    let refreshing = cold(bench);
    let refresh = async || {
        rebuild_sales::refresh(refreshing.instance()).await.expect("ranks can be refreshed");
    };
    refresh().await;
    bench.run("refresh of the ranks, nothing to do", cost(1, 0.0, 1.0), refresh()).await;

    // An order of a quiet shop: a batch of its own, of a product that has sold before.
    bench.shop.order("mina", "p03", 1).await.expect(201);
    let counting = bench.shop.clone();
    bench
        .run("counting an order, batches of one", cost(2, 6.0, 1.0), async move { counting.count_sales().await })
        .await;
}

/// A full batch of one-line orders, for the cost of each of them.
async fn aggregation(bench: &mut Bench) {
    const ORDERS: u32 = 100;
    let shop = TestShop::new();
    shop.customer("mina", 10_000_000).await;
    for product in 0..20 {
        shop.product(&format!("p{product:02}"), 100, 1_000).await;
    }
    shop.settle().await;
    for order in 0..ORDERS {
        shop.order("mina", &format!("p{:02}", order % 20), 1).await.expect(201);
    }
    shop.meter().take();
    shop.count_sales().await;
    let total = shop.meter().take();
    let orders = f64::from(ORDERS);
    let cost_each = Cost {
        round_trips: total.round_trips.div_ceil(ORDERS),
        write_units: total.write_units / orders,
        read_units: total.read_units / orders,
    };
    bench.rows.push(Row { operation: "counting an order, full batches", budget: cost(1, 4.0, 1.0), cost: cost_each });
}
