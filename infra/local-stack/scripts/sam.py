"""Reads template.yaml and turns it into plain CloudFormation, by the same library as on AWS."""

import pathlib

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from failure import Failure


def transformed(path: str, parameters: dict, packages: dict, session: boto3.Session) -> dict:
    """The plain template, with each function's code in its package."""
    try:
        template = yaml_parse(pathlib.Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise Failure(str(error)) from error
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            name = binary_of(resource)
            if name not in packages:
                raise Failure(f"{logical_id} wants the binary `{name}`, but the package functions builds none of that name")
            resource["Properties"]["CodeUri"] = packages[name]
    values = {"AWS::Region": session.region_name, "AWS::Partition": "aws", **parameters}
    try:
        return Translator({}, Parser(), boto_session=session).translate(template, values)
    except InvalidDocumentException as error:
        raise Failure("; ".join(cause.message for cause in error.causes)) from error


def binary_of(function: dict) -> str:
    """The name of a function's binary, from where `sam build` takes it."""
    return function["Metadata"]["BuildProperties"]["Binary"]


def functions_of(template: dict) -> dict:
    """{logical id: binary} of a plain template; the transformation keeps the metadata."""
    return {
        logical_id: resource["Metadata"]["BuildProperties"]["Binary"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
