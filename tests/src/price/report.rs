//! The price, item by item.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{
    HEADER_BYTES, MINUTES_OF_A_MONTH, NIGHTS_OF_A_MONTH, OUTSIDE_BATCH, POLLS,
    count::{
        self, IdleCount, OrderCount, PageCount, Share, batch_of_queue, everything, queues_of, resource_of,
        work_queue_of,
    },
    milliseconds,
    prices::Prices,
    record::Recorder,
};
use crate::template::{Deployment, template};

/// The most that the shop may cost.
#[derive(Debug, Clone, Copy)]
pub struct Goals {
    /// A million paid orders of one line, in a quiet shop.
    pub million_orders: f64,
    /// A month without orders, with the template's defaults.
    pub idle_month: f64,
    /// A page with recent stock, as a share of the page with exact stock.
    pub recent_page: f64,
}

/// An item of the price, in one or more columns.
#[derive(Debug)]
struct Item {
    name: String,
    dollars: Vec<f64>,
    /// The counted quantity.
    note: String,
}

/// A table of items.
#[derive(Debug)]
struct Table {
    title: &'static str,
    columns: &'static [&'static str],
    items: Vec<Item>,
}

impl Table {
    fn add(&mut self, name: impl Into<String>, dollars: &[f64], note: impl Into<String>) {
        self.items.push(Item { name: name.into(), dollars: dollars.to_vec(), note: note.into() });
    }

    fn total(&self, column: usize) -> f64 {
        self.items.iter().map(|item| item.dollars[column]).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<34}", self.title)?;
        self.columns.iter().try_for_each(|column| write!(f, "{column:>10}"))?;
        writeln!(f)?;
        for Item { name, dollars, note } in &self.items {
            write!(f, "  {name:<32}")?;
            dollars.iter().try_for_each(|dollars| write!(f, "{dollars:>10.2}"))?;
            writeln!(f, "  {note}")?;
        }
        write!(f, "  {:<32}", "total")?;
        (0..self.columns.len()).try_for_each(|column| write!(f, "{:>10.2}", self.total(column)))?;
        writeln!(f)
    }
}

/// The price of the shop in a region.
#[derive(Debug)]
pub struct Report {
    prices: Prices,
    orders: Table,
    idle: Table,
    pages: Table,
    /// What options add to an idle month.
    options: Vec<(String, [f64; 2])>,
}

/// The memory and the processor of functions, by the template.
#[derive(Debug)]
struct Lambda<'p> {
    prices: &'p Prices,
    memory: BTreeMap<String, f64>,
}

impl<'p> Lambda<'p> {
    fn new(prices: &'p Prices) -> Self {
        let default = &template()["Globals"]["Function"]["MemorySize"];
        let functions = everything().resources("AWS::Serverless::Function").into_values();
        let memory = |function: &Value| {
            let own = &function["MemorySize"];
            (if own.is_null() { default } else { own }).as_f64().expect("a function has memory")
        };
        let name = |function: &Value| {
            let code = function["CodeUri"].as_str().expect("a function has code");
            code.rsplit('/').next().unwrap_or(code).to_owned()
        };
        Self { prices, memory: functions.map(|function| (name(function), memory(function))).collect() }
    }

    fn gigabyte_seconds(&self, function: &str, milliseconds: f64) -> f64 {
        self.memory[function] / 1_024.0 * milliseconds / 1_000.0
    }

    fn duration(&self, function: &str, milliseconds: f64) -> f64 {
        self.gigabyte_seconds(function, milliseconds) * self.prices.lambda_arm64.each()
    }
}

impl Report {
    /// Counts, and computes the price.
    pub async fn of(recorder: &Recorder, prices: Prices) -> Self {
        let (quiet, busy) = Box::pin(count::order(recorder)).await;
        let orders = orders(&prices, [&quiet, &busy]);
        let counted = Box::pin(count::idle(recorder)).await;
        let idle = idle(&prices, &counted, &Deployment::with(&[]));
        let options = options(&prices, &counted, &idle);
        let pages = pages(&prices, &Box::pin(count::pages(recorder)).await);
        Self { prices, orders, idle, pages, options }
    }

    /// The goals, each with whether it is met, in words.
    pub fn goals(&self, goals: &Goals) -> Vec<(bool, String)> {
        let orders = self.orders.total(0);
        let (list, billed) = (self.idle.total(0), self.idle.total(1));
        let share = self.pages.total(2) / self.pages.total(0);
        let (percent, wanted) = (100.0 * share, 100.0 * goals.recent_page);
        vec![
            (
                orders <= goals.million_orders,
                format!("a million quiet orders cost {orders:.2}, and {:.2} is the goal", goals.million_orders),
            ),
            (
                billed <= goals.idle_month,
                format!(
                    "an idle month is billed {billed:.2}, and {:.2} is the goal (a second stack of the account: {list:.2})",
                    goals.idle_month
                ),
            ),
            (
                share <= goals.recent_page,
                format!(
                    "a page with recent stock costs {percent:.0} % of one with exact stock, and {wanted:.0} % is the goal"
                ),
            ),
        ]
    }
}

fn orders(prices: &Prices, counts: [&OrderCount; 2]) -> Table {
    let mut table =
        Table { title: "A million paid orders of one line", columns: &["quiet", "busy"], items: Vec::new() };
    let million = |each: [f64; 2]| each.map(|each| each * 1e6);
    let lambda = Lambda::new(prices);
    let of = |part: fn(&Share) -> f64, function: &str| counts.map(|it| it.shares.get(function).map_or(0.0, part));
    let all = |part: fn(&Share) -> f64| counts.map(|it| it.shares.values().map(part).sum::<f64>());

    table.add("HTTP API", &million([prices.http_api.each(); 2]), "1 request");
    let bytes = counts.map(|it| it.answer_bytes + HEADER_BYTES);
    table.add("answers to the internet", &million(bytes.map(|it| it * prices.egress.each())), bytes_note(bytes));

    let calls = all(|share| share.invocations);
    let note = format!("{:.2} and {:.2} invocations", calls[0], calls[1]);
    table.add("Lambda, requests", &million(calls.map(|it| it * prices.lambda_requests.each())), note);
    for function in counts[0].shares.keys() {
        let (one, full) = milliseconds(function);
        let calls = of(|share| share.invocations, function);
        let dollars = [calls[0] * lambda.duration(function, one), calls[1] * lambda.duration(function, full)];
        let note = format!("{one:.0} ms, and {full:.0} ms a full batch, {:.0} MB: a model", lambda.memory[*function]);
        table.add(format!("Lambda, {function}"), &million(dollars), note);
    }
    for (name, function) in [("the order", "create-order"), ("counting it", "count-sales"), ("the desk", "update-desk")]
    {
        let units = of(|share| share.write_units, function);
        let note = format!("{:.1} and {:.1} units", units[0], units[1]);
        table.add(format!("writes, {name}"), &million(units.map(|it| it * prices.dynamodb_writes.each())), note);
    }
    let units = all(|share| share.read_units);
    let note = format!("{:.1} and {:.1} units", units[0], units[1]);
    table.add("reads", &million(units.map(|it| it * prices.dynamodb_reads.each())), note);

    let entries = counts.map(|it| it.events.values().sum::<f64>());
    let note = format!("{:.0} events", entries[0]);
    table.add("EventBridge", &million(entries.map(|it| it * prices.event_bridge_entries.each())), note);
    let mut requests = BTreeMap::<&str, [f64; 2]>::new();
    for (place, it) in counts.into_iter().enumerate() {
        for (kind, number) in &it.events {
            let direct = work_queue_of(kind).into_iter().map(|queue| (queue, [1.0, RELAY_BATCH][place]));
            // The bus sends each by itself, the relay up to ten.
            for (queue, sent) in queues_of(kind).into_iter().map(|queue| (queue, 1.0)).chain(direct) {
                requests.entry(queue).or_default()[place] += number * requests_of(queue, sent, place);
            }
        }
        let of_desk = it.desk_messages * requests_of("Desk", [1.0, RELAY_BATCH][place], place);
        requests.entry("Desk").or_default()[place] += of_desk;
    }
    for (queue, requests) in requests {
        let note = format!("{:.2} and {:.2} requests", requests[0], requests[1]);
        table.add(format!("SQS, {queue}"), &million(requests.map(|it| it * prices.sqs_requests.each())), note);
    }
    for function in counts[0].shares.keys() {
        let bytes = of(|share| share.log_bytes, function);
        table.add(
            format!("log, {function}"),
            &million(bytes.map(|it| it * prices.log_ingestion.each())),
            bytes_note(bytes),
        );
    }
    table
}

/// The requests for a message of a queue that gets so many at once. Receipt and removal are of a batch.
fn requests_of(queue: &str, sent: f64, place: usize) -> f64 {
    let most = batch_of_queue(queue).map_or(OUTSIDE_BATCH[place], |most| [1.0, most as f64][place]);
    1.0 / sent + 2.0 / most
}

fn bytes_note(bytes: [f64; 2]) -> String {
    format!("{:.0} and {:.0} bytes", bytes[0], bytes[1])
}

/// A month without orders: at list prices, and after the allowances of an account that has nothing else.
fn idle(prices: &Prices, counted: &IdleCount, deployment: &Deployment) -> Table {
    let mut table = Table { title: "A month without orders", columns: &["list", "billed"], items: Vec::new() };
    let allowances = &prices.allowances;
    let mut add = |name: &str, number: f64, allowance: f64, each: f64, note: String| {
        table.add(name, &[number * each, (number - allowance).max(0.0) * each], note);
    };
    let alarms = deployment.resources("AWS::CloudWatch::Alarm");
    let metrics = alarms.values().map(|alarm| metrics_of(alarm)).sum::<usize>() as f64;
    let note = format!("{metrics} metrics of {} alarms", alarms.len());
    add("alarms", metrics, allowances.alarm_metrics.number, prices.alarm_metric.each(), note);
    let dashboards = deployment.resources("AWS::CloudWatch::Dashboard").len() as f64;
    add("dashboard", dashboards, allowances.dashboards.number, prices.dashboard.each(), format!("{dashboards}"));
    let nightly: f64 = counted.nightly.iter().map(|(_, hours)| hours / 24.0).sum();
    let names = counted.nightly.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> = counted.metrics.iter().map(String::as_str).chain(names).collect();
    let number = counted.metrics.len() as f64 + nightly;
    let note = format!("{number:.2} for the hours in which they are written: {}", names.join(", "));
    add("metrics of functions", number, allowances.custom_metrics.number, prices.custom_metric.each(), note);

    let functions = deployment.resources("AWS::Serverless::Function");
    let polled: Vec<&str> =
        functions.values().filter_map(|it| resource_of(&it["Events"]["Queue"]["Properties"]["Queue"])).collect();
    let polls = polled.len() as f64 * POLLS * MINUTES_OF_A_MONTH;
    let runs = runs_of(counted, &functions);
    let looks: f64 = runs.iter().filter(|run| run.function == "watch").map(|run| run.times).sum();
    let looks = looks * watched(deployment);
    // Each heartbeat is sent, deferred and removed. Its receipts are among the polls.
    let beats = counted.desk_messages * 3.0 * MINUTES_OF_A_MONTH;
    let polled = polled.join(", ");
    let note =
        format!("{POLLS:.0} polls a minute of {polled}: a model; {looks:.0} by the watch, {beats:.0} of heartbeats");
    add("SQS", polls + looks + beats, allowances.sqs_requests.number, prices.sqs_requests.each(), note);

    let calls: f64 = runs.iter().filter(|run| run.is_scheduled).map(|run| run.times).sum();
    let note = format!("{calls:.0} calls");
    add("Scheduler", calls, allowances.scheduler_calls.number, prices.scheduler_calls.each(), note);
    let lambda = Lambda::new(prices);
    let calls: f64 = runs.iter().map(|run| run.times).sum();
    let note = format!("{calls:.0} invocations");
    add("Lambda, requests", calls, allowances.lambda_requests.number, prices.lambda_requests.each(), note);
    let seconds = runs.iter().map(|run| run.times * lambda.gigabyte_seconds(run.function, run.milliseconds)).sum();
    let note = format!("{seconds:.0} GB-s: a model");
    add("Lambda, duration", seconds, allowances.lambda_gb_seconds.number, prices.lambda_arm64.each(), note);
    let sum = |part: fn(&Share) -> f64| runs.iter().map(|run| run.times * part(run.share)).sum::<f64>();
    let units = sum(|share| share.write_units);
    add("writes", units, 0.0, prices.dynamodb_writes.each(), format!("{units:.0} units"));
    let units = sum(|share| share.read_units);
    add("reads", units, 0.0, prices.dynamodb_reads.each(), format!("{units:.0} units"));
    let bytes = sum(|share| share.log_bytes);
    let note = format!("{:.1} MB, kept for a month", bytes / 1e6);
    let each = prices.log_ingestion.each() + prices.log_storage.each();
    // Ingestion and storage share the allowance.
    add("log", bytes, allowances.log_gb.number * 1e9 / 2.0, each, note);
    table
}

/// Messages of a full call of the relay to a queue.
const RELAY_BATCH: f64 = 10.0;

/// The queues that the watch looks at in each run.
fn watched(deployment: &Deployment) -> f64 {
    let urls = &template()["Resources"]["Watch"]["Properties"]["Environment"]["Variables"]["WATCHED_QUEUES"];
    let urls = urls["Fn::Join"][1].as_array().into_iter().flatten();
    let exists = |url: &&Value| url["Fn::If"][0].as_str().is_none_or(|condition| deployment.holds(condition));
    urls.filter(exists).count() as f64
}

/// CloudWatch bills an alarm for each metric of its formula.
fn metrics_of(alarm: &Value) -> usize {
    alarm["Metrics"].as_array().map_or(1, |metrics| metrics.iter().filter(|it| it["MetricStat"].is_object()).count())
}

/// The runs of a function in an idle month.
#[derive(Debug)]
struct Run<'c> {
    function: &'c str,
    share: &'c Share,
    times: f64,
    milliseconds: f64,
    is_scheduled: bool,
}

fn runs_of<'c>(counted: &'c IdleCount, functions: &BTreeMap<&str, &Value>) -> Vec<Run<'c>> {
    let run = |(name, share): (&&'c str, &'c Share)| {
        let (function, schedule) = name.split_once(' ').unwrap_or((name, ""));
        let is_scheduled = !["count-sales", "relay-events", "update-desk"].contains(&function);
        let kind = if is_scheduled { name } else { "heartbeat" };
        let times = if is_scheduled { calls_of(functions, function, schedule)? } else { MINUTES_OF_A_MONTH };
        Some(Run { function, share, times, milliseconds: milliseconds(kind).0, is_scheduled })
    };
    counted.shares.iter().filter_map(run).collect()
}

/// The calls of a function's schedule in a month, or of its only one, if there is the function.
fn calls_of(functions: &BTreeMap<&str, &Value>, function: &str, schedule: &str) -> Option<f64> {
    let is_it = |it: &&&Value| it["CodeUri"].as_str().is_some_and(|code| code.ends_with(&format!("/{function}")));
    let events = functions.values().find(is_it)?["Events"].as_object().expect("a function has events");
    assert!(events.len() == 1 || !schedule.is_empty(), "{function} has several schedules");
    let event = if schedule.is_empty() { events.values().next() } else { events.get(schedule) };
    let expression = event.and_then(|event| event["Properties"]["ScheduleExpression"].as_str());
    Some(calls_of_expression(expression.unwrap_or_else(|| panic!("{function} {schedule} has a schedule"))))
}

fn calls_of_expression(expression: &str) -> f64 {
    let inside = |kind: &str| expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inside("rate") {
        let (number, unit) = rate.split_once(' ').expect("a number and a unit");
        let minutes = if unit.starts_with("minute") { 1.0 } else { 60.0 };
        return MINUTES_OF_A_MONTH / (number.parse::<f64>().expect("a number") * minutes);
    }
    let cron = inside("cron").unwrap_or_else(|| panic!("{expression} is a rate or a cron expression"));
    let mut fields = cron.split(' ');
    let (minutes, hours) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    times(minutes, 60.0) * times(hours, 24.0) * NIGHTS_OF_A_MONTH
}

/// The values of a field of a cron expression: `5`, `3-5` or `0/5`.
fn times(field: &str, all: f64) -> f64 {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match (field.split_once('-'), field.split_once('/')) {
        (Some((first, last)), _) => number(last) - number(first) + 1.0,
        (_, Some((first, step))) => ((all - number(first)) / number(step)).ceil(),
        _ => 1.0,
    }
}

/// What options add to an idle month, if each is the only one.
fn options(prices: &Prices, counted: &IdleCount, without: &Table) -> Vec<(String, [f64; 2])> {
    let given = [("Alarms", "ALL"), ("ShowDashboard", "true"), ("DataPlatformUrl", "https://data.example/orders")];
    let added = |(name, value)| {
        let with = idle(prices, counted, &Deployment::with(&[(name, value)]));
        (format!("{name}={value}"), [0, 1].map(|column| with.total(column) - without.total(column)))
    };
    given.map(added).into()
}

fn pages(prices: &Prices, counts: &[PageCount; 3]) -> Table {
    let mut table =
        Table { title: "A million pages of 20 products", columns: &["exact", "recent", "in 1 s"], items: Vec::new() };
    let lambda = Lambda::new(prices);
    let million = |part: &dyn Fn(&PageCount) -> f64| counts.iter().map(|page| part(page) * 1e6).collect::<Vec<_>>();
    table.add("HTTP API", &million(&|_| prices.http_api.each()), "1 request");
    let bytes = |page: &PageCount| page.answer_bytes + HEADER_BYTES;
    let note = format!("{:.0} bytes", bytes(&counts[1]));
    table.add("answers to the internet", &million(&|page| bytes(page) * prices.egress.each()), note);
    let (ms, _) = milliseconds("list-products");
    let note = format!("{ms:.0} ms, {:.0} MB: a model", lambda.memory["list-products"]);
    let each = prices.lambda_requests.each() + lambda.duration("list-products", ms);
    table.add("Lambda", &million(&|_| each), note);
    let note = counts.iter().map(|page| format!("{:.1}", page.share.read_units)).collect::<Vec<_>>().join(", ");
    table.add("reads", &million(&|page| page.share.read_units * prices.dynamodb_reads.each()), note + " units");
    let note = format!("{:.0} bytes", counts[1].share.log_bytes);
    table.add("log", &million(&|page| page.share.log_bytes * prices.log_ingestion.each()), note);
    table
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prices, orders, idle, pages, options } = self;
        writeln!(f, "List prices of {} on {}, in US dollars.", prices.region, prices.date)?;
        writeln!(
            f,
            "Counted by the shipped handlers: requests, units, events, invocations, bytes of the log, metrics."
        )?;
        writeln!(
            f,
            "A model, marked so: durations of functions, polls of idle queues, batches of the delivery system."
        )?;
        writeln!(
            f,
            "Only a bill of AWS can tell: cold starts, retries, conflicts, the hours in which a metric counts.\n"
        )?;
        writeln!(f, "{orders}\n{idle}")?;
        for (option, [list, billed]) in options {
            writeln!(f, "  {option:<46}{list:>+10.2}{billed:>+10.2}")?;
        }
        writeln!(f, "\n{pages}")
    }
}
