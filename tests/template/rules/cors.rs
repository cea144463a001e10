//! Web pages of other origins.

use functions::ROUTES;
use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties};
use crate::{plain::Plain, sets::Set};

pub const RULES: &[Rule] = &[Rule {
    name: "pages of the given origins can use the whole API, and others nothing of it",
    finding: "P11",
    check: cors,
    faults: &[
        Fault {
            name: "an open door without origins",
            set: Set::Defaults,
            plant: |template| {
                *cors_of(template) = json!({ "allowOrigins": ["*"] });
            },
        },
        Fault {
            name: "a page that cannot send its key",
            set: Set::Everything,
            plant: |template| {
                let cors = &mut cors_of(template)["Fn::If"][1];
                let headers = cors["allowHeaders"].as_array_mut().unwrap();
                headers.retain(|header| header != "idempotency-key");
            },
        },
        Fault {
            name: "a page that cannot read when to come back",
            set: Set::Everything,
            plant: |template| {
                let cors = &mut cors_of(template)["Fn::If"][1];
                cors["exposeHeaders"] = json!(["etag", "allow"]);
            },
        },
        Fault {
            name: "a page that sends cookies",
            set: Set::Everything,
            plant: |template| {
                let cors = &mut cors_of(template)["Fn::If"][1];
                cors["allowCredentials"] = true.into();
            },
        },
    ],
}];

fn cors_of(template: &mut Value) -> &mut Value {
    &mut properties(template, "Api")["Body"]["x-amazon-apigateway-cors"]
}

/// The headers that the API reads and a browser sends only if it is allowed to.
const REQUEST: [&str; 5] = ["accept-language", "authorization", "content-type", "idempotency-key", "if-match"];

/// The headers of answers that a page reads only if they are exposed.
const ANSWER: [&str; 3] = ["allow", "etag", "retry-after"];

fn cors(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for api in plain.of("AWS::ApiGatewayV2::Api") {
        let cors = &api["Body"]["x-amazon-apigateway-cors"];
        if !plain.asks_for("CorsOrigins") {
            found.require(cors.is_null(), &api.id, "must refuse all origins unless some are given");
            continue;
        }
        let texts = |field: &str| plain.texts(&cors[field], "jangteo");
        let origins: Vec<&str> = plain.parameter("CorsOrigins").split(',').collect();
        found.require(texts("allowOrigins") == origins, &api.id, "must allow the given origins");
        let methods = texts("allowMethods");
        for method in ROUTES.iter().map(|route| route.method).chain(["HEAD", "OPTIONS"]) {
            found.require(methods.iter().any(|it| it == method), &api.id, format_args!("must allow {method}"));
        }
        let headers = texts("allowHeaders");
        for header in REQUEST {
            found.require(
                headers.iter().any(|it| it == header),
                &api.id,
                format_args!("must allow the header {header}"),
            );
        }
        let exposed = texts("exposeHeaders");
        for header in ANSWER {
            found.require(
                exposed.iter().any(|it| it == header),
                &api.id,
                format_args!("must expose the header {header}"),
            );
        }
        // A caller is known by a token, which a page sends itself.
        found.require(cors["allowCredentials"] != true, &api.id, "must not take cookies");
    }
    found.0
}
