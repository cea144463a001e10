//! A shop in this process.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use audit::Scope;
use functions::desk_messages::OutdatedRows;
use jiff::{SignedDuration, Timestamp};
use payment_provider::{Manual, SecretKey, Toss, Transport};
use serde_json::{Value, json};
use shared::{
    app::{
        Bounds, CONFIRM_AFTER, ExportPolicy, PaymentPolicy, PeoplePolicy, Policy, RETURN_FEE, Shop,
        payments::provider::PaymentProvider,
    },
    domain::{
        Won, benefits::OnPartialCancel, caps::Caps, order::ClaimPolicy, pricing::ShippingPolicy, scaling::ScalingPolicy,
    },
    events::Event,
    platform::{Clock, Random},
    store::Table,
};
use tokio::time::Instant;

use crate::{
    Answer, Call, Dynamo, Meter,
    deaths::Deaths,
    fakes::{bucket::Bucket, payment_provider::InProcess, stream::Consumers, wire},
    limits::{Limited, Limits},
    template,
};

/// The table's name.
pub const TABLE: &str = "jangteo-test";

/// A shop over an embedded DynamoDB, on a day in November, with a clock that stands still unless moved.
#[derive(Debug, Clone)]
pub struct TestShop {
    dynamo: Dynamo,
    /// The limits before the database, if there are any.
    limited: Option<Limited>,
    time: Time,
    random: Random,
    /// The instances of functions that requests are spread over; they share nothing but the table.
    instances: Arc<Vec<Arc<Shop>>>,
    turn: Arc<AtomicI64>,
    consumers: Arc<tokio::sync::Mutex<Consumers>>,
    policy: Policy,
    /// The payment provider, which speaks its protocol in this process.
    pub provider: InProcess,
    /// Whether admins confirm transfers, and no provider is asked.
    is_manual: bool,
    /// The bucket of the files of exports.
    pub bucket: Bucket,
}

impl TestShop {
    /// A shop with one instance of its functions.
    pub fn new() -> Self {
        Self::with_instances(1)
    }

    /// A shop with several instances of its functions, and requests spread over them.
    pub fn with_instances(count: usize) -> Self {
        Self::over(count, Time::standing(), random(0), template::create_table(TABLE), |_| None)
    }

    /// A shop with several instances and a table without a stream, for tens of thousands of writes. A record in the stream is
    /// a write of the embedded database, too. Nothing consumes the writes of such a shop.
    pub fn without_stream(count: usize) -> Self {
        let mut table = template::create_table(TABLE);
        table["StreamSpecification"] = json!({ "StreamEnabled": false });
        Self::over(count, Time::standing(), random(0), table, |_| None)
    }

    /// A shop with limits between its functions and the database, and a clock that follows tokio's.
    pub fn through(limits: Limits, count: usize) -> Self {
        let (random, table) = (random(limits.seed), template::create_table(TABLE));
        Self::over(count, Time::running(), random, table, |dynamo| Some(Limited::new(dynamo.clone(), limits)))
    }

    /// The same without a stream in the database, for tens of thousands of writes; [`Limited::stream`] has the changes.
    pub fn through_without_stream(limits: Limits, count: usize) -> Self {
        let mut table = template::create_table(TABLE);
        table["StreamSpecification"] = json!({ "StreamEnabled": false });
        let limited = |dynamo: &Dynamo| Some(Limited::new(dynamo.clone(), limits));
        Self::over(count, Time::running(), random(limits.seed), table, limited)
    }

    fn over(
        count: usize,
        time: Time,
        random: Random,
        table: Value,
        limited: impl FnOnce(&Dynamo) -> Option<Limited>,
    ) -> Self {
        let dynamo = Dynamo::new();
        dynamo.execute("CreateTable", table).expect("the template's table can be created");
        let limited = limited(&dynamo);
        let consumers = Arc::new(tokio::sync::Mutex::new(Consumers::new(dynamo.clone())));
        let (instances, turn, policy) = (Arc::default(), Arc::default(), policy());
        let (provider_time, is_manual) = (time.clone(), false);
        let provider = InProcess::new(Clock::new(move || provider_time.now()));
        let bucket = Bucket::default();
        Self { dynamo, limited, time, random, instances, turn, consumers, policy, provider, is_manual, bucket }
            .renewed(count)
    }

    /// The same shop through as many instances with empty caches.
    fn renewed(self, count: usize) -> Self {
        let instances = Arc::new((0..count).map(|_| Arc::new(self.new_instance())).collect());
        Self { instances, ..self }
    }

    /// The same shop with other settings.
    #[must_use]
    pub fn with_policy(self, change: impl FnOnce(&mut Policy)) -> Self {
        let (count, mut policy) = (self.instances.len(), self.policy);
        change(&mut policy);
        Self { policy, ..self }.renewed(count)
    }

    /// The same shop with other caps.
    #[must_use]
    pub fn with_caps(self, caps: Caps) -> Self {
        self.with_policy(|policy| policy.caps = caps)
    }

    /// The same shop as it is deployed by default: customers do not charge their own balance.
    #[must_use]
    pub fn without_self_charge(self) -> Self {
        self.with_policy(|policy| policy.self_charge = false)
    }

    /// The same shop with holds and sheets of so many seconds.
    #[must_use]
    pub fn with_times(self, seconds: i64) -> Self {
        let time = SignedDuration::from_secs(seconds);
        self.with_policy(|policy| (policy.hold, policy.sheet_validity) = (time, time))
    }

    /// The same shop with other settings of addresses and personal data.
    #[must_use]
    pub fn with_people(self, people: PeoplePolicy) -> Self {
        self.with_policy(|policy| policy.people = people)
    }

    /// The same shop with other settings of exports.
    #[must_use]
    pub fn with_exports(self, exports: ExportPolicy) -> Self {
        self.with_policy(|policy| policy.exports = exports)
    }

    /// The same shop with transfers that admins confirm.
    #[must_use]
    pub fn with_manual_payments(self) -> Self {
        let count = self.instances.len();
        Self { is_manual: true, ..self }.renewed(count)
    }

    /// The same shop with caps that no race reaches.
    #[must_use]
    pub fn without_caps(self) -> Self {
        let most = 1_000_000;
        self.with_caps(Caps {
            pending_orders: most,
            held_units: most,
            deposit_orders: most,
            deposit_units: most,
            failed_payments: most,
            charges: most,
            coupon_issues: most,
            order_sheets: most,
        })
    }

    /// The same shop through instances of its functions with empty caches.
    #[must_use]
    pub fn another_instance(&self) -> Self {
        Self { instances: Arc::new(vec![Arc::new(self.new_instance())]), ..self.clone() }
    }

    /// The same shop through a new instance with watched calls.
    #[must_use]
    pub fn watched_by(&self, deaths: &Deaths) -> Self {
        self.watched_within(deaths, uncached())
    }

    /// The same shop through a new instance with watched calls and other bounds.
    #[must_use]
    pub fn watched_within(&self, deaths: &Deaths, bounds: Bounds) -> Self {
        let client = aws_sdk_dynamodb::Client::new(&wire::to(deaths.watched(self.dynamo.clone())));
        let provider = toss(deaths.provider(self.provider.clone()));
        let files = self.bucket.files(deaths.s3(self.bucket.clone()));
        let instance = self.instance_within(bounds, client).with_provider(Some(provider)).with_files(Some(files));
        Self { instances: Arc::new(vec![Arc::new(instance)]), ..self.clone() }
    }

    /// The same shop without limits before the database, for preparation and for looks that are not measured.
    #[must_use]
    pub fn without_limits(&self) -> Self {
        Self { limited: None, ..self.clone() }.another_instance()
    }

    /// The limits before the database.
    pub fn limited(&self) -> &Limited {
        self.limited.as_ref().expect("a shop with limits")
    }

    /// The database, for fault injection.
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// Measures the cost of its calls.
    pub fn meter(&self) -> &Meter {
        self.dynamo.meter()
    }

    /// The next instance in turn.
    pub fn instance(&self) -> &Arc<Shop> {
        let turn = usize::try_from(self.turn.fetch_add(1, Ordering::SeqCst)).unwrap();
        &self.instances[turn % self.instances.len()]
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Sets the clock.
    pub fn set_clock(&self, at: &str) {
        self.time.set(at.parse().unwrap());
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call("POST", path).json(&body)
    }

    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.call("PATCH", path).json(&body)
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(method, path).to(Arc::clone(self.instance()))
    }

    pub async fn customer(&self, id: &str, balance: i64) {
        let user = json!({ "userId": id, "name": "김민수", "email": format!("{id}@example.com") });
        self.post("/users", user).await.expect(201);
        let mut missing = balance;
        while missing > 0 {
            let amount = missing.min(99_999_900);
            self.post("/balance/charge", json!({ "userId": id, "amount": amount })).await.expect(200);
            missing -= amount;
        }
    }

    /// A product in stock.
    pub async fn product(&self, id: &str, price: i64, stock: i64) {
        let product = json!({ "productId": id, "name": format!("{id} 상품"), "price": price, "stock": stock });
        self.post("/products", product).as_admin().await.expect(201);
    }

    /// A campaign that issues now, with coupons of 1,000 won off.
    pub async fn coupon(&self, id: &str, total: i64) {
        self.campaign(id, total, json!({ "kind": "FIXED", "value": 1_000 })).await;
    }

    /// A campaign that issues now, with these terms.
    pub async fn campaign(&self, id: &str, total: i64, terms: Value) {
        let mut body = json!({
            "couponId": id, "name": "환영 쿠폰", "totalQuantity": total,
            "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 7,
        });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        self.post("/coupons", body).as_admin().await.expect(201);
    }

    pub async fn issue(&self, user: &str, coupon: &str) -> Answer {
        self.post("/coupons/issue", json!({ "userId": user, "couponId": coupon })).await
    }

    /// Orders units of one product.
    pub fn order(&self, user: &str, product: &str, quantity: i64) -> Call {
        let items = json!([{ "productId": product, "quantity": quantity }]);
        self.post("/orders", json!({ "userId": user, "items": items }))
    }

    pub async fn balance(&self, user: &str) -> i64 {
        self.get(&format!("/balance/{user}")).as_user(user).await.expect(200)["balance"].as_i64().unwrap()
    }

    pub async fn stock(&self, product: &str) -> i64 {
        self.get(&format!("/products/{product}")).await.expect(200)["stock"].as_i64().unwrap()
    }

    /// Lets all consequences of earlier requests happen, and asserts that no invariant is broken. Returns the figures.
    pub async fn audit(&self) -> audit::Figures {
        self.settle().await;
        self.audit_as_is().await
    }

    /// Asserts that no invariant is broken in the present state, without counting sales first. Returns the figures.
    pub async fn audit_as_is(&self) -> audit::Figures {
        let report = audit::audit(&self.dynamo.client(), TABLE, Scope::Everything, self.now()).await;
        let report = report.expect("the table can be read");
        assert!(report.is_clean(), "{report}");
        report.figures
    }

    /// Lets the stream's consumers catch up, and returns all events published so far.
    pub async fn published(&self) -> Vec<Event> {
        self.settle().await;
        self.consumers.lock().await.published.clone()
    }

    /// Lets the stream's consumers catch up.
    pub async fn settle(&self) {
        self.consumers.lock().await.catch_up(self.instance()).await;
    }

    /// Lets sales be counted, and nothing be listed at the desk.
    pub async fn count_sales(&self) {
        self.consumers.lock().await.catch_up_but_the_desk(self.instance()).await;
    }

    /// Lets the stream's consumers catch up but for the desk, and returns the messages that it would get.
    pub async fn outdated_rows(&self) -> Vec<OutdatedRows> {
        self.consumers.lock().await.outdated_rows()
    }

    /// The same shop through a new instance with other bounds.
    #[must_use]
    pub fn another_instance_within(&self, bounds: Bounds) -> Self {
        let instance = self.instance_within(bounds, self.dynamo.client());
        Self { instances: Arc::new(vec![Arc::new(instance)]), ..self.clone() }
    }

    fn new_instance(&self) -> Shop {
        self.instance_within(uncached(), self.limited.as_ref().map_or_else(|| self.dynamo.client(), Limited::client))
    }

    fn instance_within(&self, bounds: Bounds, client: aws_sdk_dynamodb::Client) -> Shop {
        let time = self.time.clone();
        let table = Table::new(client, TABLE.to_owned(), self.random.clone());
        let provider: Arc<dyn PaymentProvider> = if self.is_manual {
            Arc::new(Manual::new("088 110-123 장터".to_owned()))
        } else {
            toss(self.provider.clone())
        };
        Shop::within(bounds, table, Clock::new(move || time.now()), self.random.clone(), self.policy)
            .with_provider(Some(provider))
            .with_files(Some(self.bucket.files(self.bucket.client())))
    }
}

/// The bounds without caches of recent stock and bestsellers: the clock of most tests stands still, so no entry would
/// expire.
fn uncached() -> Bounds {
    Bounds { bestsellers_age: SignedDuration::ZERO, recent_age: SignedDuration::ZERO, ..Bounds::PRODUCTION }
}

/// The adapter to the provider over a way to it.
fn toss(way: impl Transport + 'static) -> Arc<dyn PaymentProvider> {
    let secret_key = SecretKey::new(payment_system::SECRET_KEY.to_owned());
    Arc::new(Toss::new(way, payment_system::CLIENT_KEY.to_owned(), secret_key))
}

impl Default for TestShop {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        shipping: ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) },
        hold: SignedDuration::from_mins(10),
        sheet_validity: SignedDuration::from_mins(30),
        caps: Caps::DEFAULT,
        self_charge: true,
        return_fee: RETURN_FEE,
        confirm_after: CONFIRM_AFTER,
        claims: ClaimPolicy::DEFAULT,
        on_partial_cancel: OnPartialCancel::Keep,
        payments: PaymentPolicy::DEFAULT,
        // A withdrawn user can come back for an hour.
        people: PeoplePolicy { erase_after: SignedDuration::from_hours(1), ..PeoplePolicy::DEFAULT },
        exports: ExportPolicy::DEFAULT,
        scaling: ScalingPolicy::DEFAULT,
    }
}

/// The time of a shop.
#[derive(Debug, Clone)]
struct Time {
    set_to_ms: Arc<AtomicI64>,
    /// The start of a clock that follows tokio's; `None` if it stands still.
    running_since: Option<Instant>,
}

impl Time {
    fn standing() -> Self {
        let noon: Timestamp = "2026-11-20T03:00:00Z".parse().unwrap();
        Self { set_to_ms: Arc::new(AtomicI64::new(noon.as_millisecond())), running_since: None }
    }

    fn running() -> Self {
        Self { running_since: Some(Instant::now()), ..Self::standing() }
    }

    fn elapsed_ms(&self) -> i64 {
        self.running_since.map_or(0, |since| i64::try_from(since.elapsed().as_millis()).unwrap())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.set_to_ms.load(Ordering::SeqCst) + self.elapsed_ms()).unwrap()
    }

    fn set(&self, at: Timestamp) {
        self.set_to_ms.store(at.as_millisecond() - self.elapsed_ms(), Ordering::SeqCst);
    }
}

/// A clock that follows tokio's, from noon on.
pub fn running_clock() -> Clock {
    let time = Time::running();
    Clock::new(move || time.now())
}

/// Bits that look random and are the same in every run with this seed.
pub fn random(seed: u64) -> Random {
    let state = Mutex::new(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835_u128 ^ u128::from(seed));
    Random::new(move || {
        let mut state = state.lock().unwrap();
        // A 128-bit PCG with its output mixed from both halves.
        *state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(0x5851_F42D_4C95_7F2D);
        *state ^ (*state >> 67) ^ (*state << 41)
    })
}
