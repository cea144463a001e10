//! Parameters: all have defaults, and mistyped ones are refused before anything is deployed.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, remove};
use crate::{
    plain::{Plain, entries, many},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "a shop can be deployed without parameters",
        finding: "D5",
        check: defaults,
        faults: &[Fault {
            name: "an audience without a default",
            set: Set::Defaults,
            plant: |template| remove(&mut template["Parameters"]["JwtAudience"], "Default"),
        }],
    },
    Rule {
        name: "mistyped parameters are refused",
        finding: "D2",
        check: patterns,
        faults: &[
            Fault {
                name: "a certificate that may be anything",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Parameters"]["CertificateArn"], "AllowedPattern"),
            },
            Fault {
                name: "an issuer without TLS",
                set: Set::Defaults,
                plant: |template| {
                    template["Parameters"]["JwtIssuer"]["AllowedPattern"] = "(https?://\\S+[^\\s?#/])?".into();
                },
            },
            Fault {
                name: "a fee that may be negative",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Parameters"]["ShippingFee"], "MinValue"),
            },
        ],
    },
    Rule {
        name: "half an option is refused",
        finding: "D2",
        check: halves,
        faults: &[
            Fault {
                name: "an issuer without an audience",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Rules"], "IssuerAndAudience"),
            },
            Fault {
                name: "sessions without a provider",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Rules"], "PathAndProvider"),
            },
            Fault {
                name: "a budget that nobody hears of",
                set: Set::Defaults,
                plant: |template| {
                    template["Rules"]["BudgetAndEmail"]["RuleCondition"] =
                        json!({ "Fn::Equals": [{ "Ref": "MonthlyBudget" }, 1] });
                },
            },
        ],
    },
];

fn defaults(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (name, parameter) in entries(&plain.template["Parameters"]) {
        found.require(!parameter["Default"].is_null(), name, "needs a default");
    }
    found.0
}

/// Values that a parameter must take and refuse.
const SAMPLES: &[(&str, &[&str], &[&str])] = &[
    (
        "JwtIssuer",
        &["", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1B2c3D4e", "http://localhost:4002"],
        &[
            "identity.example",
            "http://identity.example",
            "https://identity.example/",
            "https://identity.example?tenant=1",
            "http://localhost:4002@identity.example",
        ],
    ),
    (
        "DataPlatformUrl",
        &["", "https://data.example/orders?shop=1", "http://127.0.0.1:4004/orders", "http://localhost:4004"],
        &["data.example/orders", "http://data.example/orders", "http://localhost:80@data.example/orders"],
    ),
    (
        "CorsOrigins",
        &["", "https://shop.example", "https://shop.example,http://localhost:3000"],
        &["*", "shop.example", "https://shop.example/", "https://*.example", "https://shop.example, https://a.example"],
    ),
    ("DomainName", &["", "api.shop.example"], &["https://api.shop.example", "api.shop.example/v1", "API.shop.example"]),
    (
        "CertificateArn",
        &["", "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0a1b"],
        &["0a1b2c3d-0a1b", "arn:aws:iam::123456789012:server-certificate/shop"],
    ),
    ("HostedZoneId", &["", "Z0123456789ABCDEFGHIJ"], &["shop.example", "/hostedzone/Z0123456789ABCDEFGHIJ"]),
    ("AlarmEmail", &["", "operator@shop.example"], &["operator", "the operator@shop.example"]),
    (
        "AlarmTopicArn",
        &["", "arn:aws:sns:us-east-1:123456789012:alarms"],
        &["alarms", "arn:aws:sqs:us-east-1:123456789012:alarms"],
    ),
    (
        "OutsideSystemsPrincipal",
        &["", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/adapter"],
        &["*", "123456789012", "arn:aws:iam::123456789012:*", "arn:aws:iam::*:root"],
    ),
    ("DataPlatformSecretParameter", &["/jangteo/data-platform/secrets"], &["", "secrets", "/jangteo/*"]),
    ("PaymentSecretParameter", &["/jangteo/payments/secret"], &["", "secret", "/jangteo/*"]),
    ("PaymentClientKey", &["", "live_ck_0a1B2c3D", "Jangteo Bank 110-123-456789"], &[" ", "live_ck_0a1B2c3D "]),
    (
        "PaymentProviderUrl",
        &["", "https://api.provider.example", "https://provider.example/pay", "http://127.0.0.1:9300"],
        &["api.provider.example", "http://api.provider.example", "https://provider.example/", "http://127.0.0.1:9300/"],
    ),
];

fn patterns(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (name, parameter) in entries(&plain.template["Parameters"]) {
        let (bound, wish) = match parameter["Type"].as_str() {
            Some("Number") => ("MinValue", "needs a least value"),
            _ => ("AllowedPattern", "needs a pattern"),
        };
        let is_bounded = !parameter["AllowedValues"].is_null() || !parameter[bound].is_null();
        found.require(is_bounded, name, wish);
    }
    for (name, taken, refused) in SAMPLES {
        let Some(pattern) = plain.template["Parameters"][name]["AllowedPattern"].as_str() else { continue };
        // CloudFormation matches the whole value.
        let schema = json!({ "pattern": format!("^(?:{pattern})$") });
        let Ok(schema) = jsonschema::validator_for(&schema) else {
            found.require(false, name, "needs a pattern that can be read");
            continue;
        };
        for value in *taken {
            found.require(schema.is_valid(&json!(value)), name, format_args!("must take {value:?}"));
        }
        for value in *refused {
            found.require(!schema.is_valid(&json!(value)), name, format_args!("must refuse {value:?}"));
        }
    }
    found.0
}

/// Values of parameters that go with others only.
const HALVES: &[&[(&str, &str)]] = &[
    &[("JwtIssuer", "https://identity.example"), ("JwtAudience", "")],
    &[("JwtIssuer", ""), ("JwtAudience", "shop")],
    &[("DomainName", "api.shop.example"), ("CertificateArn", "")],
    &[("DomainName", ""), ("CertificateArn", "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d")],
    &[("MonthlyBudget", "100"), ("AlarmEmail", "")],
    &[("PaymentPath", "SESSION"), ("PaymentProvider", "NONE"), ("PaymentClientKey", "live_ck_0a1B2c3D")],
    &[("PaymentPath", "BOTH"), ("PaymentProvider", "NONE"), ("PaymentClientKey", "live_ck_0a1B2c3D")],
    &[("PaymentProvider", "TOSS"), ("PaymentClientKey", "")],
];

fn halves(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    found.require(is_accepted(plain, &[]), "The template", "must take these parameters");
    for half in HALVES {
        found.require(!is_accepted(plain, half), "The template", format_args!("must refuse {half:?}"));
    }
    found.0
}

/// Whether the template's `Rules` hold with other values of some parameters.
fn is_accepted(plain: &Plain, others: &[(&str, &str)]) -> bool {
    let holds = |expression: &Value| plain.holds_with(expression, others);
    entries(&plain.template["Rules"]).all(|(_, rule)| {
        let applies = rule["RuleCondition"].is_null() || holds(&rule["RuleCondition"]);
        !applies || many(&rule["Assertions"]).into_iter().all(|assertion| holds(&assertion["Assert"]))
    })
}
