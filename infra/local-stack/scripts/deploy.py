"""Deploys template.yaml to the emulator.

The crate `local-stack` starts this with a request on standard input,

    {"endpoint", "region", "stack", "template", "parameters": {name: value},
     "program": path of the program of all functions, "functions": [name],
     "without": [a function, an action that its role lacks] or null}

and reads the deployment from standard output:

    {"api": its id, "outputs": {name: value}, "routes": {"GET /orders": function},
     "functions": {name: {"name": its name in the stack, "environment": {…}}}}

A failure is one line on standard error, with exit code 1.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emulated import emulated
from failure import Failure
from package import upload_launcher, upload_template
from sam import functions_of, read, transformed
from stack import deploy_stack, physical_ids

# The emulator accepts any key, and allows everything to this one, as a deployment needs. The functions run under their
# roles' own temporary keys.
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def main() -> int:
    try:
        json.dump(deploy(json.load(sys.stdin)), sys.stdout)
        return 0
    except ClientError as error:
        return told(error.response["Error"]["Message"])
    except (Failure, BotoCoreError) as error:
        return told(error)


def told(reason) -> int:
    print(*str(reason).split(), file=sys.stderr)
    return 1


def deploy(request: dict) -> dict:
    session = boto3.Session(region_name=request["region"], **CREDENTIALS)

    def client(service: str):
        return session.client(
            service, endpoint_url=request["endpoint"], config=Config(s3={"addressing_style": "path"})
        )

    s3, stack = client("s3"), request["stack"]
    source = read(request["template"])
    functions = functions_of(source)
    package = upload_launcher(s3, stack, request["program"], functions)
    packages = dict.fromkeys(request["functions"], package)
    plain = transformed(source, request["parameters"], packages, session)
    if without := request.get("without"):
        take_away(plain, functions, *without)
    template, routes = emulated(plain, stack)
    outputs = deploy_stack(
        client("cloudformation"), stack, upload_template(s3, stack, template), request["parameters"]
    )

    ids = physical_ids(client("cloudformation"), stack)
    keep_time_to_live(client("dynamodb"), template, ids)
    environments = environments_of_functions(client("lambda"))
    return {
        "api": next((ids[name] for name, r in template["Resources"].items() if is_http_api(r)), None),
        "outputs": outputs,
        "routes": {route: functions[logical_id] for route, logical_id in routes.items()},
        "functions": {
            name: {"name": ids[logical_id], "environment": environments[ids[logical_id]]}
            for logical_id, name in functions.items()
            if logical_id in ids
        },
    }


def take_away(plain: dict, functions: dict, name: str, action: str) -> None:
    """Takes an action out of the role of a function, for a test that has to fail without it."""
    resources = plain["Resources"]
    function = next(resources[logical_id] for logical_id, binary in functions.items() if binary == name)
    role = resources[function["Properties"]["Role"]["Fn::GetAtt"][0]]
    for policy in role["Properties"]["Policies"]:
        document = policy["PolicyDocument"]
        for statement in document["Statement"]:
            statement["Action"] = [other for other in statement["Action"] if other != action]
        document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    role["Properties"]["Policies"] = [it for it in role["Properties"]["Policies"] if it["PolicyDocument"]["Statement"]]


def is_http_api(resource: dict) -> bool:
    return resource["Type"] == "AWS::ApiGatewayV2::Api"


def environments_of_functions(lambda_) -> dict:
    """{name in the stack: environment} of all functions. A call for each of dozens takes a second."""
    return {
        function["FunctionName"]: function.get("Environment", {}).get("Variables", {})
        for page in lambda_.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }


def keep_time_to_live(dynamodb, template: dict, ids: dict) -> None:
    """The emulator creates a table without its time-to-live setting, so it is set on the table afterwards."""
    for name, resource in template["Resources"].items():
        wanted = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] != "AWS::DynamoDB::Table" or not wanted:
            continue
        current = dynamodb.describe_time_to_live(TableName=ids[name])["TimeToLiveDescription"]
        if (current["TimeToLiveStatus"] == "ENABLED") != wanted["Enabled"]:
            dynamodb.update_time_to_live(TableName=ids[name], TimeToLiveSpecification=wanted)


if __name__ == "__main__":
    sys.exit(main())
