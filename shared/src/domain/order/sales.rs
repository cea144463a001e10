//! The units that an order sold, and gave back, step by step.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{HistoryEvent, Order};
use crate::domain::ProductId;

/// A step of an order that sold units, or gave some back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The order's version from this step on.
    pub version: u64,
    pub at: Timestamp,
    /// Units of each product; below zero if they were given back.
    pub units: BTreeMap<ProductId, i64>,
}

impl Order {
    /// All steps that sold units or gave some back, oldest first. The payment sells all units; later cancellations and
    /// returns give theirs back. Units that cost nothing do not count. Nothing if the history does not lead to the
    /// lines as they are.
    pub fn sales(&self) -> Option<Vec<Sale>> {
        let Some(paid) = self.history.iter().position(|entry| entry.event == HistoryEvent::Paid) else {
            return self.paid_at.is_none().then(Vec::new);
        };
        let mut sales = Vec::new();
        let mut live: Vec<i64> = self.items.iter().map(|line| i64::from(line.quantity.get())).collect();
        for (entry, version) in self.history.iter().zip(1..).skip(paid) {
            let mut units: BTreeMap<ProductId, i64> = BTreeMap::new();
            if entry.event == HistoryEvent::Paid {
                for (line, live) in self.items.iter().zip(&live).filter(|(line, _)| !line.is_free()) {
                    *units.entry(line.product_id.clone()).or_default() += live;
                }
            }
            for step in &entry.lines {
                let index = step.number.checked_sub(1)?;
                *live.get_mut(index)? -= i64::from(step.units);
                let line = self.items.get(index)?;
                if !line.is_free() {
                    *units.entry(line.product_id.clone()).or_default() -= i64::from(step.units);
                }
            }
            units.retain(|_, units| *units != 0);
            if !units.is_empty() {
                sales.push(Sale { version, at: entry.at, units });
            }
        }
        let is_so = self.items.iter().map(|line| i64::from(line.live_units())).eq(live);
        (is_so && self.paid_at.is_some()).then_some(sales)
    }
}
