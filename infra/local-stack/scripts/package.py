"""Uploads the parts of a deployment to a bucket of the emulator's own S3."""

import hashlib
import io
import json
import shlex
import zipfile

# The earliest time of the zip format. A fixed time makes the same content the same package.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def upload_launcher(s3, stack: str, program: str, functions: dict) -> dict:
    """Uploads the package of all functions, {logical id: binary}, and returns {"Bucket", "Key"}.

    It holds no binary but a script that executes the program of all functions in its folder. Dozens of unoptimised
    binaries would be gigabytes to compress, to upload and to keep in the emulator's memory. The path names the build, so
    a changed program is a changed package, and the emulator replaces its running instances.
    """
    # The emulator names a function STACK-LOGICAL_ID-SUFFIX.
    cases = "".join(f"*-{logical_id}-*) name={name} ;;\n" for logical_id, name in functions.items())
    script = f'#!/bin/sh\ncase $AWS_LAMBDA_FUNCTION_NAME in\n{cases}esac\nexec {shlex.quote(program)} "$name"\n'
    content = zipped("bootstrap", script)
    bucket, key = artifacts(s3, stack), f"functions/{hashlib.sha256(content).hexdigest()}.zip"
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    return {"Bucket": bucket, "Key": key}


def upload_template(s3, stack: str, template: dict) -> str:
    """Uploads the template and returns its address. A template in the request itself may have 51,200 bytes at most."""
    bucket, key = artifacts(s3, stack), "template.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


def artifacts(s3, stack: str) -> str:
    bucket = f"{stack}-artifacts"
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError:
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
        )
    return bucket


def zipped(name: str, text: str) -> bytes:
    entry = zipfile.ZipInfo(name, ZIP_EPOCH)
    entry.external_attr = 0o755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, text)
    return buffer.getvalue()
