"""Reads template.yaml and turns it into plain CloudFormation, by the same library as on AWS."""

import logging
import pathlib

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.open_api import open_api
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor

from failure import Failure

# It warns of toggles of AWS's own.
logging.getLogger("samtranslator").addHandler(logging.NullHandler())

# The translator's own reader takes six times as long: each start of the stack reads the template.
yaml.CSafeLoader.add_multi_constructor("!", intrinsics_multi_constructor)

# It copies the whole API before and after it adds each of its hundred routes, which is half of the transform. Without
# copies nothing changes but the order of the API's keys: a test compares (`tests/template`).
open_api._deepcopy = lambda api: api


def transformed(template: dict, parameters: dict, packages: dict, session: boto3.Session) -> dict:
    """The plain template, with each function's code in its package. Changes the given template."""
    for logical_id, name in functions_of(template).items():
        if name not in packages:
            raise Failure(f"{logical_id} wants the binary `{name}`, but the package functions builds none of that name")
        template["Resources"][logical_id]["Properties"]["CodeUri"] = packages[name]
    values = {"AWS::Region": session.region_name, "AWS::Partition": "aws", **defaults(template), **parameters}
    try:
        return Translator({}, Parser(), boto_session=session).translate(template, values)
    except InvalidDocumentException as error:
        raise Failure("; ".join(cause.message for cause in error.causes)) from error


def read(path: str) -> dict:
    """The SAM template in the file, with `!Ref x` as {"Ref": "x"} and so on."""
    try:
        return yaml.load(pathlib.Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise Failure(str(error)) from error


def functions_of(template: dict) -> dict:
    """{logical id: binary} of a SAM template. `cargo lambda build` puts each binary into a folder of its name."""
    return {
        logical_id: pathlib.PurePosixPath(resource["Properties"]["CodeUri"]).name
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def defaults(template: dict) -> dict:
    """The defaults of the template's parameters."""
    parameters = template.get("Parameters", {}).items()
    return {name: parameter["Default"] for name, parameter in parameters if "Default" in parameter}
