//! Options: the resources of each exist exactly when its parameter asks for them.

use serde_json::json;

use super::{Fault, Found, Rule, Violation, properties, remove, resource};
use crate::{
    plain::{Plain, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "an option exists exactly when it is asked for",
        finding: "M",
        check: options,
        faults: &[
            Fault {
                name: "a budget without an amount",
                set: Set::Defaults,
                plant: |template| remove(resource(template, "Budget"), "Condition"),
            },
            Fault {
                name: "a dashboard that nobody asked for",
                set: Set::Defaults,
                plant: |template| remove(resource(template, "Dashboard"), "Condition"),
            },
            Fault {
                name: "a console that nobody asked for",
                set: Set::Defaults,
                plant: |template| remove(resource(template, "ConsoleOriginAccess"), "Condition"),
            },
            Fault {
                name: "no archive",
                set: Set::Everything,
                plant: |template| remove(&mut template["Resources"], "EventArchive"),
            },
            Fault {
                name: "schemas that nobody asked for",
                set: Set::Defaults,
                plant: |template| remove(resource(template, "EventSchemas"), "Condition"),
            },
            Fault {
                name: "an archive of another time",
                set: Set::Everything,
                plant: |template| properties(template, "EventArchive")["RetentionDays"] = 1.into(),
            },
            Fault {
                name: "a domain without a record",
                set: Set::Everything,
                plant: |template| remove(&mut template["Resources"], "ApiRecord"),
            },
        ],
    },
    Rule {
        name: "without a data platform nothing of it exists",
        finding: "D5",
        check: data_platform,
        faults: &[
            Fault {
                name: "a log for nobody",
                set: Set::Defaults,
                plant: |template| {
                    template["Resources"]["DataPlatformLogs"] = template["Resources"]["Logs"].clone();
                },
            },
            Fault {
                name: "deliveries to another address",
                set: Set::Everything,
                plant: |template| {
                    properties(template, "DeliverOrders")["Environment"]["Variables"]["DATA_PLATFORM_URL"] =
                        json!({ "Ref": "JwtIssuer" });
                },
            },
        ],
    },
    Rule {
        name: "resources that are billed by use have the tag of their shop",
        finding: "M",
        check: tags,
        faults: &[
            Fault {
                name: "a table without tags",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "Table"), "Tags"),
            },
            Fault {
                name: "a function with another shop's tag",
                set: Set::Defaults,
                plant: |template| properties(template, "GetUser")["Tags"][0]["Value"] = "jangteo".into(),
            },
        ],
    },
];

fn options(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let (asks_for, domain) = (|parameter| plain.asks_for(parameter), plain.asks_for("CertificateArn"));
    for (kind, is_wanted) in [
        ("AWS::ApiGatewayV2::ApiMapping", domain),
        ("AWS::ApiGatewayV2::DomainName", domain),
        ("AWS::CloudFront::Distribution", asks_for("Console")),
        ("AWS::CloudFront::OriginAccessControl", asks_for("Console")),
        ("AWS::CloudFront::ResponseHeadersPolicy", asks_for("Console")),
        ("AWS::CloudWatch::Dashboard", asks_for("ShowDashboard")),
        ("AWS::Budgets::Budget", asks_for("MonthlyBudget")),
        ("AWS::CodeDeploy::Application", asks_for("Canary")),
        ("AWS::Events::Archive", asks_for("EventArchiveDays")),
        ("AWS::EventSchemas::Discoverer", asks_for("SchemaRegistry")),
        ("AWS::KinesisFirehose::DeliveryStream", asks_for("DataLake")),
        ("AWS::Route53::RecordSet", domain && asks_for("HostedZoneId")),
        ("AWS::SNS::Topic", asks_for("AlarmEmail")),
    ] {
        let number = plain.of(kind).count();
        found.require(number == usize::from(is_wanted), kind, format_args!("must exist exactly when asked for"));
    }
    for archive in plain.of("AWS::Events::Archive") {
        let days = &archive["RetentionDays"];
        found.require(*days == reference_to("EventArchiveDays"), &archive.id, "must keep events for EventArchiveDays");
    }
    for budget in plain.of("AWS::Budgets::Budget") {
        let limit = &budget["Budget"]["BudgetLimit"]["Amount"];
        found.require(*limit == reference_to("MonthlyBudget"), &budget.id, "must be MonthlyBudget");
    }
    found.0
}

/// The function that posts to the data platform, and its queue, exist with it only. Its alarms and roles follow, since
/// their references would be dangling.
fn data_platform(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_wanted = plain.asks_for("DataPlatformUrl");
    let courier = plain.function("deliver-orders");
    found.require(courier.is_some() == is_wanted, "DeliverOrders", "must exist exactly when there is a data platform");
    if let Some(courier) = courier {
        let url = &courier["Environment"]["Variables"]["DATA_PLATFORM_URL"];
        found.require(*url == reference_to("DataPlatformUrl"), &courier.id, "must post to DataPlatformUrl");
    }
    if !is_wanted {
        for resource in plain.resources().filter(|resource| resource.id.contains("DataPlatform")) {
            found.require(false, &resource.id, "must not exist without a data platform");
        }
    }
    found.0
}

/// Tags of the whole stack (`sam deploy --tags`) reach the rest. Most of the bill is for these types.
fn tags(plain: &Plain) -> Vec<Violation> {
    const BILLED: [&str; 3] = ["AWS::ApiGatewayV2::Stage", "AWS::DynamoDB::Table", "AWS::Lambda::Function"];
    let mut found = Found::default();
    let shop = reference_to("AWS::StackName");
    for resource in plain.resources().filter(|resource| BILLED.contains(&resource.kind.as_str())) {
        let tags = &resource["Tags"];
        let is_tagged =
            tags["Shop"] == shop || many(tags).into_iter().any(|tag| tag["Key"] == "Shop" && tag["Value"] == shop);
        found.require(is_tagged, &resource.id, "needs the tag Shop with the name of the stack");
    }
    found.0
}
