"""Creates or updates a stack and waits for it."""

import time

from failure import Failure

POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 300


def deploy_stack(cloudformation, stack: str, template_url: str, parameters: dict) -> dict:
    """Deploys the template and returns the stack's outputs."""
    request = {
        "StackName": stack,
        "TemplateURL": template_url,
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    status = status_of(cloudformation, stack)
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        # A stack that was never created completely cannot be updated.
        cloudformation.delete_stack(StackName=stack)
        settled(cloudformation, stack)
        status = None
    elif status and status.endswith("_IN_PROGRESS"):
        # There is no other deployer, so the process that began this has ended. The emulator does not resume it.
        raise Failure("an earlier deployment was interrupted half-way")
    started = time.time()
    try:
        if status is None:
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
    except cloudformation.exceptions.ClientError as error:
        # The stack is as the template wants it already.
        if "No updates are to be performed" in str(error):
            return outputs(cloudformation, stack)
        raise
    status = settled(cloudformation, stack)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise Failure(reason(cloudformation, stack, started) or f"the stack ended as {status}")
    return outputs(cloudformation, stack)


def outputs(cloudformation, stack: str) -> dict:
    description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def physical_ids(cloudformation, stack: str) -> dict:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def status_of(cloudformation, stack: str) -> str | None:
    try:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if status == "DELETE_COMPLETE" else status


def settled(cloudformation, stack: str) -> str | None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        status = status_of(cloudformation, stack)
        if status is None or not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(POLL_SECONDS)
    raise Failure(f"the stack is not there after {TIMEOUT_SECONDS} seconds")


def reason(cloudformation, stack: str, since: float) -> str | None:
    """The first failure; all later ones are its consequences."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    newest_first = [event for page in pages for event in page["StackEvents"]]
    for event in reversed(newest_first):
        # A second of slack for clocks with whole seconds.
        recent = event["Timestamp"].timestamp() > since - 1
        if recent and event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason"):
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
    return None
