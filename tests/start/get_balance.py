"""`GET /balance/{userId}` in Python with boto3, with a runtime client of its own: a measure of comparison."""

import http.client
import json
import os
import time

import boto3

runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
table = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])


def read(pk, sk):
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return table.get_item(TableName=os.environ["TABLE_NAME"], Key=key, ConsistentRead=True).get("Item")


def reply(status, code, data=None):
    body = json.dumps({"code": code, "message": code, "data": data})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}


def handle(event, request_id):
    started = time.monotonic()
    user = event["pathParameters"]["userId"]
    if event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] != user:
        answer = reply(403, "FORBIDDEN")
    elif account := read(f"USER#{user}", "ACCOUNT"):
        answer = reply(200, "SUCCESS", {"userId": user, "balance": int(account["balance"]["N"])})
    else:
        answer = reply(404, "NOT_FOUND")
    duration = time.monotonic() - started
    line = {"level": "INFO", "requestId": request_id, "path": event["rawPath"], "status": answer["statusCode"]}
    print(json.dumps(line | {"duration": duration}), flush=True)
    return answer


def call(method, path, body=None):
    runtime.request(method, f"/2018-06-01/runtime/invocation/{path}", body)
    answer = runtime.getresponse()
    return answer.headers, answer.read()


# Connected in the initialisation, as the functions of the shop are.
read("NOTHING", "NOTHING")
while True:
    headers, event = call("GET", "next")
    request_id = headers["lambda-runtime-aws-request-id"]
    call("POST", f"{request_id}/response", json.dumps(handle(json.loads(event), request_id)))
