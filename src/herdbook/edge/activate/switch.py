"""Taking up a release: prove, load beside, probe, switch the pointer, wait for recorders, unload, look again.

Nothing here needs undoing after a crash: until ``active.json`` names the new release the old one runs, and whatever
else lies about is not named by it. `herdbook.edge.activate.recover` makes sure of what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.activation import EngineCertificate
from herdbook.contracts.assignment import Assignment, Why
from herdbook.edge.activate import steps, trial
from herdbook.edge.activate.bring_up import OF_THE_MACHINE, bring_up, through_triton, tidy, unload
from herdbook.edge.activate.build import Part, parts_of
from herdbook.edge.activate.opened import Opened, open_release
from herdbook.edge.activate.place import Place, Told, activating, say_nothing
from herdbook.edge.activate.prove import certificate_name, describe, prove
from herdbook.edge.activate.room import room
from herdbook.edge.activate.state import Active, EngineFile, Installed, next_version, read_active, write_active
from herdbook.edge.activate.using import uses, wait_until
from herdbook.edge.triton.repository import Tensors, model_name
from herdbook.errors import ActivationError, HerdbookError, SwitchFailedError

PATIENCE_S = 900.0
"""How long recorders are waited for: they change between two clips."""

Between = Callable[[EngineCertificate, Opened], None]
"""Called with a proved engine before anything is switched."""


def activate(
    place: Place,
    folder: Path,
    assignment: Assignment,
    *,
    told: Told = say_nothing,
    between: Between | None = None,
    patience_s: float = PATIENCE_S,
) -> EngineCertificate:
    """Take up the release in a folder of verified files; at every moment there is a working engine.

    Args:
        folder: as `herdbook.edge.install` made it, in the device's folder ``releases``.
        assignment: what asks for it.
        told: each step, once it is done.
        between: after the proof and before the switch: the drift reading.
        patience_s: how long recorders are waited for.

    Raises:
        ActivationError: the release is not whole, or a recorder does not let go of its engine.
        ReleaseUnusableError: it is not for this machine.
        EngineBuildError: its engine cannot be built.
        EngineRefusedError: its engine does not prove itself; the certificate says why.
        SwitchFailedError: it stopped serving after the switch; the last good release serves.
        TritonError: the server does not come up.
        DiskFullError: no space is left.
    """
    with activating(place.root, wait=True):
        opened = open_release(folder, place.hardware)
        told(steps.OPENED)
        told(steps.BUILDING)
        tensors: Tensors = {}
        if place.hardware.has_tensorrt and opened.networks:
            tensors = trial.try_graphs(trial.Question(graphs=opened.graphs, threads=place.threads)).tensors
        parts = parts_of(place, opened, assignment, tensors)
        told(steps.BUILT)
        version = next_version(place.releases)
        old = read_active(place.releases) or Active(since=datetime.now(UTC))
        try:
            needed = opened.recipe.budget.memory_mib
            with room(place, needed, old.now, told, patience_s=patience_s) as alone:
                told(steps.PROVING)
                back = assignment.why is Why.ROLLBACK
                certificate, tensors = prove(place, opened, parts, tensors, version, waive=back)
                told(steps.CERTIFIED)
                if alone and old.now is not None:
                    bring_up(place, old.now)
            if between is not None:
                between(certificate, opened)  # recorders have their engines meanwhile: drift takes half an hour
            with room(place, needed, old.now, told, patience_s=patience_s):
                told(steps.SWITCHING)
                new = _installed(place, opened, parts, tensors, assignment=assignment.number, version=version)
                try:
                    bring_up(place, new, told=told)
                except BaseException:
                    with suppress(Exception):
                        unload(place, new, but=old.now)
                    raise
                write_active(place.releases, Active(now=new, previous=old.now, since=datetime.now(UTC)))
                told(steps.POINTED)
        except HerdbookError:
            tidy(place, old.now, old.previous)
            raise
        settle(place, told=told, patience_s=patience_s)
    return certificate


def settle(place: Place, *, told: Told = say_nothing, patience_s: float = PATIENCE_S) -> None:
    """After the pointer has moved: recorders change, the old engine goes, the new one must still serve.

    Raises:
        SwitchFailedError: it does not, and the last good release was restored.
        TritonError, DiskFullError: neither of them comes up now; the new one stays named.
    """
    active = read_active(place.releases)
    assert active is not None
    assert active.now is not None
    new, old = active.now, active.previous

    def changed() -> bool:
        told_by = uses(place.root)
        refused = any(new.version in use.refused for use in told_by)
        return refused or all(version == new.version for use in told_by for version in use.cameras.values())

    everyone = wait_until(changed, patience_s)
    if any(new.version in use.refused for use in uses(place.root)):
        restore(place, active, ActivationError("the recorder cannot open it"))
    told(steps.CHANGED)
    if old is not None and everyone:
        unload(place, old, but=new)
        told(steps.UNLOADED)
    try:
        bring_up(place, new)
    except HerdbookError as error:
        restore(place, active, error)
    told(steps.CONFIRMED)
    tidy(place, new, old)


def let_go(place: Place) -> None:
    """Unload the last good release once no recorder uses it, where a switch did not wait long enough for that."""
    active = read_active(place.releases)
    if active is None or active.now is None or active.previous is None or not through_triton(place, active.previous):
        return
    old = active.previous
    if any(old.version in use.cameras.values() for use in uses(place.root)):
        return
    with suppress(*OF_THE_MACHINE):
        served = place.host.client().index()
        if any((model_name(e.role, old.use.release_id), old.version) in served for e in old.engines):
            unload(place, old, but=active.now)


def restore(place: Place, active: Active, why: HerdbookError) -> None:
    """Go back to the last good release, or to the engine of device.yaml where there is none that works.

    Raises:
        SwitchFailedError: it says what was restored.
        TritonError, DiskFullError: `why`, where it is of the machine and the last good release does not come up either.
    """
    good = active.previous
    try:
        if good is not None:
            bring_up(place, good)
        elif isinstance(why, OF_THE_MACHINE):
            raise why
    except OF_THE_MACHINE:
        if isinstance(why, OF_THE_MACHINE):
            raise why from None
    except HerdbookError:
        good = None
    write_active(place.releases, Active(now=good, since=datetime.now(UTC)))
    if active.now is not None:
        unload(place, active.now, but=good)
    tidy(place, good)
    bad = active.now.use.release_id if active.now else "?"
    serves = good.use.release_id if good else place.config.release.release_id
    raise SwitchFailedError(
        f"release '{bad}' stopped serving after the switch ({why.message}); '{serves}' was restored"[:480]
    )


def _installed(
    place: Place,
    opened: Opened,
    parts: Sequence[Part],
    tensors: Tensors,
    *,
    assignment: int,
    version: int,
) -> Installed:
    engines = []
    for part in parts:
        file, (inputs, outputs) = describe(part.engine), tensors[part.role]
        engines.append(
            EngineFile(
                role=part.role,
                place=str(part.engine.relative_to(place.releases)),
                bytes=file.bytes,
                sha256=file.sha256,
                inputs=inputs,
                outputs=outputs,
            )
        )
    if opened.folder.parent != place.releases:
        raise ActivationError(f"{opened.folder} is not in {place.releases}")
    return Installed(
        folder=opened.folder.name,
        release_sha256=opened.sha256,
        use=opened.release.use,
        assignment=assignment,
        version=version,
        backend="tensorrt" if place.hardware.has_tensorrt else "onnxruntime",
        precision=opened.recipe.precision,
        engines=tuple(engines),
        certificate=certificate_name(opened),
    )
