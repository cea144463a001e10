//! The answers of charges, adjustments and restocks against their effects. A success has had its effect once, a refusal none, and a
//! request without an answer one or none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::quiesce;
use crate::Call;

/// The effect of a successful request on a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Effect {
    /// The sum: the charges or the adjustments of a user, or the received units of a product.
    to: (Sum, String),
    amount: i64,
}

/// The kinds of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sum {
    Charged,
    Adjusted,
    Received,
}

/// The knowledge of a request's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    /// It was refused.
    None,
    /// There was no answer.
    Perhaps,
    /// It was made.
    Made,
}

impl Effect {
    /// The effect of a call, if it adds to one of the sums.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let body = call.sent();
        let (sum, id, amount) = match call.function() {
            "charge-balance" => (Sum::Charged, &body["userId"], &body["amount"]),
            "adjust-balance" => (Sum::Adjusted, &body["userId"], &body["amount"]),
            "create-product" => (Sum::Received, &body["productId"], &body["stock"]),
            "restock-product" => {
                let product = Value::from(call.path().split('/').nth(2).unwrap_or_default());
                return Some(Self { to: (Sum::Received, text(&product)), amount: body["quantity"].as_i64()? });
            }
            _ => return None,
        };
        Some(Self { to: (sum, text(id)), amount: amount.as_i64()? })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The bounds of each sum.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(Sum, String), (i64, i64)>);

impl Tally {
    /// Enters the knowledge of an effect.
    pub(super) fn enter(&mut self, Effect { to, amount }: Effect, known: Known) {
        let (least, most) = self.0.entry(to).or_default();
        match known {
            Known::None => {}
            Known::Perhaps => {
                *least += amount.min(0);
                *most += amount.max(0);
            }
            Known::Made => {
                *least += amount;
                *most += amount;
            }
        }
    }

    /// The sums in the table that are out of their bounds.
    pub(super) fn violations(&self, items: &[Value]) -> Vec<String> {
        let mut sums: BTreeMap<(Sum, String), i64> = BTreeMap::new();
        for item in items {
            let (pk, sk) = (quiesce::text(item, "pk"), quiesce::text(item, "sk"));
            let sum = match quiesce::text(item, "type") {
                // A top-up is no request of its own.
                "CHARGE" if item["paymentId"].is_null() => Some(Sum::Charged),
                // The rest of the balance of a user who left is not asked for by amount.
                "ADJUSTMENT" if quiesce::text(item, "entryId").starts_with("withdrawn-") => None,
                "ADJUSTMENT" => Some(Sum::Adjusted),
                _ => None,
            };
            if let Some(sum) = sum.filter(|_| sk.starts_with("LEDGER#")) {
                *sums.entry((sum, pk.trim_start_matches("USER#").to_owned())).or_default() +=
                    quiesce::number(item, "amount");
            }
            if let Some(product) = quiesce::product_of_shard(pk) {
                *sums.entry((Sum::Received, product.to_owned())).or_default() += quiesce::number(item, "received");
            }
        }
        let nothing = (0, 0);
        let violations = sums.iter().filter_map(|(of, sum)| {
            let (least, most) = self.0.get(of).unwrap_or(&nothing);
            let (what, whose) = of;
            (sum < least || sum > most).then(|| format!("{what:?} of {whose} is {sum}, not between {least} and {most}"))
        });
        violations.collect()
    }
}
