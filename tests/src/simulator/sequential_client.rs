//! A sequential client: sends one request after the other, each until it is answered, and compares every answer with
//! the reference. Faults are injected; each request must still have its effect once.

use std::time::Duration;

use functions::schedule::sweep::Task;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    clients::{self, send},
    consumers, known, lists,
    operations::{Operation, Request, choose},
    plan::Step,
    quiesce::has_orphans,
    reference::Reference,
    shape::{self, call},
    tally::{self, Effect},
    world::World,
};
use crate::{Answer, Call, limits::Chance};

/// The number of tries before faults are switched off.
const TRIES_WITH_FAULTS: u32 = 4;

/// The number of tries in all.
const TRIES: u32 = 8;

/// Longer than a request or a message can be on its way.
const UNTIL_ALL_ARRIVED: Duration = Duration::from_secs(12);

/// Longer than a function may hold a ticket, by any clock.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(42);

/// The most sweeps until orphans are recovered: the look that is planned comes within three, and the next recovers.
const MOST_SWEEPS: u32 = 5;

/// The time before and after an expiry without requests: by one clock it has passed, by another not yet.
const BEFORE_AN_END: SignedDuration = SignedDuration::from_secs(200);
const AFTER_AN_END: SignedDuration = SignedDuration::from_secs(15);

struct Client {
    world: World,
    reference: Reference,
    /// Everything with an expiry before this instant is known to have expired.
    ended_by: Timestamp,
    /// The number of leaks by functions that are recovered.
    recovered: u32,
    /// The instant from which carts show products as they are.
    carts_from: Instant,
    /// Whether products may lack a change of their seller's status.
    lacks_status: bool,
}

/// Seeds the shop, and takes all steps, one after the other.
pub(super) async fn play(world: &World, steps: &[Step]) {
    let mut client = Client {
        world: world.clone(),
        reference: Reference::new(world.settings),
        ended_by: world.now(),
        recovered: 0,
        carts_from: Instant::now(),
        lacks_status: false,
    };
    for (call, number) in shape::seed_data(world).into_iter().zip(0..) {
        client.ask("seed data", "seed data", None, call, world.chance_of(&format!("furniture {number}"))).await;
    }
    world.set_faults_off(false);
    let mut at = Duration::ZERO;
    for step in steps {
        sleep(step.at - at).await;
        at = step.at;
        client.rest().await;
        client.take(step).await;
    }
    world.set_faults_off(true);
    client.rest().await;
    client.read_everything().await;
}

impl Client {
    async fn take(&mut self, step: &Step) {
        let mut chance = Chance::new(step.seed);
        match choose(&self.world, step.theme, &mut Chance::new(step.operation)) {
            Operation::Request(Request { who, call, takes_key }) => {
                let key = takes_key.then(|| format!("key-{}", step.number));
                let call = match &key {
                    Some(key) => call.key(key),
                    None => call,
                };
                self.ask(who, &format!("{who} #{}", step.number), key.as_deref(), call, chance).await;
            }
            Operation::Walk(list) => {
                lists::walk(&self.world, &format!("walk #{}", step.number), &list, Chance::new(chance.bits())).await;
            }
            Operation::Invalid(call) => {
                clients::send_invalid(&self.world, &format!("invalid #{}", step.number), &call, chance).await
            }
            Operation::WithoutRole(Request { who, call, .. }) => {
                let (key, name) = (format!("key-{}", step.number), format!("{who} #{}", step.number));
                let (call, second) = (call.key(&key), Chance::new(chance.bits()));
                self.ask(who, &name, Some(&key), call.clone(), chance).await;
                self.ask(who, &name, None, call.header("x-user-role", "CUSTOMER"), second).await;
            }
            sweep => consumers::run(&self.world, &sweep, Chance::new(chance.bits())).await,
        }
    }

    /// Repeats a request until it is answered; the reference must give the same answer.
    async fn ask(&mut self, who: &'static str, name: &str, key: Option<&str>, call: Call, mut chance: Chance) {
        if matches!(call.function(), "add-to-cart" | "get-cart") {
            sleep_until(self.carts_from).await;
        }
        let were_off = self.world.are_faults_off();
        let writes = self.world.known.lock().unwrap().registers.begin(&call, Instant::now());
        let mut answered = None;
        for tries in 1..=TRIES {
            match send(&self.world, name, call.clone(), Chance::new(chance.bits())).await {
                // A function that died may hold units or tickets.
                Some(answer) if self.has_leaks() && is_sold_out(&answer) => self.recover().await,
                Some(answer) if answer.status != 503 => {
                    answered = Some(answer);
                    break;
                }
                _ => sleep(Duration::from_millis(chance.below(2_000))).await,
            }
            if tries == TRIES_WITH_FAULTS {
                self.world.set_faults_off(true);
            }
        }
        self.world.set_faults_off(were_off);
        let Some(answer) = answered else { return self.world.report_violation(format!("{name} never gets an answer")) };
        known::record(&self.world, who, name, key, &answer);
        let known = if answer.status < 300 { tally::Known::Made } else { tally::Known::None };
        self.world.known.lock().unwrap().registers.end(writes, known, Instant::now());
        if let Some(effect) = Effect::of(&call) {
            self.world.known.lock().unwrap().tally.enter(effect, known);
        }
        let sets_status = call.function() == "update-user" && call.sent()["status"].is_string();
        self.lacks_status |= sets_status || call.function() == "withdraw-user";
        if matches!(call.function(), "update-product" | "update-user" | "withdraw-user") {
            // Longer than any entry of a function's caches lives.
            self.carts_from = Instant::now() + self.world.oldest_name() + Duration::from_secs(1);
        }
        self.check(name, &call, &answer);
    }

    fn check(&mut self, name: &str, call: &Call, answer: &Answer) {
        if let Some(violation) = self.reference.check(call, self.world.now(), answer) {
            self.world.report_violation(format!("{name}: {} is answered {violation}", call.line()));
        }
    }

    /// Waits until nothing is on its way, and nothing is about to end.
    async fn rest(&mut self) {
        loop {
            self.quiet().await;
            if std::mem::take(&mut self.lacks_status) {
                self.without_faults(&Operation::Sweep(Task::Inventory)).await;
            }
            if self.has_leaks() {
                self.recover().await;
            }
            self.settle().await;
            self.settle_confirmations().await;
            let now = self.world.now();
            let over = now - AFTER_AN_END;
            let ends: Vec<Timestamp> = self.reference.ends().filter(|end| *end > self.ended_by).collect();
            if ends.iter().any(|end| *end <= over) {
                // Expired things without a message, or with a lost one.
                self.without_faults(&Operation::Sweep(Task::Expiry)).await;
                self.without_faults(&Operation::Sweep(Task::Sheets)).await;
                self.reference.end_holds(over);
                self.without_faults(&Operation::Sweep(Task::Confirmations)).await;
                self.reference.confirm(over);
                self.without_faults(&Operation::Sweep(Task::Erasures)).await;
                self.reference.erase(over);
            }
            self.ended_by = over;
            match ends.into_iter().filter(|end| *end > over && *end <= now + BEFORE_AN_END).max() {
                Some(end) => sleep(Duration::try_from(end + AFTER_AN_END - now).unwrap()).await,
                None => break,
            }
        }
    }

    /// Copies into the reference the outcome of orders that waited for an external payment.
    async fn settle(&mut self) {
        for (user, order) in self.reference.waiting_outside() {
            let results = self.world.outside.results_for(&order);
            if results.is_empty() {
                continue;
            }
            let (world, ask) = (&self.world, call("GET", format!("/orders/{order}")).as_user(&user));
            let answer = world.without_faults(send(world, "look", ask, world.chance_of(&order))).await;
            let actual = answer.map(|answer| answer.body["data"].clone()).unwrap_or_default();
            if let Some(violation) = self.reference.settle(&order, &actual, &results, world.now()) {
                self.world.report_violation(violation);
            }
        }
    }

    /// Copies into the reference which lines were confirmed after a claim had kept them from it.
    async fn settle_confirmations(&mut self) {
        for (user, order) in self.reference.waiting_for_confirmation() {
            let (world, ask) = (&self.world, call("GET", format!("/orders/{order}")).as_user(&user));
            let answer = world.without_faults(send(world, "look", ask, world.chance_of(&order))).await;
            let actual = answer.map(|answer| answer.body["data"].clone()).unwrap_or_default();
            self.reference.settle_confirmations(&order, &actual, world.now());
        }
    }

    async fn quiet(&self) {
        sleep(UNTIL_ALL_ARRIVED).await;
        for _ in 0..500 {
            let world = &self.world;
            if world.busy() == 0 && world.bus.waiting_soon() == 0 && world.outside.is_silent() && world.is_read() {
                return;
            }
            sleep(Duration::from_secs(2)).await;
        }
        self.world.report_violation("it does not become quiet".to_owned());
    }

    /// Whether functions have leaked units or tickets. They died, or ran out of retry budget before they could release
    /// them.
    fn has_leaks(&self) -> bool {
        self.recovered < self.world.leaks() || has_orphans(&self.world.table.latest())
    }

    /// Lets the sweeps recover leaked units and tickets.
    async fn recover(&mut self) {
        self.recovered = self.world.leaks();
        for _ in 0..MOST_SWEEPS {
            sleep(BETWEEN_SWEEPS).await;
            self.without_faults(&Operation::Sweep(Task::Tickets)).await;
            self.without_faults(&Operation::Sweep(Task::Inventory)).await;
            if !has_orphans(&self.world.table.latest()) {
                break;
            }
        }
        self.quiet().await;
    }

    async fn without_faults(&self, sweep: &Operation) {
        let chance = self.world.chance_of(&format!("{sweep:?} {}", self.world.now()));
        self.world.without_faults(consumers::run(&self.world, sweep, chance)).await;
    }

    /// Reads everything that the API shows.
    async fn read_everything(&mut self) {
        let mut looks: Vec<(&'static str, String)> = Vec::new();
        let shape = self.world.shape;
        for &user in shape.users {
            for path in ["/users/", "/balance/"] {
                looks.push((user, format!("{path}{user}")));
            }
            looks.push((user, format!("/balance/{user}/entries?limit=5")));
            looks.push((user, format!("/coupons?userId={user}&status=ALL")));
            looks.push((user, format!("/orders?userId={user}")));
            looks.push((user, "/orders/cart".to_owned()));
        }
        looks.extend(shape.products.iter().map(|product| (shape.users[0], format!("/products/{product}"))));
        looks.push((shape.users[0], "/products/top".to_owned()));
        {
            let known = self.world.known.lock().unwrap();
            for known::Order { user, id, .. } in &known.orders {
                looks.extend(
                    ["", "/history", "/payments", "/items/1"].map(|what| (*user, format!("/orders/{id}{what}"))),
                );
            }
            looks.extend(known.sheets.iter().map(|(user, sheet)| (*user, format!("/order-sheets/{sheet}"))));
        }
        for (user, path) in looks {
            let chance = self.world.chance_of(&path);
            self.ask(user, "last look", None, call("GET", path).as_user(user), chance).await;
        }
    }
}

fn is_sold_out(answer: &Answer) -> bool {
    answer.body["code"] == "STOCK_NOT_ENOUGH" || answer.body["code"] == "COUPON_SOLD_OUT"
}
