//! Buckets and queues at rest: private, encrypted, tidied.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove};
use crate::{
    plain::{Plain, Resource, arn_of, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "buckets are private, versioned and tidied",
        finding: "S6",
        check: buckets,
        faults: &[
            Fault {
                name: "a bucket that is open to policies",
                set: Set::Defaults,
                plant: |template| {
                    let block = &mut properties(template, "StreamFailures")["PublicAccessBlockConfiguration"];
                    block["RestrictPublicBuckets"] = false.into();
                },
            },
            Fault {
                name: "a bucket without versions",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "StreamFailures"), "VersioningConfiguration"),
            },
            Fault {
                name: "personal data that stays as a version after its deletion",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "ExportFiles")["VersioningConfiguration"] = json!({ "Status": "Enabled" });
                },
            },
            Fault {
                name: "files with personal data for ever",
                set: Set::Defaults,
                plant: |template| {
                    let rules = &mut properties(template, "ExportFiles")["LifecycleConfiguration"]["Rules"];
                    remove(&mut rules[0], "ExpirationInDays");
                },
            },
            Fault {
                name: "old versions for ever",
                set: Set::Everything,
                plant: |template| {
                    let rules = &mut properties(template, "DataLakeBucket")["LifecycleConfiguration"]["Rules"];
                    remove(&mut rules[0], "NoncurrentVersionExpiration");
                },
            },
        ],
    },
    Rule {
        name: "buckets take TLS only",
        finding: "S6",
        check: tls,
        faults: &[
            Fault {
                name: "a bucket without a policy",
                set: Set::Everything,
                plant: |template| remove(&mut template["Resources"], "DataLakeByTls"),
            },
            Fault {
                name: "a policy for the bucket, and not for its objects",
                set: Set::Defaults,
                plant: |template| {
                    let statement = &mut properties(template, "StreamFailuresByTls")["PolicyDocument"]["Statement"][0];
                    statement["Resource"] = json!([{ "Fn::GetAtt": ["StreamFailures", "Arn"] }]);
                },
            },
        ],
    },
    Rule {
        name: "queues and streams are encrypted",
        finding: "S6",
        check: encryption,
        faults: &[
            Fault {
                name: "a queue in the clear",
                set: Set::Defaults,
                plant: |template| properties(template, "PaymentResults")["SqsManagedSseEnabled"] = false.into(),
            },
            Fault {
                name: "a stream in the clear",
                set: Set::Everything,
                plant: |template| {
                    remove(properties(template, "DataLakeStream"), "DeliveryStreamEncryptionConfigurationInput");
                },
            },
        ],
    },
];

/// The bucket with personal data: what is deleted there must be gone.
const PERSONAL: &str = "ExportFiles";

fn buckets(plain: &Plain) -> Vec<Violation> {
    const BLOCKS: [&str; 4] = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let mut found = Found::default();
    for bucket in plain.of("AWS::S3::Bucket") {
        let blocks = &bucket["PublicAccessBlockConfiguration"];
        found.require(BLOCKS.iter().all(|block| blocks[*block] == true), &bucket.id, "must block public access");
        let is_versioned = bucket["VersioningConfiguration"]["Status"] == "Enabled";
        let is_personal = bucket.id == PERSONAL;
        found.require(is_versioned || is_personal, &bucket.id, "needs versions");
        found.require(!(is_versioned && is_personal), &bucket.id, "must keep nothing that was deleted");
        let rules = many(&bucket["LifecycleConfiguration"]["Rules"]);
        let end = if is_personal { "ExpirationInDays" } else { "NoncurrentVersionExpiration" };
        for wish in [end, "AbortIncompleteMultipartUpload"] {
            let is_tidied = rules.iter().any(|rule| rule["Status"] == "Enabled" && !rule[wish].is_null());
            found.require(is_tidied, &bucket.id, format_args!("needs a rule {wish}"));
        }
    }
    found.0
}

fn tls(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let refuses = |statement: &Value, bucket: &Resource| {
        let objects = json!({ "Fn::Sub": format!("${{{}.Arn}}/*", bucket.id) });
        statement["Effect"] == "Deny"
            && statement["Principal"] == "*"
            && statement["Action"] == "s3:*"
            && [arn_of(&bucket.id), objects].iter().all(|part| many(&statement["Resource"]).contains(&part))
            && statement["Condition"] == json!({ "Bool": { "aws:SecureTransport": "false" } })
    };
    for bucket in plain.of("AWS::S3::Bucket") {
        let policies = plain.of("AWS::S3::BucketPolicy").filter(|it| it["Bucket"] == reference_to(&bucket.id));
        let mut statements = policies.flat_map(|policy| many(&policy["PolicyDocument"]["Statement"]));
        found.require(statements.any(|it| refuses(it, bucket)), &bucket.id, "needs a policy that refuses plain HTTP");
    }
    // CloudFront has no role: the rule on the console holds its statement.
    let is_of_console = |statement: &Value| statement["Principal"] == json!({ "Service": "cloudfront.amazonaws.com" });
    for policy in plain.of("AWS::S3::BucketPolicy") {
        let is_denial = |statement: &&Value| statement["Effect"] == "Deny" || is_of_console(statement);
        let statements = many(&policy["PolicyDocument"]["Statement"]);
        found.require(statements.iter().all(is_denial), &policy.id, "must only deny: roles allow");
    }
    found.0
}

/// Tables, log groups and buckets are encrypted without being asked. The topic of alarms is not: CloudWatch cannot
/// publish to one with AWS's own key, and alarms hold no data of customers.
fn encryption(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for queue in plain.of("AWS::SQS::Queue") {
        let is_encrypted = queue["SqsManagedSseEnabled"] == true || !queue["KmsMasterKeyId"].is_null();
        found.require(is_encrypted, &queue.id, "must be encrypted");
    }
    for stream in plain.of("AWS::KinesisFirehose::DeliveryStream") {
        let is_encrypted = stream["DeliveryStreamEncryptionConfigurationInput"]["KeyType"].is_string();
        found.require(is_encrypted, &stream.id, "must be encrypted");
    }
    found.0
}
