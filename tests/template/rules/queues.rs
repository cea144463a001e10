//! Queues: waiting work raises alarms, and work that nobody takes is kept.

use serde_json::{Value, json};
use shared::lambda::dead_letters::MAX_MESSAGE;

use super::{
    Fault, Found, Rule, Violation,
    metrics::{alarms_on, has_all_alarms},
    permissions::OUTSIDE,
    properties, remove, remove_item, statement, variables,
};
use crate::{
    plain::{Plain, Resource, arn_of, attribute_of, binary_of, entries, many, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "work that waits too long raises an alarm",
        finding: "P2",
        check: waiting,
        faults: &[
            Fault {
                name: "payment requests that rot unseen",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Resources"], "PaymentRequestsAlarm"),
            },
            Fault {
                name: "an alarm on the number of instructions",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "ShippingInstructionsAlarm")["MetricName"] =
                        "ApproximateNumberOfMessagesVisible".into();
                },
            },
            Fault {
                name: "an alarm after all messages are gone",
                set: Set::Defaults,
                plant: |template| properties(template, "PaymentResultsAlarm")["Threshold"] = 1_300_000.into(),
            },
        ],
    },
    Rule {
        name: "work that nobody takes is set aside",
        finding: "P2",
        check: redrive,
        faults: &[
            Fault {
                name: "a queue without dead letters",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "Expiry"), "RedrivePolicy"),
            },
            Fault {
                name: "a message that comes back for ever",
                set: Set::Defaults,
                plant: |template| properties(template, "Expiry")["RedrivePolicy"]["maxReceiveCount"] = 1_000.into(),
            },
            Fault {
                name: "a message that comes back while it is handled",
                set: Set::Defaults,
                plant: |template| properties(template, "PaymentResults")["VisibilityTimeout"] = 30.into(),
            },
            Fault {
                name: "work that is kept for four days",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "PaymentRequests"), "MessageRetentionPeriod"),
            },
        ],
    },
    Rule {
        name: "dead letters and notices raise an alarm at once",
        finding: "P2",
        check: letters,
        faults: &[
            Fault {
                name: "dead letters that nobody sees",
                set: Set::Everything,
                plant: |template| remove(&mut template["Resources"], "ExpiryDeadLettersAlarm"),
            },
            Fault {
                name: "an alarm on another queue",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "NightlyFailuresAlarm")["Dimensions"][0]["Value"] =
                        json!({ "Fn::GetAtt": ["ExpiryDeadLetters", "QueueName"] });
                },
            },
            Fault {
                name: "dead letters that the watch does not look at",
                set: Set::Defaults,
                plant: |template| {
                    let urls = &mut properties(template, "Watch")["Environment"]["Variables"]["WATCHED_QUEUES"];
                    remove_item(&mut urls["Fn::Join"][1], 2);
                    remove_item(&mut statement(template, "WatchRole", "sqs:GetQueueAttributes")["Resource"], 2);
                },
            },
            Fault {
                name: "an alarm at the tenth letter",
                set: Set::Everything,
                plant: |template| properties(template, "SalesDeadLettersAlarm")["Threshold"] = 9.into(),
            },
        ],
    },
    Rule {
        name: "queues take the largest messages",
        finding: "P2",
        check: sizes,
        faults: &[Fault {
            name: "dead letters that are cut off at 256 KB",
            set: Set::Defaults,
            plant: |template| remove(properties(template, "SalesDeadLetters"), "MaximumMessageSize"),
        }],
    },
    Rule {
        name: "the functions of a queue are bounded",
        finding: "P7",
        check: concurrency,
        faults: &[
            Fault {
                name: "ends of holds that take every function of the account",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "ProcessExpiryQueue"), "ScalingConfig"),
            },
            Fault {
                name: "results of payments that take all functions of a default account",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "SettlePaymentsQueue")["ScalingConfig"]["MaximumConcurrency"] = 1_001.into();
                },
            },
        ],
    },
    Rule {
        name: "every work queue is filled by one rule or one function",
        finding: "P7",
        check: fillers,
        faults: &[
            Fault {
                name: "ends of holds that nobody sends",
                set: Set::Defaults,
                plant: |template| remove(variables(template, "RelayEvents"), "EXPIRY_QUEUE_URL"),
            },
            Fault {
                name: "instructions that come by a rule as well",
                set: Set::Defaults,
                plant: |template| {
                    let mut rule = template["Resources"]["PaymentsToShop"].clone();
                    rule["Properties"]["Targets"][0]["Arn"] = json!({ "Fn::GetAtt": ["ShippingInstructions", "Arn"] });
                    template["Resources"]["OrdersToDeliverySystem"] = rule;
                    let policy = properties(template, "RulesMaySend");
                    policy["Queues"].as_array_mut().unwrap().push(json!({ "Ref": "ShippingInstructions" }));
                    let rules = ["PaymentsToShop", "OrdersToDeliverySystem"];
                    policy["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"] =
                        rules.map(|rule| json!({ "Fn::GetAtt": [rule, "Arn"] })).as_slice().into();
                },
            },
        ],
    },
    Rule {
        name: "every rule reaches its queue and its dead letters",
        finding: "P2",
        check: deliveries,
        faults: &[
            Fault {
                name: "a rule that its queue refuses",
                set: Set::Everything,
                plant: |template| {
                    let statement = &mut properties(template, "RulesMaySend")["PolicyDocument"]["Statement"][0];
                    statement["Condition"]["ArnEquals"]["aws:SourceArn"] =
                        json!({ "Fn::GetAtt": ["OrdersToDataPlatform", "Arn"] });
                },
            },
            Fault {
                name: "dead letters that the rule cannot fill",
                set: Set::Everything,
                plant: |template| remove_item(&mut properties(template, "DataPlatformMaySend")["Queues"], 1),
            },
            Fault {
                name: "a rule without dead letters",
                set: Set::Defaults,
                plant: |template| {
                    remove(&mut properties(template, "PaymentsToShop")["Targets"][0], "DeadLetterConfig");
                },
            },
            Fault {
                name: "a rule that is switched off",
                set: Set::Defaults,
                plant: |template| properties(template, "PaymentsToShop")["State"] = "DISABLED".into(),
            },
        ],
    },
];

/// The longest that SQS keeps a message, in seconds. A dead letter counts from its first day in the first queue.
const RETENTION: u64 = 14 * 24 * 3_600;

/// The most functions of a queue at once, as an operator may choose it for deliveries: those that an account has by default.
const MOST_AT_ONCE: u64 = 1_000;

/// Lambda's advice is five at least: a queue's functions may be throttled a few times.
const RECEIVES: std::ops::RangeInclusive<u64> = 5..=100;

/// The end of each variable that has the URL of a queue that its function fills. Dead letters have another.
const FILLED: &str = "_QUEUE_URL";

/// The queues that a function fills with work.
pub fn filled_by<'p>(plain: &'p Plain, function: &'p Resource) -> impl Iterator<Item = &'p Resource> {
    let variables = entries(&function["Environment"]["Variables"]);
    let urls = variables.filter(|(name, _)| name.ends_with(FILLED)).map(|(_, url)| url);
    urls.filter_map(|url| plain.named(url, "AWS::SQS::Queue"))
}

/// The work queues: functions or outside systems read them. All others are for a person.
fn work(plain: &Plain) -> Vec<&Resource> {
    let of_functions = plain.of("AWS::Lambda::EventSourceMapping").map(|source| &source["EventSourceArn"]);
    let read: Vec<&str> = of_functions.filter_map(target).chain(OUTSIDE.map(|(_, queue)| queue)).collect();
    plain.of("AWS::SQS::Queue").filter(|queue| read.contains(&queue.id.as_str())).collect()
}

/// A queue without a filler would be silent, and one with two would get each event twice.
fn fillers(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for queue in work(plain) {
        let targets = plain.of("AWS::Events::Rule").flat_map(|rule| many(&rule["Targets"]));
        let rules = targets.filter(|target| target["Arn"] == arn_of(&queue.id)).count();
        let filled = plain.functions().flat_map(|function| filled_by(plain, function));
        let functions = filled.filter(|filled| filled.id == queue.id).count();
        found.require(rules + functions == 1, &queue.id, "must be filled by one rule or one function");
    }
    found.0
}

fn is_work(plain: &Plain, queue: &Resource) -> bool {
    work(plain).iter().any(|it| it.id == queue.id)
}

/// Functions with another way to be done, so that an essential alarm need not be on the age of their work: the sweep ends
/// holds as well, and events that are not delivered for a day, rows that are not written, or exports that are not
/// built, are dead letters.
const HAVE_ANOTHER_WAY: [&str; 4] = ["build-exports", "deliver-orders", "process-expiry", "update-desk"];

fn waiting(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let has_another_way = |queue: &&Resource| {
        let mut sources = plain.of("AWS::Lambda::EventSourceMapping");
        let source = sources.find(|source| source["EventSourceArn"] == arn_of(&queue.id));
        let function = source.and_then(|source| plain.function_of(&source["FunctionName"]));
        function.is_some_and(|function| HAVE_ANOTHER_WAY.contains(&binary_of(&function.whole)))
    };
    for queue in work(plain).into_iter().filter(|queue| has_all_alarms(plain) || !has_another_way(queue)) {
        let name = attribute_of(&queue.id, "QueueName");
        let alarms = alarms_on(plain, "ApproximateAgeOfOldestMessage", "QueueName", &name);
        let rings = |alarm: &&Resource| {
            alarm["Statistic"] == "Maximum"
                && alarm["ComparisonOperator"] == "GreaterThanThreshold"
                && alarm["Threshold"].as_u64().is_some_and(|seconds| seconds < RETENTION / 2)
        };
        found.require(alarms.iter().any(rings), &queue.id, "needs an alarm on the age of its oldest message");
    }
    found.0
}

fn redrive(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for queue in plain.of("AWS::SQS::Queue") {
        let retention = queue["MessageRetentionPeriod"].as_u64();
        found.require(retention == Some(RETENTION), &queue.id, "must keep messages for 14 days");
    }
    for queue in work(plain) {
        let policy = &queue["RedrivePolicy"];
        let dead_letters = plain.named(&policy["deadLetterTargetArn"], "AWS::SQS::Queue");
        let is_kept = dead_letters.is_some_and(|letters| !is_work(plain, letters));
        found.require(is_kept, &queue.id, "needs a queue of dead letters");
        let receives = policy["maxReceiveCount"].as_u64().is_some_and(|times| RECEIVES.contains(&times));
        found.require(receives, &queue.id, format_args!("must set a message aside after {RECEIVES:?} receipts"));
    }
    // <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>: six time-outs, and the time in which
    // a batch fills.
    for source in plain.of("AWS::Lambda::EventSourceMapping") {
        let queue = plain.named(&source["EventSourceArn"], "AWS::SQS::Queue");
        let Some((queue, function)) = queue.zip(plain.function_of(&source["FunctionName"])) else { continue };
        let fills = source["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0);
        let least = 6 * function["Timeout"].as_u64().unwrap_or(3) + fills;
        let invisible = queue["VisibilityTimeout"].as_u64().unwrap_or(30);
        found.require(
            invisible >= least,
            &queue.id,
            format_args!("must hide a message for {least} s, for {}", function.id),
        );
    }
    found.0
}

/// A backlog takes as many functions as there are, if nothing bounds it, and the requests of customers get none.
fn concurrency(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for source in plain.of("AWS::Lambda::EventSourceMapping") {
        if plain.named(&source["EventSourceArn"], "AWS::SQS::Queue").is_some() {
            let most = plain.text(&source["ScalingConfig"]["MaximumConcurrency"], "");
            let most = most.and_then(|most| most.parse::<u64>().ok());
            let is_bounded = most.is_some_and(|most| (2..=MOST_AT_ONCE).contains(&most));
            found.require(is_bounded, &source.id, format_args!("needs a MaximumConcurrency of 2 to {MOST_AT_ONCE}"));
        }
    }
    found.0
}

/// Each of these queues has an alarm of its own, or the watch looks at it. The watch has an alarm by another rule.
fn letters(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for queue in plain.of("AWS::SQS::Queue").filter(|queue| !is_work(plain, queue)) {
        if !has_all_alarms(plain) {
            let is_watched = plain.function("watch").is_some_and(|watch| watched(watch).contains(&queue.id.as_str()));
            found.require(is_watched, &queue.id, "must be a queue that the watch looks at");
            continue;
        }
        let name = attribute_of(&queue.id, "QueueName");
        let alarms = alarms_on(plain, "ApproximateNumberOfMessagesVisible", "QueueName", &name);
        let rings = |alarm: &&Resource| {
            alarm["Threshold"] == 0
                && alarm["ComparisonOperator"] == "GreaterThanThreshold"
                && alarm["Statistic"] == "Maximum"
                && alarm["EvaluationPeriods"] == 1
        };
        found.require(alarms.iter().any(rings), &queue.id, "needs an alarm at its first message");
    }
    found.0
}

/// The queues that a function watches.
pub fn watched(function: &Resource) -> Vec<&str> {
    let urls = function["Environment"]["Variables"]["WATCHED_QUEUES"]["Fn::Sub"].as_str().unwrap_or_default();
    urls.split(' ').filter_map(|url| url.strip_prefix("${")?.strip_suffix('}')).collect()
}

/// An update of a stack leaves queues at the limit that they were made with, unless it is written down. A message that
/// moves to a smaller queue of dead letters would stay where it is.
fn sizes(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for queue in plain.of("AWS::SQS::Queue") {
        let is_largest = queue["MaximumMessageSize"] == MAX_MESSAGE;
        found.require(is_largest, &queue.id, format_args!("must take messages of {MAX_MESSAGE} bytes"));
    }
    found.0
}

/// The emulator delivers without checking a queue's policy, so no other test shows a gap in it.
fn deliveries(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for rule in plain.of("AWS::Events::Rule") {
        let is_on =
            rule["State"] != "DISABLED" && plain.named(&rule["EventBusName"], "AWS::Events::EventBus").is_some();
        found.require(is_on, &rule.id, "must be on, on the stack's bus");
        for delivery in many(&rule["Targets"]) {
            let (to, dead_letters) = (&delivery["Arn"], &delivery["DeadLetterConfig"]["Arn"]);
            found.require(may_send(plain, rule, dead_letters), &rule.id, "must be able to fill its dead letters");
            // A target that is no queue is reached under a role.
            let is_queue = plain.named(to, "AWS::SQS::Queue").is_some();
            let may = if is_queue { may_send(plain, rule, to) } else { target(&delivery["RoleArn"]).is_some() };
            found.require(may, &rule.id, "must be able to reach its target");
        }
    }
    found.0
}

/// Whether the policy of a queue lets a rule send to it.
fn may_send(plain: &Plain, rule: &Resource, queue: &Value) -> bool {
    let Some(queue) = plain.named(queue, "AWS::SQS::Queue") else { return false };
    let policies = plain.of("AWS::SQS::QueuePolicy");
    let of_queue = policies.filter(|policy| many(&policy["Queues"]).iter().any(|it| target(it) == Some(&queue.id)));
    let allows = |statement: &Value| {
        statement["Principal"]["Service"] == "events.amazonaws.com"
            && many(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]).contains(&&arn_of(&rule.id))
    };
    of_queue.into_iter().any(|policy| many(&policy["PolicyDocument"]["Statement"]).into_iter().any(allows))
}
