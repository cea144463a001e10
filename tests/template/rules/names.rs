//! Physical names: two stacks live side by side in an account and a region.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties};
use crate::{
    plain::{Plain, entries, references},
    sets::Set,
};

pub const RULES: &[Rule] = &[Rule {
    name: "no resource has a fixed name",
    finding: "D1",
    check: fixed_names,
    faults: &[
        Fault {
            name: "a schedule without OmitName",
            set: Set::Defaults,
            plant: |template| properties(template, "SweepMinute")["Name"] = "SweepMinute".into(),
        },
        Fault {
            name: "a queue with a name of its stack",
            set: Set::Defaults,
            plant: |template| {
                properties(template, "Expiry")["QueueName"] = json!({ "Fn::Sub": "${AWS::StackName}-expiry" })
            },
        },
        Fault {
            name: "a bus with a fixed name",
            set: Set::Defaults,
            plant: |template| properties(template, "EventBus")["Name"] = "jangteo-orders".into(),
        },
        Fault {
            name: "a dashboard with a name of its region",
            set: Set::Everything,
            plant: |template| {
                properties(template, "Dashboard")["DashboardName"] = json!({ "Fn::Sub": "${AWS::Region}" })
            },
        },
        Fault {
            name: "an exported output",
            set: Set::Defaults,
            plant: |template| template["Outputs"]["TableName"]["Export"] = json!({ "Name": "table" }),
        },
        Fault {
            name: "a type without an entry",
            set: Set::Defaults,
            plant: |template| template["Resources"]["Key"] = json!({ "Type": "AWS::KMS::Key", "Properties": {} }),
        },
    ],
}];

/// Where each type has its physical name. A type without one is named within another resource only.
const NAMES: &[(&str, &str)] = &[
    ("AWS::ApiGatewayV2::Api", "/Name"),
    ("AWS::ApiGatewayV2::ApiMapping", ""),
    ("AWS::ApiGatewayV2::DomainName", "/DomainName"),
    ("AWS::ApiGatewayV2::Stage", ""),
    ("AWS::Budgets::Budget", "/Budget/BudgetName"),
    ("AWS::CloudFront::Distribution", ""),
    ("AWS::CloudFront::OriginAccessControl", "/OriginAccessControlConfig/Name"),
    ("AWS::CloudFront::ResponseHeadersPolicy", "/ResponseHeadersPolicyConfig/Name"),
    ("AWS::CloudWatch::Alarm", "/AlarmName"),
    ("AWS::CloudWatch::Dashboard", "/DashboardName"),
    ("AWS::CodeDeploy::Application", "/ApplicationName"),
    ("AWS::CodeDeploy::DeploymentGroup", "/DeploymentGroupName"),
    ("AWS::Cognito::UserPool", "/UserPoolName"),
    ("AWS::Cognito::UserPoolClient", "/ClientName"),
    ("AWS::Cognito::UserPoolGroup", "/GroupName"),
    ("AWS::DynamoDB::Table", "/TableName"),
    ("AWS::EventSchemas::Discoverer", ""),
    ("AWS::Events::Archive", "/ArchiveName"),
    ("AWS::Events::EventBus", "/Name"),
    ("AWS::Events::EventBusPolicy", ""),
    ("AWS::Events::Rule", "/Name"),
    ("AWS::IAM::ManagedPolicy", "/ManagedPolicyName"),
    ("AWS::IAM::Role", "/RoleName"),
    ("AWS::KinesisFirehose::DeliveryStream", "/DeliveryStreamName"),
    ("AWS::Lambda::Alias", ""),
    ("AWS::Lambda::EventInvokeConfig", ""),
    ("AWS::Lambda::EventSourceMapping", ""),
    ("AWS::Lambda::Function", "/FunctionName"),
    ("AWS::Lambda::Permission", ""),
    ("AWS::Lambda::Version", ""),
    ("AWS::Logs::LogGroup", "/LogGroupName"),
    ("AWS::Route53::RecordSet", "/Name"),
    ("AWS::S3::Bucket", "/BucketName"),
    ("AWS::S3::BucketPolicy", ""),
    ("AWS::SNS::Topic", "/TopicName"),
    ("AWS::SQS::Queue", "/QueueName"),
    ("AWS::SQS::QueuePolicy", ""),
    ("AWS::Scheduler::Schedule", "/Name"),
];

/// The types that need a name, and the dashboard, which a person looks for by name. Each name has the stack's in it, or
/// a parameter.
const NAMED: [&str; 7] = [
    "AWS::ApiGatewayV2::DomainName",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Dashboard",
    "AWS::Cognito::UserPoolGroup",
    "AWS::Events::EventBus",
    "AWS::Route53::RecordSet",
];

fn fixed_names(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_variable = |name: &Value| {
        let named = references(name);
        named.iter().any(|id| id == "AWS::StackName" || plain.parameters.contains_key(id))
    };
    for resource in plain.resources() {
        let Some((_, place)) = NAMES.iter().find(|(kind, _)| *kind == resource.kind) else {
            found.require(false, &resource.id, format_args!("needs an entry of {} in NAMES", resource.kind));
            continue;
        };
        let Some(name) = resource.whole["Properties"].pointer(place).filter(|_| !place.is_empty()) else { continue };
        if NAMED.contains(&resource.kind.as_str()) {
            found.require(is_variable(name), &resource.id, "must have the stack's name, or a parameter, in its own");
        } else {
            found.require(false, &resource.id, "must leave its name to CloudFormation");
        }
    }
    for (output, whole) in entries(&plain.template["Outputs"]) {
        found.require(whole["Export"].is_null(), output, "must not be exported: exports are named for a whole region");
    }
    found.0
}
