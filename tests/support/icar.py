"""ICAR ADE's schemas: messages made from them, and whether a message is valid by them."""

from __future__ import annotations

import json
import random
import string
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from support.queries import SHARED_DATA

ADE = SHARED_DATA / "icar-ade"
EXAMPLES = ADE / "examples"
_FILES = {"Animal": "AnimalCore"}
Json = dict[str, Any]


@cache
def schema(path: Path) -> Json:
    """A schema file."""
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def schema_of(kind: str) -> Path:
    """The schema of a resource type's short name."""
    name = _FILES.get(kind, kind)
    found = [ADE / "resources" / f"icar{name}{suffix}.json" for suffix in ("Resource", "")]
    return next(path for path in found if path.exists())


def problems(kind: str, message: Json) -> list[str]:
    """Where a message departs from its schema; formats of times included."""

    def fetch(uri: str) -> Resource[Any]:
        return Resource(schema(Path(uri.removeprefix("file://"))), DRAFT202012)

    top = {"$ref": schema_of(kind).as_uri()}
    validator = jsonschema.Draft202012Validator(
        top,
        registry=Registry(retrieve=fetch),  # type: ignore[call-arg]
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    return [error.message for error in validator.iter_errors(message)]


def _required(spec: Json, path: Path) -> frozenset[str]:
    """What a schema and those that it is made of require."""
    found = frozenset(spec.get("required", ()))
    for one in spec.get("allOf", ()):
        below = (path.parent / one["$ref"]).resolve() if "$ref" in one else path
        found |= _required(schema(below) if "$ref" in one else one, below)
    return found


class Maker:
    """Makes messages that a schema allows; the same seed makes the same ones."""

    def __init__(self, seed: int, animals: list[Json]) -> None:
        self._dice = random.Random(seed)
        self._animals = animals
        self._needed: frozenset[str] = frozenset()
        """Of the object that is being made: what extends it may require its fields."""

    def message(self, kind: str) -> Json:
        """A message of that type, most optional fields in it."""
        made: Json = self._make(schema_of(kind), 0)
        made["resourceType"] = kind
        return made

    def _make(self, path: Path, depth: int) -> Any:
        if path.name == "icarAnimalIdentifierType.json":
            return dict(self._dice.choice(self._animals))
        return self._of(schema(path), path, depth)

    def _of(self, spec: Json, path: Path, depth: int) -> Any:
        if "$ref" in spec:
            return self._make((path.parent / spec["$ref"]).resolve(), depth + 1)
        if spec.get("nullable") and self._dice.random() < 0.2 and "type" not in spec:
            return self._any_of(spec, path, depth)
        if "allOf" in spec:
            return self._any_of(spec, path, depth)
        if "enum" in spec:
            return self._dice.choice(spec["enum"])
        if "properties" in spec or spec.get("type") == "object":
            return self._object(spec, path, depth)
        return self._plain(spec, path, depth)

    def _any_of(self, spec: Json, path: Path, depth: int) -> Any:
        needed = self._needed
        self._needed = needed | _required(spec, path)
        made = [self._of(one, path, depth) for one in spec["allOf"]]
        self._needed = needed
        if not isinstance(made[0], dict):
            return made[0]
        whole = {k: v for one in made for k, v in one.items()}
        return dict.fromkeys(_required(spec, path), 1) | whole  # one schema requires fields that it does not describe

    def _object(self, spec: Json, path: Path, depth: int) -> Json:
        outer, self._needed = self._needed, frozenset()
        needed = outer | set(spec.get("required", ()))
        chance = 0.8 if depth < 3 else 0.3
        fields = spec.get("properties", {}).items()
        made = {k: self._of(v, path, depth) for k, v in fields if k in needed or self._dice.random() < chance}
        self._needed = outer
        return made

    def _plain(self, spec: Json, path: Path, depth: int) -> Any:
        kind = spec.get("type", "string")
        if kind == "array":
            return [self._of(spec.get("items", {}), path, depth + 1) for _ in range(self._dice.randint(1, 2))]
        if kind == "integer":
            return self._dice.randint(0, 9)
        if kind == "number":
            return self._dice.choice([self._dice.randint(1, 9), round(self._dice.uniform(0, 700), 2)])
        if kind == "boolean":
            return self._dice.random() < 0.5
        return self._text(spec)

    def _text(self, spec: Json) -> str:
        day = f"20{self._dice.randint(15, 24)}-0{self._dice.randint(1, 9)}-{self._dice.randint(10, 28)}"
        if "pattern" in spec:
            return f"20{self._dice.randint(15, 24)}"  # the one pattern: a year, a month, or a period of days
        if spec.get("format") == "date-time":
            return f"{day}T{self._dice.randint(10, 23)}:{self._dice.randint(10, 59)}:00.{self._dice.randint(1, 9)}Z"
        if spec.get("format") == "date":
            return day
        if spec.get("format") == "uri":
            return f"https://example.org/{self._dice.randint(1, 99)}"
        letters = string.ascii_letters + " -/é牛\"\\'=\n\u2028"
        return "".join(self._dice.choice(letters) for _ in range(self._dice.randint(3, 12))) + "."
