"""Names from outside are safe as one path component, whatever is sent."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from herdbook.contracts.identifiers import AnimalId, FileName, Slug, TrackletId

ADAPTERS = [TypeAdapter(kind) for kind in (Slug, AnimalId, FileName, TrackletId)]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=["slug", "animal", "file", "tracklet"])
@given(text=st.text(alphabet=st.sampled_from("ab1._-/\\\0\n: ~%"), max_size=12))
def test_an_accepted_name_is_one_plain_path_component(adapter: TypeAdapter[str], text: str) -> None:
    try:
        name = adapter.validate_python(text)
    except ValidationError:
        return
    assert PurePosixPath("base", name).parts == ("base", name)
    assert name == name.strip()
    assert ".." not in name
    assert not set(name) & set("/\\\0\n ~%")


@pytest.mark.parametrize("name", ["barn-a-1", "a", "pen_3.left", "0"])
def test_everyday_names_are_slugs(name: str) -> None:
    assert TypeAdapter(Slug).validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "-rf", ".hidden", "a..b", "A", "a" * 64, "a\n"]
)
def test_these_are_not_slugs(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Slug).validate_python(name)
