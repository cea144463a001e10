//! Callers of the API: users of the stack's own pool, unless an issuer is given.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove, resource};
use crate::{
    plain::{Plain, Resource, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[Rule {
    name: "tokens are those of the issuer, or of a pool of the stack",
    finding: "D5",
    check: callers,
    faults: &[
        Fault {
            name: "a pool beside the issuer",
            set: Set::OwnIssuer,
            plant: |template| remove(resource(template, "UserPool"), "Condition"),
        },
        Fault {
            name: "no group of sellers",
            set: Set::Defaults,
            plant: |template| remove(&mut template["Resources"], "SellerUsers"),
        },
        Fault {
            name: "a group with a name that no function compares with",
            set: Set::Defaults,
            plant: |template| properties(template, "AdminUsers")["GroupName"] = json!({ "Ref": "SellerGroup" }),
        },
        Fault {
            name: "the authorizer takes tokens of another issuer",
            set: Set::Defaults,
            plant: |template| jwt(template)["issuer"] = "https://identity.example".into(),
        },
        Fault {
            name: "the authorizer takes tokens of any audience of the issuer",
            set: Set::OwnIssuer,
            plant: |template| jwt(template)["audience"] = json!([]),
        },
    ],
}];

fn jwt(template: &mut Value) -> &mut Value {
    let scheme = &mut properties(template, "Api")["Body"]["components"]["securitySchemes"]["Jwt"];
    &mut scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
}

fn callers(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let has_pool = !plain.asks_for("JwtIssuer");
    let wish = if has_pool { "must exist without an issuer" } else { "must not exist beside the issuer" };
    for id in ["UserPool", "UserPoolClient", "AdminUsers", "SellerUsers"] {
        found.require(plain.get(id).is_some() == has_pool, id, wish);
    }
    for (id, parameter) in [("AdminUsers", "AdminGroup"), ("SellerUsers", "SellerGroup")] {
        let is_right = |group: &Resource| {
            group["GroupName"] == reference_to(parameter) && group["UserPoolId"] == reference_to("UserPool")
        };
        found.require(
            plain.get(id).is_none_or(is_right),
            id,
            format_args!("must be the group {parameter} of the pool"),
        );
    }
    let (issuer, audience) = if has_pool {
        let issuer = json!({ "Fn::Sub": "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}" });
        (issuer, json!([reference_to("UserPoolClient")]))
    } else {
        (reference_to("JwtIssuer"), json!([reference_to("JwtAudience")]))
    };
    for api in plain.of("AWS::ApiGatewayV2::Api") {
        let authorizer = &api["Body"]["components"]["securitySchemes"]["Jwt"]["x-amazon-apigateway-authorizer"];
        let is_jwt = authorizer["type"] == "jwt" && authorizer["identitySource"] == "$request.header.Authorization";
        found.require(is_jwt, &api.id, "must read tokens from the header Authorization");
        let jwt = &authorizer["jwtConfiguration"];
        found.require(jwt["issuer"] == issuer, &api.id, format_args!("must trust {issuer}"));
        found.require(jwt["audience"] == audience, &api.id, format_args!("must take tokens for {audience}"));
    }
    found.0
}
