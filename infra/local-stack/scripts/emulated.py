"""Rewrites a plain template where the emulator falls short of CloudFormation, and nowhere else.

A rewrite changes the notation of a resource, not the deployment. The functions' permissions and events, and the API's
routes and authorization, stay those of the template.
"""

import copy
import hashlib
import json
import re

from failure import Failure

# Types that the emulator does not know, and would fail the whole stack for. No function depends on them locally. A
# resource that refers to one of them must be listed as well. Permissions to invoke a function are known but not checked,
# and count towards the 500 resources of a stack, where a route is a resource only locally. Policies of buckets demand
# TLS, which the emulator does not speak: with them it refuses every object.
NOT_EMULATED = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::EventSchemas::Discoverer",
    "AWS::Events::Connection",
    "AWS::Events::EventBusPolicy",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::Synthetics::Canary",
}


def emulated(plain: dict, stack: str) -> tuple[dict, dict]:
    """The template to deploy, and {route: logical id of its function}."""
    template, routes = copy.deepcopy(plain), {}
    resources = template["Resources"]
    for logical_id, resource in list(resources.items()):
        if is_beyond_emulation(resource):
            del resources[logical_id]
        elif resource["Type"] == "AWS::ApiGatewayV2::Api":
            routes |= explode(logical_id, resource["Properties"], resources, stack)
        elif resource["Type"] == "AWS::Lambda::Function":
            tell_log_format(resource["Properties"])
        elif resource["Type"] == "AWS::IAM::Role":
            forget_sources(resource["Properties"])
        elif resource["Type"] == "AWS::Lambda::EventSourceMapping":
            forget_chosen_concurrency(resource["Properties"])
    return template, routes


def is_beyond_emulation(resource: dict) -> bool:
    """Whether the emulator would fail the stack for the resource. It also fails for an alarm on metric math."""
    is_reckoned = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return is_reckoned or resource["Type"] in NOT_EMULATED


def forget_sources(role: dict) -> None:
    """Takes away the condition on the source of an event. The emulator does not know the source when it decides, and
    would refuse every event. Tests in process hold the condition."""
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            statement.get("Condition", {}).get("StringEquals", {}).pop("events:source", None)
            # On AWS a batch needs the permission of a single message.
            actions = statement.get("Action")
            if isinstance(actions, list) and "sqs:SendMessage" in actions:
                actions.append("sqs:SendMessageBatch")


def forget_chosen_concurrency(source: dict) -> None:
    """Takes away a bound that a parameter chooses. The emulator gives parameters as text, and cannot compare it."""
    if isinstance(source.get("ScalingConfig", {}).get("MaximumConcurrency"), dict):
        del source["ScalingConfig"]


def tell_log_format(function: dict) -> None:
    """Sets the variables of the logging configuration, which Lambda sets itself and the emulator does not."""
    logging = function.get("LoggingConfig", {})
    variables = function.setdefault("Environment", {}).setdefault("Variables", {})
    if log_format := logging.get("LogFormat"):
        variables["AWS_LAMBDA_LOG_FORMAT"] = log_format
    if level := logging.get("ApplicationLogLevel"):
        variables["AWS_LAMBDA_LOG_LEVEL"] = level


def explode(api: str, properties: dict, resources: dict, stack: str) -> dict:
    """Replaces an HTTP API's OpenAPI body, which the emulator ignores, by one resource for each of its parts."""
    body = properties.pop("Body", None)
    if body is None:
        return {}
    properties["Name"], properties["ProtocolType"] = stack, "HTTP"
    # The emulator keeps the keys as they are and reads them in the API's spelling, which is the body's too.
    if cors := body.get("x-amazon-apigateway-cors"):
        properties["CorsConfiguration"] = cors
    # A fixed id keeps the API's address over fresh starts.
    properties["Tags"] = {"ms-custom-id": digest(stack, api)}

    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        resources[f"{api}{name}Authorizer"] = authorizer(api, name, scheme)

    routes = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            route = route_key(path, method)
            # Routes to one function share its integration: a stack has 500 resources at most.
            described = integration(api, operation)
            shared = f"{api}Integration{digest(json.dumps(described, sort_keys=True))}"
            resources[shared] = described
            resources[f"{api}Route{digest(route)}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": route,
                    "Target": {"Fn::Sub": f"integrations/${{{shared}}}"},
                    **authorization(api, operation),
                },
            }
            routes[route] = function_of(route, operation, resources)
    return routes


def route_key(path: str, method: str) -> str:
    # SAM puts a slash before it where warnings fail an import.
    if path.lstrip("/") == "$default":
        return "$default"
    return f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"


def integration(api: str, operation: dict) -> dict:
    described = operation["x-amazon-apigateway-integration"]
    return {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": api},
            "IntegrationType": described["type"].upper(),
            "IntegrationUri": described["uri"],
            "PayloadFormatVersion": described["payloadFormatVersion"],
        },
    }


def authorization(api: str, operation: dict) -> dict:
    """A route's part of its operation's `security`. SAM writes `NONE` for a route that is open to everyone."""
    for requirement in operation.get("security", []):
        for name, scopes in requirement.items():
            if name != "NONE":
                return {
                    "AuthorizationType": "JWT",
                    "AuthorizerId": {"Ref": f"{api}{name}Authorizer"},
                    "AuthorizationScopes": scopes,
                }
    return {"AuthorizationType": "NONE"}


def authorizer(api: str, name: str, scheme: dict) -> dict:
    described = scheme["x-amazon-apigateway-authorizer"]
    if described["type"] != "jwt":
        raise Failure(f"the authorizer {name} is of type {described['type']}; the local stack knows jwt only")
    configuration = described["jwtConfiguration"]
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": api},
            "Name": name,
            "AuthorizerType": "JWT",
            "IdentitySource": [described["identitySource"]],
            "JwtConfiguration": {"Issuer": configuration["issuer"], "Audience": configuration["audience"]},
        },
    }


def function_of(route: str, operation: dict, resources: dict) -> str:
    uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
    if found := re.search(r"/functions/\$\{(\w+)(?:\.Arn)?\}/", uri):
        target = resources[found.group(1)]
        # An alias stands for its function.
        return target["Properties"]["FunctionName"]["Ref"] if target["Type"] == "AWS::Lambda::Alias" else found.group(1)
    raise Failure(f"the route {route} does not lead to a function of this template")


def digest(*parts: str) -> str:
    """Eight hexadecimal digits: valid in an API's id of the emulator, and in a logical id."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
