//! What an account can sell, and what to ask for.

use std::fmt;

use crate::{
    account::{Account, Alarms, Source, Table},
    quotas::{Defaults, Needs, Quota, Sale},
};

/// A bound of a sale.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The most sales in a second.
    pub rate: f64,
    pub by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Quota(Quota),
    /// The throughput that the table takes at once.
    WarmThroughput,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(quota) => f.write_str(quota.words()),
            Self::WarmThroughput => f.write_str("the table's warm throughput, write units/s"),
        }
    }
}

/// The verdict on an account for a rate of sales.
#[derive(Debug)]
pub struct Verdict<'a> {
    account: &'a Account,
    defaults: &'a Defaults,
    /// The bounds of each kind of sale, the lowest first.
    bounds: Vec<(Sale, Vec<Bound>)>,
    /// What each bound must be.
    needs: &'a Needs,
    target: f64,
}

impl<'a> Verdict<'a> {
    pub fn new(account: &'a Account, defaults: &'a Defaults, needs: &'a Needs, sales: &[Sale], target: f64) -> Self {
        let bounds = sales.iter().map(|sale| (*sale, bounds_of(account, needs, *sale))).collect();
        Self { account, defaults, bounds, needs, target }
    }

    /// Whether the account can sell at the rate.
    pub fn is_met(&self) -> bool {
        self.bounds.iter().all(|(_, bounds)| bounds.iter().all(|bound| bound.rate >= self.target))
    }

    /// The quotas below the need of the rate, and the need.
    fn missing(&self) -> Vec<(By, f64)> {
        let mut missing: Vec<(By, f64)> = Vec::new();
        for (sale, bounds) in &self.bounds {
            for bound in bounds.iter().filter(|bound| bound.rate < self.target) {
                let need = self.target * self.need(*sale, bound.by);
                match missing.iter_mut().find(|(by, _)| *by == bound.by) {
                    Some((_, most)) => *most = most.max(need),
                    None => missing.push((bound.by, need)),
                }
            }
        }
        missing
    }

    fn need(&self, sale: Sale, by: By) -> f64 {
        let quota = match by {
            By::Quota(quota) => quota,
            By::WarmThroughput => Quota::TableWrites,
        };
        self.needs.get(&sale).and_then(|needs| needs.get(&quota)).copied().unwrap_or(0.0)
    }

    fn advice(&self, by: By, need: f64) -> String {
        let need = need.ceil();
        match by {
            By::WarmThroughput => {
                let name = self.account.table.as_ref().map_or("TABLE", |table| &table.name);
                format!(
                    "warm the table up: aws dynamodb update-table --table-name {name} --warm-throughput WriteUnitsPerSecond={need}"
                )
            }
            By::Quota(quota) => match self.defaults.get(&quota) {
                Some(default) if default.fixed => {
                    format!("{}: {need} are needed, and AWS does not raise it", quota.words())
                }
                Some(default) => {
                    let name = default.code.as_deref().unwrap_or(&default.name);
                    format!("{}: {need}, by Service Quotas: {} {name}", quota.words(), default.service)
                }
                None => format!("{}: {need}", quota.words()),
            },
        }
    }
}

fn bounds_of(account: &Account, needs: &Needs, sale: Sale) -> Vec<Bound> {
    let mut bounds = Vec::new();
    for (quota, need) in needs.get(&sale).into_iter().flatten().filter(|(_, need)| **need > 0.0) {
        if let Some((has, _)) = account.quotas.get(quota) {
            bounds.push(Bound { rate: has / need, by: By::Quota(*quota) });
        }
        let warm = account.table.as_ref().and_then(|table| table.warm_writes);
        if let (Quota::TableWrites, Some(warm)) = (quota, warm) {
            bounds.push(Bound { rate: warm as f64 / need, by: By::WarmThroughput });
        }
    }
    bounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    bounds
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account { quotas, table, alarms, unanswered } = self.account;
        for quota in Quota::ALL {
            let Some((has, source)) = quotas.get(&quota) else { continue };
            let source = match source {
                Source::Account => "",
                Source::DefaultOfRegion => "  (not told; the default of the region)",
            };
            writeln!(f, "{:<42}{has:>10}{source}", quota.words())?;
        }
        if let Some(table) = table {
            writeln!(f, "{table}")?;
        }
        if let Some(alarms) = alarms {
            writeln!(f, "{alarms}")?;
        }
        for question in unanswered {
            writeln!(f, "not known: {question}")?;
        }
        writeln!(f, "not read: the stack's RateLimit, which bounds each route; it must be {} at least\n", self.target)?;
        for (sale, bounds) in &self.bounds {
            if let Some(Bound { rate, by }) = bounds.first() {
                writeln!(f, "can sell {:.0} {}: first limit {by}", rate.floor(), sale.words())?;
            }
        }
        for (by, need) in self.missing() {
            writeln!(f, "ask for {}", self.advice(by, need))?;
        }
        let met = if self.is_met() { "is met" } else { "is not met" };
        write!(f, "the target of {} a second {met}", self.target)
    }
}

impl fmt::Display for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, silent, topics } = self;
        write!(f, "alarms {count}, of which notify nobody: {}", silent.len())?;
        if !silent.is_empty() {
            write!(f, " ({}; set AlarmEmail or AlarmTopicArn)", silent.join(", "))?;
        }
        for (topic, subscriptions) in topics {
            let name = topic.rsplit(':').next().unwrap_or(topic);
            let (confirmed, pending) = (subscriptions.confirmed, subscriptions.pending);
            write!(f, "\ntopic {name}: {confirmed} confirmed subscriptions, {pending} to be confirmed")?;
            if confirmed == 0 {
                f.write_str("; nobody hears of its alarms")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, warm_writes, is_protected, has_backup, has_stream } = self;
        let warm = warm_writes.map_or_else(|| "not told".to_owned(), |units| units.to_string());
        let on = |is_on: bool| if is_on { "on" } else { "off" };
        let backup = has_backup.map_or("not told", on);
        write!(
            f,
            "table {name}: warm write units/s {warm}, deletion protection {}, point-in-time recovery {backup}, stream {}",
            on(*is_protected),
            on(*has_stream)
        )
    }
}
