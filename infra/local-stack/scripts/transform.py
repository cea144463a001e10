"""Prints template.yaml as plain CloudFormation.

The crate `local-stack` starts this with a request on standard input,

    {"template": path, "region", "parameters": {name: value}}

and reads the plain template from standard output. Nothing is built or uploaded: the key of each function's package is
its CodeUri. A failure is one line on standard error, with exit code 1.
"""

import json
import sys

import boto3

from failure import Failure
from sam import functions_of, read, transformed


def main() -> int:
    request = json.load(sys.stdin)
    # The translator calls AWS only for the ARNs of policies named without one, and the template names none.
    session = boto3.Session(region_name=request["region"], aws_access_key_id="none", aws_secret_access_key="none")
    try:
        template = read(request["template"])
        plain = transformed(template, request["parameters"], packages(template), session)
    except Failure as error:
        print(*str(error).split(), file=sys.stderr)
        return 1
    json.dump(plain, sys.stdout)
    return 0


def packages(template: dict) -> dict:
    """{binary: package}, as if each function's folder had been uploaded under its own name."""
    return {
        binary: {"Bucket": "packages", "Key": template["Resources"][logical_id]["Properties"]["CodeUri"]}
        for logical_id, binary in functions_of(template).items()
    }


if __name__ == "__main__":
    sys.exit(main())
