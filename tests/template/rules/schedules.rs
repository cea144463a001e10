//! Schedules: a failed run waits for the next one, or is told.

use functions::schedule::audit_books::INTERVAL;
use jiff::SignedDuration;
use serde_json::Value;

use super::{Fault, Found, Rule, Violation, properties, remove};
use crate::{
    plain::{Plain, Resource, target},
    sets::Set,
};

/// The hours of an audit of ten million orders: 32 passes, one in ten minutes (`docs/operations/audit.md`).
const LONGEST_AUDIT: SignedDuration = SignedDuration::from_mins(32 * 10);

pub const RULES: &[Rule] = &[
    Rule {
        name: "scheduled runs are not repeated behind one's back",
        finding: "P10",
        check: retries,
        faults: &[
            Fault {
                name: "a sweep that Lambda runs three times",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Resources"], "SweepEventInvokeConfig"),
            },
            Fault {
                name: "an audit that Lambda runs twice",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "AuditBooksEventInvokeConfig")["MaximumRetryAttempts"] = 1.into()
                },
            },
            Fault {
                name: "a setting for another version than the one that runs",
                set: Set::Defaults,
                plant: |template| properties(template, "SweepEventInvokeConfig")["Qualifier"] = "live".into(),
            },
            Fault {
                name: "a sweep that the scheduler sends again for a day",
                set: Set::Defaults,
                plant: |template| remove(&mut properties(template, "SweepMinute")["Target"], "RetryPolicy"),
            },
        ],
    },
    Rule {
        name: "a nightly run that fails is told",
        finding: "P10",
        check: failures,
        faults: &[Fault {
            name: "an audit that fails in silence",
            set: Set::Defaults,
            plant: |template| {
                remove(&mut properties(template, "AuditBooksEventInvokeConfig")["DestinationConfig"], "OnFailure")
            },
        }],
    },
    Rule {
        name: "schedules run, at the shop's hours",
        finding: "P10",
        check: hours,
        faults: &[
            Fault {
                name: "a schedule that is switched off",
                set: Set::Defaults,
                plant: |template| properties(template, "SweepMinute")["State"] = "DISABLED".into(),
            },
            Fault {
                name: "an audit in the afternoon",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "AuditBooksEachNight"), "ScheduleExpressionTimezone"),
            },
        ],
    },
    Rule {
        name: "an audit has the hours that it needs, and no more than until it is given up",
        finding: "P5",
        check: audits,
        faults: &[
            Fault {
                name: "too few hours for a large shop",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "AuditBooksUntilDone")["ScheduleExpression"] = "cron(5/5 6-9 * * ? *)".into()
                },
            },
            Fault {
                name: "a second audit on the same day",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "AuditBooksUntilDone")["ScheduleExpression"] = "cron(5/5 6-22 * * ? *)".into()
                },
            },
        ],
    },
];

/// The setting of a schedule's asynchronous calls.
fn asynchronous<'p>(plain: &'p Plain, schedule: &Resource) -> Option<&'p Resource> {
    let function = plain.function_of(&schedule["Target"]["Arn"])?;
    // A function without an alias is called in its latest version.
    let alias = plain.named(&schedule["Target"]["Arn"], "AWS::Lambda::Alias");
    let qualifier = alias.map_or("$LATEST", |alias| alias["Name"].as_str().unwrap_or_default());
    plain
        .of("AWS::Lambda::EventInvokeConfig")
        .find(|setting| target(&setting["FunctionName"]) == Some(&function.id) && setting["Qualifier"] == qualifier)
}

fn retries(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for schedule in plain.of("AWS::Scheduler::Schedule") {
        let setting = asynchronous(plain, schedule).map_or(&Value::Null, |setting| &setting["MaximumRetryAttempts"]);
        found.require(*setting == 0, &schedule.id, "must call a function that Lambda does not call again");
        if schedule["ScheduleExpression"] == "rate(1 minute)" {
            let policy = &schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"];
            found.require(*policy == 0, &schedule.id, "must leave a failed call to the next minute");
        }
    }
    found.0
}

/// A run of the night is not repeated for a day.
fn failures(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for schedule in plain.of("AWS::Scheduler::Schedule").filter(|schedule| is_daily(schedule)) {
        let destination = asynchronous(plain, schedule).map(|it| &it["DestinationConfig"]["OnFailure"]["Destination"]);
        let queue = destination.and_then(|arn| plain.named(arn, "AWS::SQS::Queue"));
        found.require(queue.is_some(), &schedule.id, "must send its failures to a queue");
    }
    found.0
}

/// Whether a schedule calls once a day: at one minute of one hour.
fn is_daily(schedule: &Resource) -> bool {
    let expression = schedule["ScheduleExpression"].as_str().unwrap_or_default();
    let mut fields = expression.strip_prefix("cron(").unwrap_or_default().split(' ').take(2).peekable();
    fields.peek().is_some_and(|field| !field.is_empty()) && fields.all(|field| field.parse::<u8>().is_ok())
}

fn hours(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for schedule in plain.of("AWS::Scheduler::Schedule") {
        found.require(schedule["State"] != "DISABLED", &schedule.id, "must be on");
        let is_at_hours = schedule["ScheduleExpression"].as_str().is_some_and(|it| it.starts_with("cron("));
        let is_zoned = schedule["ScheduleExpressionTimezone"] == "Asia/Seoul";
        found.require(is_zoned || !is_at_hours, &schedule.id, "must go by the time of Seoul");
    }
    found.0
}

fn audits(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let of_audits = |schedule: &&Resource| {
        plain.function_of(&schedule["Target"]["Arn"]).is_some_and(|function| function.id == "AuditBooks")
    };
    let hours = plain.of("AWS::Scheduler::Schedule").filter(of_audits).filter_map(hours_in_a_row).max();
    let is_enough = hours.is_some_and(|hours| LONGEST_AUDIT < hours && hours < INTERVAL);
    found.require(is_enough, "AuditBooks", "must be called for hours, and not after the next audit can begin");
    found.0
}

/// The time from the first hour of a schedule to the end of its last.
fn hours_in_a_row(schedule: &Resource) -> Option<SignedDuration> {
    let (first, last) = schedule["ScheduleExpression"].as_str()?.split(' ').nth(1)?.split_once('-')?;
    let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
    Some(SignedDuration::from_hours(last - first + 1))
}
