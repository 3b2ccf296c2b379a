"""Ethograms are files; pigs have nine behaviours, and every raw label of the Edinburgh dataset means one of them."""

from __future__ import annotations

import pytest

from herdbook.contracts.ethogram import Posture, all_ethograms, load_ethogram
from herdbook.errors import NotFoundError

EDINBURGH_LABELS = [
    "chase",
    "drink",
    "eat",
    "fight",
    "investigating",
    "jump-on-top-of",
    "lying",
    "mount",
    "nose-to-nose",
    "nose-poke-elsewhere",
    "play-with-toy",
    "run",
    "sitting",
    "sleep",
    "standing",
    "tail-biting",
    "walk",
]


def test_pigs_have_nine_behaviours() -> None:
    assert load_ethogram("pig-9").names == (
        *("sleeping", "lying", "sitting", "standing", "walking", "eating", "drinking", "investigating", "social"),
    )


def test_each_of_the_17_edinburgh_labels_means_exactly_one_behaviour() -> None:
    pig = load_ethogram("pig-9")
    assert len(EDINBURGH_LABELS) == 17
    assert {pig.from_raw(label) for label in EDINBURGH_LABELS} == set(pig.names)
    assert pig.from_raw("yodel") is None


def test_lying_time_sums_over_the_posture() -> None:
    pig = load_ethogram("pig-9")
    assert [b.name for b in pig.behaviours if b.posture is Posture.LYING] == ["sleeping", "lying"]


@pytest.mark.parametrize("name", ["cow-99", "", "../pig-9", "pig-9.yaml"])
def test_an_unknown_ethogram_says_which_exist(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_ethogram(name)
    assert "pig-9" in caught.value.remedy


def test_every_shipped_ethogram_is_valid_and_named_as_its_file() -> None:
    assert {ethogram.ethogram_id for ethogram in all_ethograms()} >= {"pig-9"}
    assert all(load_ethogram(ethogram.ethogram_id) == ethogram for ethogram in all_ethograms())
