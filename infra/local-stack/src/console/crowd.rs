//! A flash sale: more people than there are units or coupons, all at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{now, refusal};

/// The most people of a crowd.
const MOST_PEOPLE: usize = 2_000;

/// The people who act at once. They keep a small machine busy; more of them would only wait for each other, until their
/// functions run out of time.
const AT_ONCE: usize = 16;

/// The length of a bar of the chart.
const TICK_MILLISECONDS: u128 = 250;

/// The most bars: a sale that takes longer adds to the last.
const MOST_TICKS: usize = 480;

/// The attempts of one person while the shop is busy.
const ATTEMPTS: usize = 60;

const TIMEOUT: Duration = Duration::from_secs(60);

/// The balance that a buyer needs besides the price: the shipping fee.
const SPARE: u64 = 3_000;

/// The flash sales of this stack, one at a time.
#[derive(Clone, Debug)]
pub(super) struct Crowds {
    shop: String,
    sale: Arc<Mutex<Sale>>,
    /// The people who have joined the shop: `crowd-1` and so on.
    joined: Arc<AtomicUsize>,
}

/// A request for a sale.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewSale {
    of: Kind,
    /// An existing product or campaign; without it, one is made.
    id: Option<String>,
    /// The units or coupons of a new one.
    quantity: Option<u32>,
    people: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    #[default]
    Product,
    Coupon,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Phase {
    #[default]
    None,
    /// The people join the shop and put money on their balances.
    Gathering,
    Selling,
    /// The result is compared with the shop.
    Checking,
    Done,
    /// The sale could not be held.
    Failed,
}

/// A sale, as it is shown.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sale {
    phase: Phase,
    of: Kind,
    id: String,
    name: String,
    people: usize,
    /// Units or coupons before the sale.
    before: i64,
    gathered: usize,
    sold: usize,
    /// The refusals, by their code.
    refused: BTreeMap<String, usize>,
    tick_milliseconds: u64,
    /// Sold and refused in each tick since the start.
    ticks: Vec<[u32; 2]>,
    milliseconds: u64,
    checks: Vec<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// A comparison of the result with the shop. The page words it by its rule.
#[derive(Clone, Debug, Serialize)]
struct Check {
    rule: &'static str,
    expected: i64,
    found: i64,
}

/// An answer of the shop.
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    fn code(&self) -> String {
        self.body.get("code").and_then(Value::as_str).map_or_else(|| self.status.to_string(), str::to_owned)
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn data(self) -> Result<Value, String> {
        if self.is_success() { Ok(self.body.get("data").cloned().unwrap_or_default()) } else { Err(self.code()) }
    }

    fn number(&self, field: &str) -> i64 {
        self.body.get("data").map_or(0, |data| integer(data, field))
    }
}

impl Crowds {
    /// A crowd at the shop with this address.
    pub(super) fn new(shop: String) -> Self {
        Self { shop, sale: Arc::default(), joined: Arc::default() }
    }

    /// `POST /_dev/crowd` begins a sale, `GET /_dev/crowd` shows the last.
    pub(super) fn router(self) -> Router {
        Router::new().route("/_dev/crowd", get(show).post(begin)).with_state(self)
    }

    fn sale(&self) -> MutexGuard<'_, Sale> {
        // No holder of the lock can leave a change half-made.
        self.sale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hold(self, new: NewSale) {
        let held = match Shop::new(self.shop.clone()) {
            Ok(shop) => self.hold_at(&shop, &new).await,
            Err(error) => Err(error),
        };
        let mut sale = self.sale();
        match held {
            Ok(()) => sale.phase = Phase::Done,
            Err(failure) => {
                sale.phase = Phase::Failed;
                sale.failure = Some(failure);
            }
        }
    }

    async fn hold_at(&self, shop: &Shop, new: &NewSale) -> Result<(), String> {
        let goods = shop.goods(new).await?;
        {
            let mut sale = self.sale();
            sale.id.clone_from(&goods.id);
            sale.name.clone_from(&goods.name);
            sale.before = goods.left;
        }
        let sale_id = format!("{}-{}", goods.id, now().as_millisecond());
        let funds = self.gather(shop, new.people, &goods, &sale_id).await?;
        self.sale().phase = Phase::Selling;
        let bought = self.sell(shop, new.people, &goods, &sale_id).await;
        self.sale().phase = Phase::Checking;
        let sold = self.sale().sold;
        let checks = shop.check(&goods, &funds, &bought, sold).await?;
        self.sale().checks = checks;
        Ok(())
    }

    /// Brings the people to the shop, each with money for one unit. Returns their balances.
    async fn gather(&self, shop: &Shop, people: usize, goods: &Goods, sale: &str) -> Result<Vec<i64>, String> {
        let known = self.joined.load(Ordering::Relaxed);
        let needed = goods.price.map(|price| price.unsigned_abs().saturating_add(SPARE).next_multiple_of(100));
        let balances = shop.each(people, |shop, person| {
            let (this, sale) = (self.clone(), sale.to_owned());
            async move {
                let id = format!("crowd-{person}");
                if person > known {
                    let user =
                        json!({ "userId": id, "name": format!("손님 {person}"), "email": format!("{id}@example.com") });
                    let joined = shop.insist(Method::POST, "/users", &user, None).await?;
                    if !joined.is_success() && joined.code() != "ALREADY_EXISTS" {
                        return Err(joined.code());
                    }
                }
                let mut balance = 0;
                if let Some(amount) = needed {
                    let charge = json!({ "userId": id, "amount": amount });
                    let key = format!("{sale}-{person}");
                    let charged = shop.insist(Method::POST, "/balance/charge", &charge, Some(&key)).await?.data()?;
                    balance = integer(&charged, "balance");
                }
                this.sale().gathered += 1;
                Ok(balance)
            }
        });
        let balances = balances.await?;
        self.joined.fetch_max(people, Ordering::Relaxed);
        Ok(balances)
    }

    /// Lets everybody buy at once. Returns the orders, or `None` for each person who got none.
    async fn sell(&self, shop: &Shop, people: usize, goods: &Goods, sale: &str) -> Vec<Option<Bought>> {
        let started = Instant::now();
        let bought = shop.each(people, |shop, person| {
            let (this, goods, sale) = (self.clone(), goods.clone(), sale.to_owned());
            async move {
                let (path, body) = goods.purchase(person);
                let answer = shop.insist(Method::POST, path, &body, Some(&format!("{sale}-{person}-buy"))).await;
                let answer = answer.unwrap_or_else(|code| Answer { status: 503, body: json!({ "code": code }) });
                this.note(&answer, started.elapsed());
                Ok(answer.is_success().then(|| Bought {
                    order_id: answer.body.pointer("/data/orderId").and_then(Value::as_str).map(str::to_owned),
                    paid: answer.number("paid"),
                }))
            }
        });
        bought.await.unwrap_or_default()
    }

    fn note(&self, answer: &Answer, elapsed: Duration) {
        let tick = usize::try_from(elapsed.as_millis() / TICK_MILLISECONDS).unwrap_or(MOST_TICKS).min(MOST_TICKS - 1);
        let mut sale = self.sale();
        if sale.ticks.len() <= tick {
            sale.ticks.resize(tick + 1, [0, 0]);
        }
        let is_sold = answer.is_success();
        if let Some([sold, refused]) = sale.ticks.get_mut(tick) {
            if is_sold { *sold += 1 } else { *refused += 1 }
        }
        if is_sold {
            sale.sold += 1;
        } else {
            *sale.refused.entry(answer.code()).or_default() += 1;
        }
        sale.milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    }
}

/// An order, or a coupon without one.
struct Bought {
    order_id: Option<String>,
    paid: i64,
}

/// The product or campaign of a sale.
#[derive(Clone)]
struct Goods {
    of: Kind,
    id: String,
    name: String,
    left: i64,
    /// The price of a unit; a coupon has none.
    price: Option<i64>,
}

impl Goods {
    /// The request of a person.
    fn purchase(&self, person: usize) -> (&'static str, Value) {
        let user = format!("crowd-{person}");
        match self.of {
            Kind::Product => {
                let items = json!([{ "productId": self.id, "quantity": 1 }]);
                ("/orders", json!({ "userId": user, "items": items }))
            }
            Kind::Coupon => ("/coupons/issue", json!({ "userId": user, "couponId": self.id })),
        }
    }
}

/// The shop's API, as an admin who acts for everybody.
#[derive(Clone)]
struct Shop {
    client: Client,
    url: String,
}

impl Shop {
    fn new(url: String) -> Result<Self, String> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
        Ok(Self { client, url })
    }

    async fn call(&self, method: Method, path: &str, body: &Value, key: Option<&str>) -> Result<Answer, String> {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.header("x-user-id", "admin").header("x-user-role", "ADMIN");
        let request = key.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        let request = if body.is_null() {
            request
        } else {
            request.header("content-type", "application/json").body(body.to_string())
        };
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| error.without_url().to_string())?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or_default() })
    }

    /// Calls until the shop is not busy, and its answer is not lost: a function that runs out of time may have ordered. A
    /// repetition has the same key, so it has one effect.
    async fn insist(&self, method: Method, path: &str, body: &Value, key: Option<&str>) -> Result<Answer, String> {
        for _ in 1..ATTEMPTS {
            match self.call(method.clone(), path, body, key).await {
                Ok(answer) if answer.status < 500 => return Ok(answer),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        self.call(method, path, body, key).await
    }

    async fn read(&self, path: &str) -> Result<Value, String> {
        self.insist(Method::GET, path, &Value::Null, None).await?.data()
    }

    /// Lets each of the people act, some of them at once, and returns the results in their order.
    async fn each<T, F>(&self, people: usize, act: impl Fn(Self, usize) -> F) -> Result<Vec<T>, String>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, String>> + Send + 'static,
    {
        let mut results: Vec<Option<T>> = (0..people).map(|_| None).collect();
        let mut acting = JoinSet::new();
        let mut waiting = 1..=people;
        loop {
            while acting.len() < AT_ONCE
                && let Some(person) = waiting.next()
            {
                let acts = act(self.clone(), person);
                acting.spawn(async move { (person, acts.await) });
            }
            match acting.join_next().await {
                Some(Ok((person, result))) => {
                    if let Some(place) = results.get_mut(person - 1) {
                        *place = Some(result?);
                    }
                }
                Some(Err(error)) => return Err(error.to_string()),
                None => return Ok(results.into_iter().flatten().collect()),
            }
        }
    }

    /// The goods of a sale, made if the request names none.
    async fn goods(&self, new: &NewSale) -> Result<Goods, String> {
        let made = format!("flash-{}", now().as_millisecond());
        let id = new.id.as_deref().unwrap_or(&made);
        let quantity = new.quantity.unwrap_or(100);
        match new.of {
            Kind::Product => {
                if new.id.is_none() {
                    let product = json!({
                        "productId": id, "name": "번개 장터 한정판", "category": "번개", "price": 10_000, "stock": quantity,
                        "stockShards": 4, "flash": true,
                    });
                    self.insist(Method::POST, "/products", &product, Some(id)).await?.data()?;
                }
                let product = self.read(&format!("/desk/products/{id}")).await?;
                let number = |field: &str| integer(&product, field);
                Ok(Goods {
                    of: new.of,
                    id: id.to_owned(),
                    name: text(&product, "name").to_owned(),
                    left: number("stock"),
                    price: Some(number("price") - number("discount")),
                })
            }
            Kind::Coupon => {
                if new.id.is_none() {
                    let campaign = json!({
                        "couponId": id, "name": "번개 장터 선착순 쿠폰", "kind": "FIXED", "value": 1_000, "totalQuantity": quantity,
                        "counterShards": 4, "validDays": 7, "issueFrom": "2026-01-01T00:00:00Z",
                        "issueUntil": "2036-01-01T00:00:00Z",
                    });
                    self.insist(Method::POST, "/coupons", &campaign, Some(id)).await?.data()?;
                }
                let campaign = self.read(&format!("/coupons/{id}")).await?;
                Ok(Goods {
                    of: new.of,
                    id: id.to_owned(),
                    name: text(&campaign, "name").to_owned(),
                    left: integer(&campaign, "remainingQuantity"),
                    price: None,
                })
            }
        }
    }

    /// Compares the answers that the people got with the shop's own data, read again.
    async fn check(
        &self,
        goods: &Goods,
        funds: &[i64],
        bought: &[Option<Bought>],
        sold: usize,
    ) -> Result<Vec<Check>, String> {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (sold, people) = (number(sold), number(bought.len()));
        let now = self.goods(&NewSale { of: goods.of, id: Some(goods.id.clone()), quantity: None, people: 0 }).await?;
        let mut checks = vec![
            Check { rule: "SOLD", expected: goods.left.min(people), found: sold },
            Check { rule: "LEFT", expected: goods.left - sold, found: now.left },
        ];
        let owners: Vec<(usize, Option<String>)> = bought
            .iter()
            .zip(1..)
            .filter_map(|(bought, person)| Some((person, bought.as_ref()?.order_id.clone())))
            .collect();
        let owners = Arc::new(owners);
        let of = goods.id.clone();
        let kept = self.each(owners.len(), |shop, index| {
            let (owners, of) = (owners.clone(), of.clone());
            async move {
                let Some((person, order)) = owners.get(index - 1) else { return Ok(0) };
                Ok(match order {
                    Some(order) => {
                        let order = shop.read(&format!("/orders/{order}")).await?;
                        let is_theirs = text(&order, "userId") == format!("crowd-{person}");
                        let is_paid = text(&order, "status") == "PAID" && order.get("paid") == order.get("payable");
                        let product = order.pointer("/items/0/productId").and_then(Value::as_str);
                        i64::from(is_theirs && is_paid && product == Some(of.as_str()))
                    }
                    None => {
                        let coupons = shop.read(&format!("/coupons?userId=crowd-{person}&limit=100")).await?;
                        let coupons = coupons.get("items").and_then(Value::as_array).map_or(0, |coupons| {
                            coupons.iter().filter(|coupon| text(coupon, "couponId") == of.as_str()).count()
                        });
                        i64::from(coupons == 1)
                    }
                })
            }
        });
        let kept: i64 = kept.await?.iter().sum();
        checks.push(Check {
            rule: if goods.price.is_some() { "ORDERS" } else { "COUPONS" },
            expected: sold,
            found: kept,
        });
        if goods.price.is_some() {
            let paid: i64 = bought.iter().flatten().map(|bought| bought.paid).sum();
            let balances = self.each(bought.len(), |shop, person| async move {
                let balance = shop.read(&format!("/balance/crowd-{person}")).await?;
                Ok(integer(&balance, "balance"))
            });
            let left: i64 = balances.await?.iter().sum();
            checks.push(Check { rule: "MONEY", expected: funds.iter().sum::<i64>() - paid, found: left });
        }
        Ok(checks)
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn integer(value: &Value, field: &str) -> i64 {
    value.get(field).and_then(Value::as_i64).unwrap_or_default()
}

async fn show(State(crowds): State<Crowds>) -> Json<Sale> {
    Json(crowds.sale().clone())
}

async fn begin(State(crowds): State<Crowds>, Json(new): Json<NewSale>) -> Response {
    if !(1..=MOST_PEOPLE).contains(&new.people) {
        return refusal(StatusCode::BAD_REQUEST, "people: from 1 to 2,000");
    }
    if new.quantity.is_some_and(|quantity| !(1..=100_000).contains(&quantity)) {
        return refusal(StatusCode::BAD_REQUEST, "quantity: from 1 to 100,000");
    }
    // A name of the shop: it becomes a part of paths.
    let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !new.id.as_ref().is_none_or(is_id) {
        return refusal(StatusCode::BAD_REQUEST, "id: letters, digits, - and _");
    }
    {
        let mut sale = crowds.sale();
        if matches!(sale.phase, Phase::Gathering | Phase::Selling | Phase::Checking) {
            return refusal(StatusCode::CONFLICT, "a sale goes on");
        }
        let tick_milliseconds = u64::try_from(TICK_MILLISECONDS).unwrap_or_default();
        *sale = Sale { phase: Phase::Gathering, of: new.of, people: new.people, tick_milliseconds, ..Sale::default() };
    }
    tokio::spawn(crowds.clone().hold(new));
    StatusCode::ACCEPTED.into_response()
}

#[cfg(test)]
mod tests {
    use axum::{http::HeaderMap, routing::post};
    use tokio::net::TcpListener;

    use super::*;

    /// The keys of the calls so far.
    type Keys = Arc<Mutex<Vec<String>>>;

    /// Answers as a shop whose first two functions run out of time.
    async fn order(State(keys): State<Keys>, headers: HeaderMap) -> Response {
        let mut keys = keys.lock().unwrap();
        keys.push(headers["idempotency-key"].to_str().unwrap().to_owned());
        match keys.len() {
            1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            2 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::CREATED.into_response(),
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
        let keys = Keys::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/orders", post(order)).with_state(keys.clone());
        tokio::spawn(axum::serve(listener, router).into_future());

        let shop = Shop::new(format!("http://{address}")).unwrap();
        let answer = shop.insist(Method::POST, "/orders", &json!({}), Some("once")).await.unwrap();
        assert_eq!(answer.status, 201);
        assert_eq!(*keys.lock().unwrap(), ["once", "once", "once"]);
    }
}
