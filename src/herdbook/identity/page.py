"""The review queue as one page without a server: candidates and pictures side by side, and the line that decides."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from herdbook.identity.queue import Question

Crops = Mapping[str, Sequence[bytes]]
"""PNG pictures by tracklet."""

_STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1a1a1a; }
section { border-top: 2px solid #666; padding: .8rem 0 1.4rem; }
.sides { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
figure { margin: 0; padding: .5rem .7rem; border: 1px solid #999; border-radius: 4px; }
figure.asked { border-width: 3px; }
figure img { max-height: 9rem; margin-right: .3rem; image-rendering: pixelated; }
figcaption { max-width: 24rem; }
code { background: #eee; padding: .1rem .3rem; overflow-wrap: anywhere; }
"""


def review_page(asked: Sequence[Question], crops: Crops) -> str:
    """The whole page.

    Args:
        asked: as of `herdbook.identity.queue.questions`.
        crops: pictures of asked and enrolled tracklets, as far as there are any.

    Returns:
        HTML that loads nothing from anywhere.
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Who is who: tracklets to review</title>",
        f"<style>{_STYLE}</style></head><body><main><h1>Who is who: {len(asked)} tracklets to review</h1>",
        "<p>Each row shows the tracklet in question and the animals that it may be, the most probable first, as they "
        "looked when they were enrolled. The line under it decides; <code>herdbook identity undo last</code> takes "
        "the latest decision back.</p>"
        if asked
        else "<p>Nothing is in doubt.</p>",
        *(_section(number, question, crops) for number, question in enumerate(asked, 1)),
        "</main></body></html>",
    ]
    return "\n".join(parts)


def _section(number: int, question: Question, crops: Crops) -> str:
    claimed = f"claimed to be {question.claimed} ({question.confidence:.0%} sure)" if question.claimed else "unknown"
    when = f"{question.started_at:%Y-%m-%d %H:%M:%S} UTC, {question.seconds:.0f} s"
    where = f"{question.pen_id or 'no pen'}, camera {question.camera_id}"
    figures = [_figure(question.tracklet_id, f"In question: {claimed}", crops.get(question.tracklet_id, ()), "asked")]
    decide = []
    for candidate in question.candidates:
        says = f"{candidate.animal_id}: {candidate.probability:.0%} likely"
        figures.append(_figure(candidate.animal_id, says, crops.get(candidate.reference or "", ()), "candidate"))
        decide.append(f"--decide {_arg(f'{question.tracklet_id}={candidate.animal_id}')}")
    ways = [*decide, f"--skip {_arg(question.tracklet_id)}"]
    return (
        f"<section aria-label='tracklet {number}'><h2>{number}. {escape(question.tracklet_id)} "
        f"({escape(question.why)})</h2><p>{escape(when)}; {escape(where)}</p>"
        f"<div class='sides'>{''.join(figures)}</div><ul>{''.join(_way(way) for way in ways)}</ul></section>"
    )


def _figure(name: str, says: str, pictures: Iterable[bytes], side: str) -> str:
    images = "".join(
        f"<img alt='{escape(name, quote=True)}, picture {n}' src='data:image/png;base64,{b64encode(png).decode()}'>"
        for n, png in enumerate(pictures, 1)
    )
    caption = says if images else f"{says} (no footage is kept)"
    return f"<figure class='{side}'>{images}<figcaption>{escape(caption)}</figcaption></figure>"


def _way(way: str) -> str:
    return f"<li><code>herdbook identity review {escape(way)}</code></li>"


def _arg(text: str) -> str:
    return shlex.quote(text)
