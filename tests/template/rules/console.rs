//! The console of operators: static files that CloudFront alone reads, and headers that keep other pages out.

use local_stack::PAGE_POLICY;
use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties};
use crate::{
    plain::{Plain, arn_of, attribute_of, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "the files of the console are read by its own distribution alone",
        finding: "S6",
        check: files,
        faults: &[
            Fault {
                name: "files for each distribution of each account",
                set: Set::Everything,
                plant: |template| {
                    reader_of(template)["Condition"] = json!({});
                },
            },
            Fault {
                name: "a distribution that may write",
                set: Set::Everything,
                plant: |template| {
                    reader_of(template)["Action"] = json!(["s3:GetObject", "s3:PutObject"]);
                },
            },
            Fault {
                name: "requests without a signature",
                set: Set::Everything,
                plant: |template| {
                    let access = &mut properties(template, "ConsoleOriginAccess")["OriginAccessControlConfig"];
                    access["SigningBehavior"] = "no-override".into();
                },
            },
            Fault {
                name: "a page over plain HTTP",
                set: Set::Everything,
                plant: |template| {
                    behavior_of(template)["ViewerProtocolPolicy"] = "allow-all".into();
                },
            },
        ],
    },
    Rule {
        name: "the console calls the API and the user pool, and no page frames it",
        finding: "S6",
        check: headers,
        faults: &[
            Fault {
                name: "a console that calls anything",
                set: Set::OwnIssuer,
                plant: |template| {
                    let policy = policy_of(template);
                    let text = policy["Fn::Sub"][0].as_str().unwrap().replace("${Shop}", "*");
                    policy["Fn::Sub"][0] = text.into();
                },
            },
            Fault {
                name: "inline scripts",
                set: Set::Everything,
                plant: |template| {
                    let policy = policy_of(template);
                    let text = policy["Fn::Sub"][0].as_str().unwrap();
                    let text = text.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'");
                    policy["Fn::Sub"][0] = text.into();
                },
            },
            Fault {
                name: "a policy that the files may replace",
                set: Set::Everything,
                plant: |template| headers_of(template)["ContentSecurityPolicy"]["Override"] = false.into(),
            },
            Fault {
                name: "a frame around the console",
                set: Set::Everything,
                plant: |template| headers_of(template)["FrameOptions"]["FrameOption"] = "SAMEORIGIN".into(),
            },
            Fault {
                name: "files without the headers",
                set: Set::Everything,
                plant: |template| {
                    behavior_of(template)["ResponseHeadersPolicyId"] = "managed".into();
                },
            },
        ],
    },
];

/// The statement that lets the distribution read.
fn reader_of(template: &mut Value) -> &mut Value {
    &mut properties(template, "ConsoleFilesAccess")["PolicyDocument"]["Statement"][1]
}

fn behavior_of(template: &mut Value) -> &mut Value {
    &mut properties(template, "ConsoleDistribution")["DistributionConfig"]["DefaultCacheBehavior"]
}

fn headers_of(template: &mut Value) -> &mut Value {
    &mut properties(template, "ConsoleHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
}

fn policy_of(template: &mut Value) -> &mut Value {
    &mut headers_of(template)["ContentSecurityPolicy"]["ContentSecurityPolicy"]
}

fn files(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for distribution in plain.of("AWS::CloudFront::Distribution") {
        let config = &distribution["DistributionConfig"];
        let id = &distribution.id;
        let [origin] = many(&config["Origins"])[..] else {
            found.require(false, id, "must have one origin, the bucket");
            continue;
        };
        let access = plain.of("AWS::CloudFront::OriginAccessControl").next();
        let signs = access.is_some_and(|access| {
            access["OriginAccessControlConfig"]["SigningBehavior"] == "always"
                && origin["OriginAccessControlId"] == attribute_of(&access.id, "Id")
        });
        found.require(signs, id, "must sign its requests to the bucket");
        let behavior = &config["DefaultCacheBehavior"];
        let is_tls = behavior["ViewerProtocolPolicy"] == "redirect-to-https";
        found.require(is_tls && config["CacheBehaviors"].is_null(), id, "must serve its files by TLS alone");
        found.require(behavior["AllowedMethods"] == json!(["GET", "HEAD"]), id, "must only read");
    }
    let own = json!({ "Fn::Sub":
        "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${ConsoleDistribution}" });
    for policy in plain.of("AWS::S3::BucketPolicy") {
        for statement in many(&policy["PolicyDocument"]["Statement"]) {
            let is_exact = statement["Action"] == "s3:GetObject"
                && statement["Resource"] == json!({ "Fn::Sub": "${ConsoleFiles.Arn}/*" })
                && policy["Bucket"] == reference_to("ConsoleFiles")
                && statement["Condition"] == json!({ "StringEquals": { "AWS:SourceArn": own } });
            let is_allowed = statement["Effect"] != "Allow" || is_exact;
            found.require(
                is_allowed,
                &policy.id,
                "may let its own distribution read files of the console, and no more",
            );
        }
    }
    // A bucket whose policy allows nothing would be a console that nobody sees.
    for bucket in plain.resources().filter(|it| it.id == "ConsoleFiles") {
        let readers = plain.of("AWS::S3::BucketPolicy").filter(|it| it["Bucket"] == reference_to(&bucket.id));
        let mut statements = readers.flat_map(|policy| many(&policy["PolicyDocument"]["Statement"]));
        let is_denial_alone = statements.all(|it| it["Effect"] == "Deny");
        found.require(!is_denial_alone, &bucket.id, format_args!("must be read by {}", arn_of("ConsoleDistribution")));
    }
    found.0
}

/// The policy is that of the local stack's pages, which the browser tests run under, but for the addresses of calls.
fn headers(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let shop = match plain.asks_for("CertificateArn") {
        true => "https://${DomainName}",
        false => "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}",
    };
    let sign_in = match plain.asks_for("JwtIssuer") {
        true => "'self'",
        false => "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}",
    };
    let policy = PAGE_POLICY.replace("connect-src 'self'", &format!("connect-src {shop} {sign_in}"));
    for headers in plain.of("AWS::CloudFront::ResponseHeadersPolicy") {
        let config = &headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"];
        let expected = json!({ "Override": true, "ContentSecurityPolicy": { "Fn::Sub": policy } });
        found.require(config["ContentSecurityPolicy"] == expected, &headers.id, "must have the policy of the pages");
        let is_frameless = config["FrameOptions"] == json!({ "FrameOption": "DENY", "Override": true });
        found.require(is_frameless, &headers.id, "must refuse frames");
        let others = ["ContentTypeOptions", "ReferrerPolicy", "StrictTransportSecurity"];
        let are_sent = others.iter().all(|header| config[*header]["Override"] == true);
        found.require(are_sent, &headers.id, format_args!("must send {others:?}"));
    }
    for distribution in plain.of("AWS::CloudFront::Distribution") {
        let policy = &distribution["DistributionConfig"]["DefaultCacheBehavior"]["ResponseHeadersPolicyId"];
        let has_headers = plain.named(policy, "AWS::CloudFront::ResponseHeadersPolicy").is_some();
        found.require(has_headers, &distribution.id, "must send the headers");
    }
    found.0
}
