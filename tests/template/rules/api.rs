//! The API: its routes are those of the table of endpoints, and each is guarded, throttled and allowed to call.

use std::collections::{BTreeMap, BTreeSet};

use functions::ROUTES;
use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove};
use crate::{
    plain::{Plain, Resource, binary_of, entries, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "the API has the routes of the table of endpoints",
        finding: "D2",
        check: routes_of_table,
        faults: &[
            Fault {
                name: "a route without its authorizer",
                set: Set::Defaults,
                plant: |template| {
                    operation(template, "/orders/{orderId}", "get")["security"] = json!([]);
                    let settings = &mut properties(template, "ApiApiGatewayDefaultStage")["RouteSettings"];
                    settings["GET /orders/{orderId}"] = settings["GET /products"].clone();
                },
            },
            Fault {
                name: "a route that leads to another function",
                set: Set::Defaults,
                plant: |template| {
                    let uri =
                        operation(template, "/orders/cart", "get")["x-amazon-apigateway-integration"]["uri"].clone();
                    operation(template, "/orders", "get")["x-amazon-apigateway-integration"]["uri"] = uri;
                    properties(template, "ListOrdersHttpPermission")["FunctionName"] = json!({ "Ref": "GetCart" });
                },
            },
            Fault {
                name: "a GET without its HEAD",
                set: Set::Defaults,
                plant: |template| {
                    remove(&mut paths(template)["/orders/cart"], "head");
                    remove(&mut template["Resources"], "GetCartHeadPermission");
                },
            },
            Fault {
                name: "a default route for tokens only",
                set: Set::Defaults,
                plant: |template| {
                    let operation = &mut paths(template)["/$default"]["x-amazon-apigateway-any-method"];
                    operation["security"] = json!([{ "Jwt": [] }]);
                    remove(&mut properties(template, "ApiApiGatewayDefaultStage")["RouteSettings"], "$default");
                },
            },
        ],
    },
    Rule {
        name: "an import of the API with warnings fails",
        finding: "D2",
        check: warnings,
        faults: &[Fault {
            name: "routes that are left out in silence",
            set: Set::Defaults,
            plant: |template| remove(properties(template, "Api"), "FailOnWarnings"),
        }],
    },
    Rule {
        name: "public reads of the table leave executions to orders",
        finding: "P4",
        check: concurrency,
        faults: &[Fault {
            name: "a public read without a bound",
            set: Set::Everything,
            plant: |template| remove(properties(template, "GetProduct"), "ReservedConcurrentExecutions"),
        }],
    },
    Rule {
        name: "every route is throttled, and public ones by limits of their own",
        finding: "P4",
        check: throttles,
        faults: &[
            Fault {
                name: "a public route with the limits of all",
                set: Set::Defaults,
                plant: |template| {
                    remove(&mut properties(template, "ApiApiGatewayDefaultStage")["RouteSettings"], "HEAD /products");
                },
            },
            Fault {
                name: "limits of a route that does not exist",
                set: Set::Defaults,
                plant: |template| {
                    let settings = &mut properties(template, "ApiApiGatewayDefaultStage")["RouteSettings"];
                    settings["GET /products/new"] = settings["GET /products"].clone();
                },
            },
            Fault {
                name: "no limit of bursts",
                set: Set::Defaults,
                plant: |template| {
                    let settings = &mut properties(template, "ApiApiGatewayDefaultStage")["DefaultRouteSettings"];
                    remove(settings, "ThrottlingBurstLimit");
                },
            },
        ],
    },
    Rule {
        name: "each route may call its function, and nothing else may call any",
        finding: "S5",
        check: calls,
        faults: &[
            Fault {
                name: "a route that may not call",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Resources"], "GetOrderHttpPermission"),
            },
            Fault {
                name: "a permission for the function, though the route calls its alias",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "PayOrderHttpPermission")["FunctionName"] = json!({ "Ref": "PayOrder" });
                },
            },
            Fault {
                name: "a function that any API may call",
                set: Set::Defaults,
                plant: |template| {
                    let mut permission = template["Resources"]["GetOrderHttpPermission"].clone();
                    remove(&mut permission["Properties"], "SourceArn");
                    template["Resources"]["GetOrderAnyPermission"] = permission;
                },
            },
        ],
    },
];

fn paths(template: &mut Value) -> &mut Value {
    &mut properties(template, "Api")["Body"]["paths"]
}

fn operation<'t>(template: &'t mut Value, path: &str, method: &str) -> &'t mut Value {
    &mut paths(template)[path][method]
}

/// A route of the API.
#[derive(Debug)]
pub struct Route<'p> {
    /// As the stage names it: `GET /orders`, or `$default`.
    pub key: String,
    /// The function or the alias, as permissions name it.
    pub target: Value,
    pub function: Option<&'p Resource>,
    security: &'p Value,
}

impl Route<'_> {
    fn is_public(&self) -> bool {
        // SAM writes the requirement `NONE` for a route without an authorizer, and API Gateway ignores it.
        let requirements = self.security.as_array();
        requirements.is_none_or(|requirements| requirements.iter().all(|it| *it == json!({ "NONE": [] })))
    }
}

pub fn routes(plain: &Plain) -> Vec<Route<'_>> {
    let mut routes = Vec::new();
    for api in plain.of("AWS::ApiGatewayV2::Api") {
        for (path, operations) in entries(&api["Body"]["paths"]) {
            for (method, operation) in entries(operations) {
                // SAM puts a slash before the default route where warnings fail the import.
                let key = if path.trim_start_matches('/') == "$default" {
                    "$default".to_owned()
                } else {
                    format!("{} {path}", method.to_uppercase())
                };
                let uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"].as_str().unwrap_or_default();
                let called =
                    uri.split("/functions/${").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
                // A permission names the function, and an integration its ARN. The ARN of an alias is its reference.
                let target = reference_to(called.trim_end_matches(".Arn"));
                let function = plain.function_of(&target);
                routes.push(Route { key, function, target, security: &operation["security"] });
            }
        }
    }
    routes
}

fn routes_of_table(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let mut wanted: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    for route in ROUTES {
        wanted.insert(format!("{} {}", route.method, route.path), (route.function, route.public));
        if route.method == "GET" {
            wanted.insert(format!("HEAD {}", route.path), (route.function, route.public));
        }
    }
    wanted.insert("$default".to_owned(), ("route-not-found", true));
    for route in routes(plain) {
        let Some((binary, is_public)) = wanted.remove(&route.key) else {
            found.require(false, &route.key, "must be in the table of endpoints");
            continue;
        };
        let called = route.function.map(|function| binary_of(&function.whole));
        found.require(called == Some(binary), &route.key, format_args!("must call {binary}"));
        let is_guarded = *route.security == json!([{ "Jwt": [] }]);
        let is_right = if is_public { route.is_public() } else { is_guarded };
        found.require(is_right, &route.key, if is_public { "must be open to all" } else { "must need a token" });
    }
    for key in wanted.keys() {
        found.require(false, key, "must be a route");
    }
    found.0
}

/// An issuer that cannot be reached is a warning, and the routes behind it are left out.
fn warnings(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for api in plain.of("AWS::ApiGatewayV2::Api") {
        found.require(api["FailOnWarnings"] == true, &api.id, "must fail on warnings");
    }
    found.0
}

/// With `PublicConcurrency`, functions of public routes that read the table have that bound, and no other function has
/// one.
fn concurrency(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let is_bounded = plain.parameters["PublicConcurrency"] != "0";
    let public: BTreeSet<&str> = ROUTES.iter().filter(|route| route.public).map(|route| route.function).collect();
    for function in plain.of("AWS::Lambda::Function") {
        let binary = binary_of(&plain.template["Resources"][&function.id]);
        let reads = binary != "api-reference" && public.contains(binary);
        let bound = &function["ReservedConcurrentExecutions"];
        let is_right = if is_bounded && reads { *bound == reference_to("PublicConcurrency") } else { bound.is_null() };
        found.require(
            is_right,
            &function.id,
            "must be bounded by PublicConcurrency if it is a public read, and else not",
        );
    }
    found.0
}

/// The stage refuses settings of a route that does not exist, which fails a deployment.
fn throttles(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let limits = |rate: &str, burst: &str| {
        let (rate, burst) = (reference_to(rate), reference_to(burst));
        json!({ "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst })
    };
    let public = limits("PublicRateLimit", "PublicBurstLimit");
    let routes = routes(plain);
    let keys: BTreeSet<&str> = routes.iter().map(|route| route.key.as_str()).collect();
    for stage in plain.of("AWS::ApiGatewayV2::Stage") {
        let is_limited = stage["DefaultRouteSettings"] == limits("RateLimit", "BurstLimit");
        found.require(is_limited, &stage.id, "must limit every route by RateLimit and BurstLimit");
        for route in routes.iter().filter(|route| route.is_public()) {
            let settings = &stage["RouteSettings"][&route.key];
            found.require(*settings == public, &route.key, "must be limited as a public route");
        }
        for (key, _) in entries(&stage["RouteSettings"]) {
            found.require(keys.contains(key.as_str()), key, "must be a route, for it has settings");
        }
    }
    found.0
}

fn calls(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let mut wanted: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for route in routes(plain) {
        // Parameters of a path are any text, and any path leads to the default route.
        let (method, path) = route.key.split_once(' ').unwrap_or(("", "/*"));
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "*" } else { segment });
        let call = format!("{method}{}", segments.collect::<Vec<_>>().join("/"));
        let arn = format!(
            "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*/{}",
            call.trim_start_matches('/')
        );
        wanted.insert(format!("{arn} {}", route.target), (route.key, route.target));
    }
    let mut given = BTreeSet::new();
    for permission in plain.of("AWS::Lambda::Permission") {
        let arn = permission["SourceArn"]["Fn::Sub"].as_str().unwrap_or_default();
        let call = format!("{arn} {}", permission["FunctionName"]);
        let is_of_api = permission["Principal"] == "apigateway.amazonaws.com"
            && permission["Action"] == "lambda:InvokeFunction"
            && wanted.contains_key(&call);
        found.require(
            is_of_api,
            &permission.id,
            "must be of a route of this API, for the function that the route calls",
        );
        given.insert(call);
    }
    for (call, (key, target)) in &wanted {
        found.require(given.contains(call), key, format_args!("must be allowed to call {target}"));
    }
    found.0
}
