"""Diagnoses, treatments and scores: what ICAR messages state about an animal's health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from herdbook.labels.cells import RowProblem
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import identifier, number, part, parts, text
from herdbook.labels.icar.stated import Statement, animal_of
from herdbook.labels.kinds import LabelKind


def diagnoses(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """Each diagnosis by its code, with the code's scheme; by its name where it has none."""
    for n, diagnosis in enumerate(parts(message, "diagnoses")):
        scheme, code = identifier(diagnosis, "diagnosisCode") or (None, None)
        yield Statement(
            LabelKind.DIAGNOSIS,
            animal_of(message),
            f"diagnosis.{n}",
            text=code or text(diagnosis, "name") or text(diagnosis, "description"),
            scale=scheme,
            site=_site(diagnosis),
            severity=text(diagnosis, "severity") or text(diagnosis, "severityScore"),
        )


def _site(message: Message) -> str | None:
    """Positions as ICAR words them, in their order; else the free text."""
    positions = [text(p, "position") for p in parts(message, "positions")]
    return ", ".join(p for p in positions if p) or text(message, "site")


def treatment(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """A medicine or procedure, and where on the animal."""
    yield Statement(LabelKind.TREATMENT, animal_of(message), "treatment", text=_remedy(message), site=_site(message))


def _remedy(message: Message) -> str | None:
    medicine = part(message, "medicine")
    _, registered = identifier(medicine, "registeredIdentifier") or (None, None)
    return text(medicine, "name") or text(medicine, "approved") or registered or text(message, "procedure")


def program(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    """Its treatments are facts; a course counts only where none is listed, and only if it is said to be actual."""
    yield from diagnoses(message, scales)
    treatments = parts(message, "treatments")
    for n, given in enumerate(treatments):
        [read] = treatment({"animal": message.get("animal"), **given}, scales)
        yield replace(read, part=f"treatment.{n}", of=given)
    for n, course in enumerate([] if treatments else parts(message, "courses")):
        if text(course, "planOrActual") == "Actual":
            yield Statement(
                LabelKind.TREATMENT,
                animal_of(message),
                f"course.{n}",
                when="startDate",
                of=course,
                text=_remedy(course),
                site=text(course, "site"),
            )


_SCORES = {"Locomotion": LabelKind.LAMENESS_SCORE, "BodyConditionScore": LabelKind.CONDITION_SCORE}


def score(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    """A conformation score: of locomotion, of body condition, or of another trait, which is its site."""
    yield _scored(message, message, "score", scales)


def classification(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    """All scores of a classification, each a fact of its own."""
    for n, one in enumerate(parts(message, "conformationScores")):
        yield _scored(message, one, f"score.{n}", scales)


def _scored(message: Message, given: Message, name: str, scales: Mapping[str, str]) -> Statement:
    trait = text(given, "traitScored")
    if trait is None:
        raise RowProblem("traitScored: is missing")
    label = "/".join(identifier(message, "traitLabel") or ())
    kind = _SCORES.get(trait, LabelKind.CONFORMATION)
    scale = "conformation-1-9"
    if kind is LabelKind.CONFORMATION and text(given, "traitGroup") == "Composite":
        scale = "conformation-50-99"
    if kind is LabelKind.LAMENESS_SCORE:
        scale = scales.get(label, scale)
    site = trait if kind is LabelKind.CONFORMATION else None
    return Statement(kind, animal_of(message), name, number=number(given, "score"), scale=scale, site=site)
