"""The OpenAPI schema: what a frontend's tools make their types of."""

import re

import pytest
import yaml
from django.test import Client
from jsonschema import Draft202012Validator

from syncsite.openapi.errors import REFUSALS

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def schema():
    return yaml.safe_load(Client().get("/schema").content)


@pytest.fixture(scope="module")
def operations(schema):
    return {
        operation["operationId"]: operation
        for item in schema["paths"].values()
        for operation in item.values()
    }


def media_of(operation):
    """Everything that has an example, by where it stands."""
    body = operation.get("requestBody", {})
    for name, media in body.get("content", {}).items():
        yield f"request {name}", media
    for status, response in operation["responses"].items():
        for name, media in response.get("content", {}).items():
            yield f"{status} {name}", media


def nullable(part):
    """OpenAPI 3.0's `nullable`, in the words of JSON Schema."""
    if isinstance(part, list):
        return [nullable(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: nullable(one) for name, one in part.items() if name != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if part.get("nullable") is True else made


def test_has_an_example_of_each_body_and_answer_that_fits(schema, operations):
    components = nullable(schema["components"])
    for name, operation in operations.items():
        for place, media in media_of(operation):
            if place.endswith("text/html"):
                continue
            assert media.get("examples"), (name, place)
            validator = Draft202012Validator(
                {**nullable(media["schema"]), "components": components}
            )
            for example in media["examples"].values():
                problems = [error.message for error in validator.iter_errors(example["value"])]
                assert not problems, (name, place, problems)


def test_describes_each_operation_in_its_own_words(operations):
    words = [operation.get("description") for operation in operations.values()]
    assert all(words)
    assert len(words) == len(set(words))


def test_names_the_codes_of_each_error(schema, operations):
    known = set(schema["components"]["schemas"]["RefusalCode"]["enum"])
    assert known == set(REFUSALS)
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if status >= "400" and "application/json" in response.get("content", {}):
                assert response["description"], (name, status)
                assert response["content"]["application/json"]["examples"], (name, status)


def test_asks_for_nothing_that_only_the_service_writes(schema):
    asked = [one for name, one in schema["components"]["schemas"].items() if "Request" in name]
    assert asked
    assert not [
        name for one in asked for name, field in one["properties"].items() if "readOnly" in field
    ]


def test_tells_the_rules(schema, operations):
    components = schema["components"]["schemas"]
    assert components["SignUpRequest"]["properties"]["password"]["minLength"] == 6
    asked = {one["name"]: one for one in operations["meetings_list"]["parameters"]}
    assert (asked["page_size"]["schema"]["default"], asked["page_size"]["schema"]["maximum"]) == (
        50,
        100,
    )
    assert asked["ordering"]["schema"]["default"] == "-created_at"
    assert all(one.get("description") for one in asked.values())


def test_has_each_set_of_words_as_an_enum(schema):
    components = schema["components"]["schemas"]
    loose = [
        (name, field)
        for name, one in components.items()
        for field, rule in one.get("properties", {}).items()
        if re.fullmatch("state|status|phase|kind|outcome|provider", field)
        and rule.get("type") == "string"
        and "enum" not in rule
    ]
    assert loose == []
