//! Random requests: the books stay whole, and nothing panics.

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Begin { order: u8, is_account: bool },
    Confirm { attempt: usize },
    Cancel { attempt: usize, amount: i64, refund: u8 },
    Deposit { order: u8 },
    Wait { minutes: i64 },
    Fault { does: &'static str },
}

fn step() -> impl Strategy<Value = Step> {
    let does = prop::sample::select(vec!["FAIL_BEFORE", "FAIL_AFTER", "SILENT_AFTER", "TAKEN_LATER", "DECLINE"]);
    prop_oneof![
        (0..4_u8, any::<bool>()).prop_map(|(order, is_account)| Step::Begin { order, is_account }),
        (0..8_usize).prop_map(|attempt| Step::Confirm { attempt }),
        (0..8_usize, 0..12_000_i64, 0..4_u8).prop_map(|(attempt, amount, refund)| Step::Cancel {
            attempt,
            amount,
            refund
        }),
        (0..4_u8).prop_map(|order| Step::Deposit { order }),
        (0..200_i64).prop_map(|minutes| Step::Wait { minutes }),
        does.prop_map(|does| Step::Fault { does }),
    ]
}

/// Plays the steps, and returns the answers.
fn play(shop: &mut Shop, steps: &[Step]) -> Vec<Response> {
    let mut attempts: Vec<(String, String)> = Vec::new();
    let mut answers = Vec::new();
    for step in steps {
        match step {
            Step::Begin { order, is_account } => {
                let method = if *is_account { "VIRTUAL_ACCOUNT" } else { "CARD" };
                let order = format!("p{order}");
                let body =
                    json!({ "clientKey": CLIENT_KEY, "merchantOrderId": order, "amount": 10_000, "method": method });
                let (status, answer) = shop.call("POST", "/checkout", body);
                if status == 200 {
                    attempts.push((order, answer["paymentKey"].as_str().unwrap().to_owned()));
                }
            }
            Step::Confirm { attempt } => {
                let Some((order, key)) = attempts.get(*attempt) else { continue };
                let body = json!({ "paymentKey": key, "orderId": order, "amount": 10_000 });
                answers.push(shop.send("POST", "/v1/payments/confirm", Some(&format!("{order}:{key}")), &body));
            }
            Step::Cancel { attempt, amount, refund } => {
                let Some((_, key)) = attempts.get(*attempt) else { continue };
                let body = json!({ "cancelReason": format!("refund {refund}"), "cancelAmount": amount });
                let path = format!("/v1/payments/{key}/cancel");
                answers.push(shop.send("POST", &path, Some(&refund.to_string()), &body));
            }
            Step::Deposit { order } => {
                shop.call("POST", "/deposits", json!({ "merchantOrderId": format!("p{order}") }));
            }
            Step::Wait { minutes } => shop.wait(SignedDuration::from_mins(*minutes)),
            Step::Fault { does } => shop.set_faults(
                "/faults",
                json!(["CONFIRM", "CANCEL"].map(|on| json!({ "on": on, "does": does, "times": 1, "afterMs": 60_000 }))),
            ),
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_books_agree_with_the_statements_whatever_happens(steps in vec(step(), 0..60)) {
        let (mut shop, mut twin) = (Shop::new(), Shop::new());
        let answers = play(&mut shop, &steps);
        prop_assert_eq!(&answers, &play(&mut twin, &steps), "equal requests have equal answers");

        let entries: Vec<Entry> = shop.provider.entries().collect();
        for order in 0..4 {
            let order = format!("p{order}");
            let paid = entries.iter().filter(|entry| entry.merchant_order_id == order && entry.paid > 0).count();
            prop_assert!(paid <= 1, "{} is paid {} times", order, paid);
        }
        prop_assert!(entries.iter().all(|entry| entry.cancelled <= entry.paid));
        let sums = shop.provider.sums();
        prop_assert_eq!(sums.held, sums.paid - sums.cancelled);

        let (mut paid, mut cancelled) = (0, 0);
        let start: Timestamp = Shop::new().now;
        for days in 0..=10 {
            let day = crate::text::day(start + SignedDuration::from_hours(24 * days));
            for line in shop.provider.statement(day).lines().skip(1) {
                let fields: Vec<&str> = line.split(',').collect();
                let sum = if fields[2] == "PAYMENT" { &mut paid } else { &mut cancelled };
                *sum += fields[4].parse::<i64>().unwrap();
            }
        }
        prop_assert_eq!((paid, cancelled), (sums.paid, sums.cancelled));
    }
}
