//! `cargo xtask load`: browsing and ordering at an open rate, with a check of stock and balances at the end.
//!
//! A request starts when its time has come, however slow the others are, and its latency counts from that time. A closed
//! loop would send less to a slow shop, and report better figures of it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

use clap::Args;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Options {
    /// The address of a shop on this machine that takes identity from headers
    #[arg(long, default_value = "http://localhost:9000")]
    url: String,

    /// Requests a second; one of five is an order
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=500))]
    rate: u64,

    /// The length of the run
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
}

/// Customers, each with [`MONEY`], and products, each with units for [`SHARE_IN_STOCK`] percent of its orders.
const CUSTOMERS: u64 = 20;
const PRODUCTS: u64 = 3;
const MONEY: u64 = 10_000_000;
const PRICE: u64 = 1_000;
const SHARE_IN_STOCK: u64 = 80;

/// One of so many requests is an order.
const ORDER_EVERY: u64 = 5;

/// The most requests under way. Requests beyond it are left out, and reported.
const UNDER_WAY: usize = 1_000;

/// The most attempts of an order without a known outcome, each with the same key.
const ATTEMPTS: u32 = 10;

/// Runs the load. Nothing else may buy its products meanwhile, and nothing does: they are its own.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let url: reqwest::Url = options.url.parse().map_err(|_| Failure::NotLocal(options.url.clone()))?;
    // Load on another machine is a test of that machine's owner, and bills its account.
    if !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        return Err(Failure::NotLocal(options.url.clone()));
    }
    let requests = options.rate * options.seconds;
    let run = format!("load-{}", std::process::id());
    let shop = Shop {
        client: Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().map_err(Failure::Http)?,
        url: options.url.trim_end_matches('/').to_owned(),
        run,
        stock: (requests / ORDER_EVERY / PRODUCTS * SHARE_IN_STOCK / 100).max(1),
    };
    shop.prepare().await?;
    println!("{requests} requests in {} s, {} units in stock", options.seconds, shop.stock * PRODUCTS);

    let (started, mut under_way, mut report) = (Instant::now(), JoinSet::new(), Report::default());
    for number in 0..requests {
        let due = started + Duration::from_micros(number * 1_000_000 / options.rate);
        sleep_until(due).await;
        while let Some(done) = under_way.try_join_next() {
            report.add(done);
        }
        if under_way.len() >= UNDER_WAY {
            report.left_out += 1;
            continue;
        }
        let shop = shop.clone();
        under_way.spawn(async move { shop.request(number, due).await });
    }
    while let Some(done) = under_way.join_next().await {
        report.add(done);
    }
    println!("{report}");
    shop.check(&report).await
}

/// The outcome of a request.
struct Outcome {
    kind: &'static str,
    latency: Duration,
    answer: String,
    bought: Option<Bought>,
}

/// A unit that a customer has bought.
struct Bought {
    product: u64,
    customer: u64,
    paid: u64,
}

#[derive(Clone)]
struct Shop {
    client: Client,
    url: String,
    /// Names the users and products of this run.
    run: String,
    stock: u64,
}

impl Shop {
    async fn prepare(&self) -> Result<(), Failure> {
        for customer in 0..CUSTOMERS {
            let user = self.user(customer);
            let email = format!("{user}@example.com");
            self.expect("/users", json!({ "userId": user, "name": "손님", "email": email })).await?;
            self.expect("/balance/charge", json!({ "userId": user, "amount": MONEY, "reason": "load" })).await?;
        }
        for product in 0..PRODUCTS {
            let id = self.product(product);
            let body = json!({ "productId": id, "name": id, "price": PRICE, "stock": self.stock });
            self.expect("/products", body).await?;
        }
        Ok(())
    }

    /// Creates something as an admin.
    async fn expect(&self, path: &str, body: Value) -> Result<(), Failure> {
        let (status, answer) = self.call(Method::POST, path, None, Some((&body, None))).await.map_err(Failure::Http)?;
        if status.is_success() { Ok(()) } else { Err(Failure::Load(format!("POST {path}: {status} {answer}"))) }
    }

    async fn request(&self, number: u64, due: Instant) -> Outcome {
        let (customer, product) = (number % CUSTOMERS, number / ORDER_EVERY % PRODUCTS);
        let (kind, (answer, paid)) = match number % ORDER_EVERY {
            0 => ("order", self.order(number, customer, product).await),
            1 => ("bestsellers", self.browse("/products/best-seller").await),
            2 => ("product", self.browse(&format!("/products/{}", self.product(product))).await),
            _ => ("list", self.browse("/products?limit=20").await),
        };
        let bought = paid.map(|paid| Bought { product, customer, paid });
        Outcome { kind, latency: due.elapsed(), answer, bought }
    }

    async fn browse(&self, path: &str) -> (String, Option<u64>) {
        let answer = self.call(Method::GET, path, None, None).await;
        (answer.map_or_else(|_| "no answer".to_owned(), |(status, body)| named(status, &body)), None)
    }

    /// An order, repeated by its key until its outcome is known, and the amount paid.
    async fn order(&self, number: u64, customer: u64, product: u64) -> (String, Option<u64>) {
        let user = self.user(customer);
        let body = json!({ "userId": user, "items": [{ "productId": self.product(product), "quantity": 1 }] });
        let key = format!("{}-{number}", self.run);
        for attempt in 1..=ATTEMPTS {
            match self.call(Method::POST, "/orders", Some(&user), Some((&body, Some(&key)))).await {
                Ok((status, body)) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    let paid = body.pointer("/data/paid").and_then(Value::as_u64);
                    return (named(status, &body), paid.filter(|_| status.is_success()));
                }
                _ => sleep(Duration::from_millis(100) * attempt).await,
            }
        }
        (UNKNOWN.to_owned(), None)
    }

    /// Compares stock and balances with the units bought.
    async fn check(&self, report: &Report) -> Result<(), Failure> {
        if report.answers.contains_key(UNKNOWN) {
            return Err(Failure::Load("an order has no known outcome, so nothing can be compared".to_owned()));
        }
        let mut wrong = Vec::new();
        for product in 0..PRODUCTS {
            let sold = report.bought.iter().filter(|bought| bought.product == product).map(|_| 1).sum::<u64>();
            let found = self.figure(&format!("/products/{}", self.product(product)), "/data/stock").await?;
            if found + sold != self.stock {
                wrong.push(format!("{}: {} − {sold} sold ≠ {found}", self.product(product), self.stock));
            }
        }
        for customer in 0..CUSTOMERS {
            let paid: u64 =
                report.bought.iter().filter(|bought| bought.customer == customer).map(|bought| bought.paid).sum();
            let found = self.figure(&format!("/balance/{}", self.user(customer)), "/data/balance").await?;
            if found + paid != MONEY {
                wrong.push(format!("{}: {MONEY} − {paid} paid ≠ {found}", self.user(customer)));
            }
        }
        if wrong.is_empty() {
            println!("exact: the stock of {PRODUCTS} products and the balances of {CUSTOMERS} customers");
            return Ok(());
        }
        Err(Failure::Load(wrong.join("; ")))
    }

    /// A figure in an answer to an admin.
    async fn figure(&self, path: &str, pointer: &str) -> Result<u64, Failure> {
        let (_, body) = self.call(Method::GET, path, None, None).await.map_err(Failure::Http)?;
        let figure = body.pointer(pointer).and_then(Value::as_u64);
        figure.ok_or_else(|| Failure::Load(format!("GET {path} has no {pointer}: {body}")))
    }

    /// A call of a customer, or of an admin, with a body and a key.
    async fn call(
        &self,
        method: Method,
        path: &str,
        user: Option<&str>,
        body: Option<(&Value, Option<&str>)>,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request = match user {
            Some(user) => request.header("x-user-id", user),
            None => request.header("x-user-id", "admin").header("x-user-role", "ADMIN"),
        };
        if let Some((body, key)) = body {
            request = request.json(body);
            request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        }
        let answer = request.send().await?;
        let status = answer.status();
        Ok((status, serde_json::from_slice(&answer.bytes().await?).unwrap_or_default()))
    }

    fn user(&self, customer: u64) -> String {
        format!("{}-{customer}", self.run)
    }

    fn product(&self, product: u64) -> String {
        format!("{}-product-{product}", self.run)
    }
}

/// The answer of an order without a known outcome.
const UNKNOWN: &str = "order without an outcome";

fn named(status: StatusCode, body: &Value) -> String {
    let code = body.get("code").and_then(Value::as_str).filter(|code| *code != "SUCCESS").unwrap_or_default();
    format!("{} {code}", status.as_u16()).trim_end().to_owned()
}

#[derive(Default)]
struct Report {
    latencies: BTreeMap<&'static str, Vec<Duration>>,
    answers: BTreeMap<String, usize>,
    bought: Vec<Bought>,
    left_out: usize,
}

impl Report {
    fn add(&mut self, done: Result<Outcome, tokio::task::JoinError>) {
        let Ok(Outcome { kind, latency, answer, bought }) = done else {
            // A request that panicked has no known outcome.
            *self.answers.entry(UNKNOWN.to_owned()).or_default() += 1;
            return;
        };
        self.latencies.entry(kind).or_default().push(latency);
        *self.answers.entry(answer).or_default() += 1;
        self.bought.extend(bought);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "request", "count", "p50 ms", "p90 ms", "p99 ms", "max ms"
        )?;
        for (kind, latencies) in &self.latencies {
            let mut sorted = latencies.clone();
            sorted.sort_unstable();
            let mut line = format!("{kind:<12} {:>7}", sorted.len());
            for percent in [50, 90, 99, 100] {
                write!(line, " {:>8.1}", percentile(&sorted, percent).as_secs_f64() * 1_000.0)?;
            }
            writeln!(f, "{line}")?;
        }
        let answers = self.answers.iter().map(|(answer, count)| format!("{answer} × {count}"));
        write!(f, "answers: {}", answers.collect::<Vec<_>>().join(", "))?;
        if self.left_out > 0 {
            write!(f, "; {} left out, since {UNDER_WAY} were under way", self.left_out)?;
        }
        Ok(())
    }
}

/// The smallest value that so many percent of the sorted values do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let of = |percent| percentile(&values, percent).as_millis();
        assert_eq!((of(50), of(90), of(99), of(100)), (100, 180, 198, 200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[tokio::test]
    async fn no_other_machine_is_loaded() {
        for url in ["https://shop.example", "http://10.0.0.1:9000", "http://localhost.example", "shop"] {
            let options = Options { url: url.to_owned(), rate: 1, seconds: 1 };
            assert!(matches!(run(&options).await, Err(Failure::NotLocal(_))), "{url}");
        }
    }
}
