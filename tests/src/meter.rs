//! Counts the cost of an operation at the wire: HTTP calls, and the capacity that DynamoDB reports as consumed.

use std::{
    fmt,
    ops::Add,
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// The cost of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Sequential round trips. Concurrent HTTP calls count as one.
    pub round_trips: u32,
    pub write_units: f64,
    pub read_units: f64,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            round_trips: self.round_trips + other.round_trips,
            write_units: self.write_units + other.write_units,
            read_units: self.read_units + other.read_units,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} round trips, {} write units, {} read units", self.round_trips, self.write_units, self.read_units)
    }
}

/// Adds up costs until they are taken.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cost: Cost,
    under_way: u32,
}

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Meter);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().under_way -= 1;
    }
}

impl Meter {
    /// The cost since the last time.
    pub fn take(&self) -> Cost {
        std::mem::take(&mut self.0.lock().unwrap().cost)
    }

    /// Counts a round trip that begins, unless another is under way.
    pub(crate) fn begin(&self) -> UnderWay {
        let mut state = self.0.lock().unwrap();
        state.cost.round_trips += u32::from(state.under_way == 0);
        state.under_way += 1;
        drop(state);
        UnderWay(self.clone())
    }

    /// Counts the units of a call by its operation and its answer.
    pub(crate) fn count(&self, operation: &str, answer: &Value) {
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
            table => table["CapacityUnits"].as_f64().unwrap_or(0.0),
        };
        let reads = matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems");
        let (read_units, write_units) = if reads { (consumed, 0.0) } else { (0.0, consumed) };
        let mut state = self.0.lock().unwrap();
        state.cost = state.cost + Cost { round_trips: 0, write_units, read_units };
    }
}
