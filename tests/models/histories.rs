//! Balance, stock and coupons are linearizable. Sequential requests could have given each answer of concurrent clients,
//! with each request at some instant between its call and its answer.
//!
//! The clients call several instances of the shipped functions at once, each with its own caches. Two exceptions of
//! docs/protocols/coupons.md are left out: a double request for one coupon keeps a ticket from others for a moment, and
//! "sold out" is cached for a second.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde_json::json;
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};
use tests::TestShop;

const PRICE: i64 = 10_000;
const SHIPPING: i64 = 3_000;

/// A request about the one account, product or campaign.
#[derive(Debug, Clone, PartialEq)]
enum Asked {
    Charge(i64),
    Balance,
    Order(i64),
    Stock,
    Issue(usize),
    Remaining,
}

#[derive(Debug, Clone, PartialEq)]
enum Heard {
    /// The balance, the stock, or the remaining coupons of the campaign.
    Figure(i64),
    Done,
    Refused(String),
}

/// A sequential shop.
#[derive(Debug, Clone)]
struct Plain {
    balance: i64,
    stock: i64,
    coupons: i64,
    holders: BTreeSet<usize>,
}

impl SequentialSpec for Plain {
    type Op = Asked;
    type Ret = Heard;

    fn invoke(&mut self, asked: &Asked) -> Heard {
        let refused = |code: &str| Heard::Refused(code.to_owned());
        match asked {
            Asked::Charge(amount) => {
                self.balance += amount;
                Heard::Figure(self.balance)
            }
            Asked::Balance => Heard::Figure(self.balance),
            Asked::Stock => Heard::Figure(self.stock),
            Asked::Remaining => Heard::Figure(self.coupons),
            Asked::Order(units) if *units > self.stock => refused("STOCK_NOT_ENOUGH"),
            Asked::Order(units) if units * PRICE + SHIPPING > self.balance => refused("BALANCE_NOT_ENOUGH"),
            Asked::Order(units) => {
                self.stock -= units;
                self.balance -= units * PRICE + SHIPPING;
                Heard::Done
            }
            Asked::Issue(user) if self.holders.contains(user) => refused("COUPON_ALREADY_ISSUED"),
            Asked::Issue(_) if self.coupons == 0 => refused("COUPON_SOLD_OUT"),
            Asked::Issue(user) => {
                self.coupons -= 1;
                self.holders.insert(*user);
                Heard::Done
            }
        }
    }
}

const BEGINNING: Plain = Plain { balance: 20_000, stock: 3, coupons: 2, holders: BTreeSet::new() };

#[derive(Debug, Clone)]
enum Event {
    Asked(usize, Asked),
    Heard(usize, Heard),
}

/// Whether some sequential order of the requests gives these answers.
fn is_linearizable(history: &[Event]) -> bool {
    let mut tester = LinearizabilityTester::new(BEGINNING);
    for event in history {
        match event.clone() {
            Event::Asked(client, asked) => tester.on_invoke(client, asked).map(|_| ()),
            Event::Heard(client, heard) => tester.on_return(client, heard).map(|_| ()),
        }
        .expect("a client asks after it has heard");
    }
    tester.is_consistent()
}

async fn ask(shop: &TestShop, asked: &Asked) -> Heard {
    let (answer, figure) = match asked {
        Asked::Charge(amount) => {
            let body = json!({ "userId": "mina", "amount": amount });
            (shop.post("/balance/charge", body).as_user("mina").await, Some("balance"))
        }
        Asked::Balance => (shop.get("/balance/mina").as_user("mina").await, Some("balance")),
        Asked::Order(units) => (shop.order("mina", "tea", *units).await, None),
        Asked::Stock => (shop.get("/products/tea").await, Some("stock")),
        Asked::Issue(user) => (shop.issue(&format!("u{user}"), "welcome").await, None),
        Asked::Remaining => (shop.get("/coupons/welcome").as_admin().await, Some("remainingQuantity")),
    };
    if answer.status >= 400 {
        return Heard::Refused(answer.code().to_owned());
    }
    figure.map_or(Heard::Done, |figure| Heard::Figure(answer.body["data"][figure].as_i64().unwrap()))
}

/// The answers to three concurrent clients.
async fn history(asked: [Vec<Asked>; 3]) -> Vec<Event> {
    let shop = TestShop::with_instances(3);
    shop.product("tea", PRICE, BEGINNING.stock).await;
    shop.customer("mina", BEGINNING.balance).await;
    for user in 0..3 {
        shop.customer(&format!("u{user}"), 0).await;
    }
    shop.coupon("welcome", BEGINNING.coupons).await;
    let history: Arc<Mutex<Vec<Event>>> = Arc::default();
    let clients = asked.into_iter().enumerate().map(|(client, all)| {
        let (shop, history) = (shop.clone(), history.clone());
        tokio::spawn(async move {
            for asked in all {
                history.lock().unwrap().push(Event::Asked(client, asked.clone()));
                let heard = ask(&shop, &asked).await;
                history.lock().unwrap().push(Event::Heard(client, heard));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    shop.audit().await;
    history.lock().unwrap().clone()
}

/// Four requests of each client, another selection in each round.
fn questions(round: usize) -> [Vec<Asked>; 3] {
    std::array::from_fn(|client| {
        let question = |number: usize| match (round * 7 + client * 5 + number * 3 + round * number) % 9 {
            0 | 1 => Asked::Charge(13_000),
            2 => Asked::Balance,
            3 | 4 => Asked::Order(1),
            5 => Asked::Order(2),
            6 => Asked::Stock,
            7 => Asked::Issue(client),
            _ => Asked::Remaining,
        };
        (0..4).map(question).collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn answers_of_concurrent_clients_are_linearizable() {
    let mut heard = BTreeSet::new();
    for round in 0..18 {
        let history = history(questions(round)).await;
        assert!(is_linearizable(&history), "round {round}: {history:#?}");
        for event in &history {
            if let Event::Heard(_, answer) = event {
                heard.insert(match answer {
                    Heard::Figure(_) => "figure".to_owned(),
                    Heard::Done => "done".to_owned(),
                    Heard::Refused(code) => code.clone(),
                });
            }
        }
        // Figures that no order of the requests can give.
        for (place, event) in history.iter().enumerate() {
            if let Event::Heard(client, Heard::Figure(figure)) = event {
                let mut spoilt = history.clone();
                spoilt[place] = Event::Heard(*client, Heard::Figure(figure + 7));
                assert!(!is_linearizable(&spoilt), "round {round}: {spoilt:#?}");
            }
        }
    }
    println!("heard: {heard:?}");
    assert!(heard.contains("done") && heard.contains("figure"), "{heard:?}");
    assert!(heard.iter().any(|code| code.ends_with("_NOT_ENOUGH")), "{heard:?}");
}

#[test]
fn impossible_histories_are_found() {
    let (ask, hear) = (Event::Asked, Event::Heard);
    let (charge, balance) = (Asked::Charge(1_000), Asked::Balance);
    let (before, after) = (Heard::Figure(20_000), Heard::Figure(21_000));
    let one_after_the_other = |second: &Heard| {
        [ask(0, charge.clone()), hear(0, after.clone()), ask(1, balance.clone()), hear(1, second.clone())]
    };
    assert!(is_linearizable(&one_after_the_other(&after)));
    assert!(!is_linearizable(&one_after_the_other(&before)), "a charge that was acknowledged is not seen");
    let at_once = |second: &Heard| {
        [ask(0, charge.clone()), ask(1, balance.clone()), hear(1, second.clone()), hear(0, after.clone())]
    };
    assert!(is_linearizable(&at_once(&before)) && is_linearizable(&at_once(&after)));
    let twice = [ask(0, charge.clone()), ask(1, charge.clone()), hear(0, after.clone()), hear(1, after)];
    assert!(!is_linearizable(&twice), "one of two charges is lost");
    let sold = |second: Heard| {
        let rich = [ask(0, Asked::Charge(100_000)), hear(0, Heard::Figure(120_000))];
        let at_once = [ask(0, Asked::Order(2)), ask(1, Asked::Order(2)), hear(0, Heard::Done), hear(1, second)];
        is_linearizable(&[&rich[..], &at_once[..]].concat())
    };
    assert!(sold(Heard::Refused("STOCK_NOT_ENOUGH".to_owned())));
    assert!(!sold(Heard::Done), "more is sold than there is");
    let thrice = (0..3).flat_map(|user| [ask(user, Asked::Issue(user)), hear(user, Heard::Done)]);
    assert!(!is_linearizable(&thrice.collect::<Vec<_>>()), "more coupons than there are");
}
