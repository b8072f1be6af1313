"""The published contract: schemas, the AsyncAPI document, and an example per version."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
SPEC = importlib.util.spec_from_file_location("make_schemas", ROOT / "docs" / "make_schemas.py")
make_schemas = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_schemas)
MODELS = {make_schemas.name_of(model): model for model in make_schemas.MESSAGES}


def test_the_published_documents_are_what_the_models_say():
    assert make_schemas.main(["--check"]) == 0


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_golden_example_of_each_version_still_decodes_to_the_same(name):
    body = (GOLDEN / f"{name}.json").read_text()
    message = MODELS[name].model_validate_json(body)
    assert json.loads(message.model_dump_json(exclude_unset=True)) == json.loads(body)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_golden_example_fits_its_published_schema(name):
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text())
    jsonschema.validate(json.loads((GOLDEN / f"{name}.json").read_text()), schema)


def _references(node):
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _references(child)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]


def _follow(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    found = list(_references(document))
    assert len(found) > 20
    for reference in found:
        inside = reference.startswith("#/")
        assert _follow(document, reference) if inside else (ROOT / "docs" / reference).exists()
