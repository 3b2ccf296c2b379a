"""Weights from a package: the known file or a clear error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import timm
import torch

from herdnet import pretrained
from herdnet.compact import CompactConfig, CompactStudent
from herdnet.errors import WeightsUnavailableError
from herdnet.pretrained import INSTALLED, installed_weights

LITE = "tf_efficientnet_lite0"


def test_what_is_read_is_a_classifier_of_imagenet() -> None:
    network = timm.create_model(LITE, pretrained=False).eval()
    network.load_state_dict(installed_weights(LITE))
    torch.manual_seed(0)
    # of noise and of flat grey a trained classifier says different things, and hardly the same whatever it sees
    with torch.no_grad():
        said = network(torch.stack([torch.randn(3, 224, 224), torch.zeros(3, 224, 224)])).softmax(1)
    assert said.max() < 0.99
    assert said.argmax(1).unique().numel() == 2
    # variances that images leave behind; those of random weights are 1
    spread = torch.cat(
        [value.flatten() for name, value in network.state_dict().items() if name.endswith("running_var")]
    )
    assert (spread != 1).all()


def test_a_student_begins_with_them() -> None:
    student = CompactStudent(CompactConfig(trunk=LITE, image_size=(96, 128), proposals=5), Path(INSTALLED))
    known = installed_weights(LITE)
    assert all(torch.equal(value, known[name]) for name, value in student.trunk.state_dict().items())


def test_a_trunk_of_no_package_is_told() -> None:
    with pytest.raises(WeightsUnavailableError, match="tiny_vit_5m_224"):
        installed_weights("tiny_vit_5m_224")


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    known = pretrained.TRUNKS[LITE]._replace(package="no_such_package_of_weights")
    monkeypatch.setitem(pretrained.TRUNKS, LITE, known)
    with pytest.raises(WeightsUnavailableError, match="not installed"):
        installed_weights(LITE)


def test_another_file_of_that_name_is_not_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = pretrained.TRUNKS[LITE]._replace(package="weights_of_somebody")
    place = tmp_path / "weights_of_somebody" / known.file
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not the file")
    (tmp_path / "weights_of_somebody" / "__init__.py").write_text("raise AssertionError('its code was run')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(pretrained.TRUNKS, LITE, known)
    with pytest.raises(WeightsUnavailableError, match="not the file"):
        installed_weights(LITE)
