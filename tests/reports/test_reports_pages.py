"""Reports on a small simulated herd: what they tell, what they refuse, and that anybody can read them."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from herdbook.errors import InputError, NotFoundError, NothingToReportError, QueryError, ReportNotWrittenError
from herdbook.lake import transaction
from herdbook.lake.attach import kept_open
from herdbook.lake.bulk import load_parts
from herdbook.lake.migrate import migrate
from herdbook.lake.pins import pin
from herdbook.lake.publish import publish
from herdbook.reports.animal import animal_page, animal_story
from herdbook.reports.animal_plots import plots
from herdbook.reports.page import write
from herdbook.reports.pen import pen_page, pen_story
from herdbook.reports.source import Source, open_source
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd
from support.command_line import in_process

FIRST, DAYS = date(2023, 1, 2), 56
PLAN = make_herd_plan(
    {
        "seed": 8,
        "farm_id": "f",
        "days": DAYS,
        "devices": 1,
        "pens_per_device": 1,
        "animals_per_pen": 6,
        "truth": {"kind": "onset", "shift": -0.25, "latency_days": [6, 8]},
        "illness": {"rate_per_year": 6, "illness_days": 7},
        "stays": {"stay_days": [200, 400], "move_share": 0},
        "culling": {"rate_per_year": 0},
        "coverage": {"days_off": 0.06},
        "identity": {"switches": 0},
        "releases": [{"release_id": "m1", "from_day": 0}, {"release_id": "m2", "from_day": 40, "shift": 0.05}],
        "detail": {"tracklets_per_day": 2, "posture_cycles": 4, "activity": True},
    }
)
NASTY = "<script>alert('x')</script>\x0b & \"quoted\""


@pytest.fixture(scope="module")
def herd(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published lake with a small herd, some weights, and a note that is no plain text."""
    folder = tmp_path_factory.mktemp("herd")
    settings = Settings(home=folder / "home")
    with kept_open():
        migrate(settings)
        simulate_herd(PLAN, folder / "out")
        load_parts(settings, folder / "out")
        transaction.write(
            settings,
            lambda lake: lake.execute(
                """
                INSERT INTO label.label BY NAME
                SELECT
                    'w' || n AS label_id, 'f-d001-a00003' AS animal_id, 'f' AS farm_id, 'weight' AS kind,
                    30.0 + 6 * n AS value_number, 'kg' AS unit, t AS occurred_by, t AS recorded_at,
                    t AS received_at, 'scale' AS source, 'w' || n AS source_id, 'i' AS import_id, false AS retracted
                FROM (SELECT n, TIMESTAMPTZ '2023-01-03 10:00:00+00' + n * INTERVAL 7 DAY AS t FROM range(8) AS r(n));
                INSERT INTO label.label BY NAME
                SELECT
                    'nasty' AS label_id, 'f-d001-a00003' AS animal_id, 'f' AS farm_id, 'health_status' AS kind,
                    $text AS value_text, TIMESTAMPTZ '2023-01-20 10:00:00+00' AS occurred_by,
                    TIMESTAMPTZ '2023-01-20 10:00:00+00' AS recorded_at,
                    TIMESTAMPTZ '2023-02-10 10:00:00+00' AS received_at,
                    'notes' AS source, 'nasty' AS source_id, 'i' AS import_id, false AS retracted
                """.replace("$text", "'" + NASTY.replace("'", "''") + "'")
            ),
        )
        pin(settings, "then")
        publish(settings)
    return settings


@pytest.fixture(scope="module")
def source(herd: Settings) -> Source:
    """What people read."""
    return open_source(herd)


class Page(HTMLParser):
    """What a page is made of; fails where elements do not close in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.said = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(source: Source) -> dict[str, str]:
    """One report on an animal, one on its pen."""
    return {
        "animal": animal_page(source, animal_story(source, "f-d001-a00003")),
        "pen": pen_page(source, pen_story(source, "f-d001-p01")),
    }


@pytest.mark.parametrize("which", ["animal", "pen"])
def test_a_screen_reader_finds_its_way(pages: dict[str, str], which: str) -> None:
    page = Page(pages[which])
    assert page.of("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(page.of(landmark)) == 1, landmark
    ids = [a["id"] for _, a, _ in page.elements if "id" in a]
    assert len(set(ids)) == len(ids) > 10
    targets = [a["aria-labelledby"] for _, a, _ in page.elements if "aria-labelledby" in a]
    targets += [(a["href"] or "#")[1:] for a in page.of("a")]
    assert set(targets) <= set(ids)
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    images = page.of("img")
    assert all(len(image["alt"] or "") > 40 for image in images)
    figures = len(page.of("figure"))
    assert figures == len(images) == len(page.of("figcaption")) == len(page.of("details")) >= 6
    assert len(page.of("caption")) == len(page.of("table")) >= figures
    assert all(a.get("scope") in ("row", "col") for a in page.of("th"))


@pytest.mark.parametrize("which", ["animal", "pen"])
def test_a_page_needs_no_other_and_runs_nothing(pages: dict[str, str], which: str) -> None:
    page = Page(pages[which])
    assert not page.of("script")
    assert not page.of("link")
    assert all((image["src"] or "").startswith("data:image/svg+xml;base64,") for image in page.of("img"))
    outside = re.sub(r'src="data:[^"]*"', "", pages[which])
    assert "://" not in outside
    assert "default-src 'none'" in outside


def test_what_comes_from_data_is_text(pages: dict[str, str]) -> None:
    page = Page(pages["animal"])
    assert "<script" not in pages["animal"]
    assert "<script>alert('x')</script> & \"quoted\"" in page.said
    assert "\x0b" not in pages["animal"]


def test_reports_come_out_the_same_every_time(source: Source, pages: dict[str, str]) -> None:
    story = animal_story(source, "f-d001-a00003")
    assert next(plots(story.record, story.judged)).image in pages["animal"]


def test_what_fell_ill_is_told_with_what_the_farm_wrote_down(source: Source) -> None:
    """A quarter of the day less lying for two weeks; the farm's diagnoses are part of the simulated truth."""
    ill = source.rows(
        "SELECT animal_id, min(occurred_day) AS day FROM label_current WHERE kind = 'diagnosis'"
        " AND occurred_day BETWEEN DATE '2023-01-22' AND DATE '2023-02-09' GROUP BY animal_id ORDER BY 1"
    )
    assert ill, "the seed has some"
    pen = pen_story(source, "f-d001-p01")
    for case in ill:
        story = animal_story(source, case["animal_id"])
        lying = [f for f in story.findings if f.measure == "lying_share" and not f.more]
        assert any(f.first - timedelta(3) <= case["day"] <= f.last + timedelta(14) for f in lying), case
        assert any("lameness" in event.text for event in story.events)
        assert case["animal_id"] in {f.animal_id for f in pen.findings}


def test_every_change_of_model_and_long_gap_is_told(source: Source) -> None:
    story = pen_story(source, "f-d001-p01")
    assert [e.text for e in story.events if e.kind == "model"] == [
        "The model changed from m1 to m2: what differs across it may be the model's."
    ]
    off = source.rows("SELECT day FROM pen_day WHERE camera_on_s = 0")
    assert sum(gap.seconds for gap in story.record.marks.gaps) >= 86400 * len(off) > 0


def test_days_without_enough_seen_are_blank_in_the_tables(source: Source, pages: dict[str, str]) -> None:
    [day] = source.rows("SELECT min(day) AS day FROM pen_day WHERE camera_on_s = 0")
    row = pages["animal"].split(f'<th scope="row">{day["day"].isoformat()}</th>')[2].split("</tr>")[0]
    assert row.startswith("<td>not observed</td>")


def test_a_range_shows_its_days_and_rests_on_those_before(source: Source) -> None:
    since, until = FIRST + timedelta(30), FIRST + timedelta(39)
    story = animal_story(source, "f-d001-a00003", since, until)
    assert (story.record.axis.first, story.record.axis.last) == (since, until)
    group = story.record.group
    assert group.columns["lying_s"].shape[1] == 38
    assert all(since <= f.last <= until for f in story.findings)
    assert all(since <= f.first for f in story.findings)


def test_as_of_a_day_knows_nothing_of_later(herd: Settings) -> None:
    """The note is of 20 January and came on 10 February."""
    with open_source(herd, as_of=date(2023, 2, 1)) as source:
        story = animal_story(source, "f-d001-a00003")
    assert story.record.axis.last == date(2023, 1, 30), "the last of January was loaded on the first of February"
    assert not any("alert(" in event.text for event in story.events)
    with open_source(herd, as_of=date(2023, 2, 12)) as source:
        later = animal_story(source, "f-d001-a00003")
    assert any("alert(" in event.text for event in later.events)


def test_a_file_that_knows_no_history_says_so(herd: Settings, tmp_path: Path) -> None:
    """An older Herdbook published it."""
    older = herd.model_copy(update={"home": tmp_path})
    with duckdb.connect(older.published) as file:
        file.execute("CREATE TABLE published AS SELECT 1 AS snapshot_id")
    with pytest.raises(QueryError, match="older Herdbook"):
        open_source(older, as_of=date(2023, 2, 1))


def test_what_is_not_there_is_refused_by_name(source: Source) -> None:
    with pytest.raises(NotFoundError, match="no animal 'x'"):
        animal_story(source, "x")
    with pytest.raises(NotFoundError, match="no pen '<b>'"):
        pen_story(source, "<b>")
    late = FIRST + timedelta(400)
    with pytest.raises(NothingToReportError, match="recorded from 2023-01-02 to 2023-02-26"):
        animal_story(source, "f-d001-a00003", since=late)
    with pytest.raises(NothingToReportError):
        pen_story(source, "f-d001-p01", until=FIRST - timedelta(1))
    with pytest.raises(InputError, match="is before"):
        pen_story(source, "f-d001-p01", since=late, until=FIRST)


def test_a_file_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ReportNotWrittenError, match="is a folder"):
        write(tmp_path, "x")
    with pytest.raises(ReportNotWrittenError, match="there is no folder"):
        write(tmp_path / "no" / "report.html", "x")
    assert list(tmp_path.iterdir()) == []


def test_the_commands(
    herd: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(herd.home))
    from herdbook import settings

    settings.get_settings.cache_clear()
    herdbook = in_process(monkeypatch, capsys)
    file = tmp_path / "pen.html"
    code, _, err = herdbook("report", "pen", "f-d001-p01", "--html", file)
    assert (code, f"wrote {file}" in err) == (0, True), err
    assert file.read_text().startswith("<!DOCTYPE html>")
    code, out, _ = herdbook("report", "animal", "f-d001-a00004", "--since", "2023-02-01", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"headline", "lead", "events", "file"}
    assert herdbook("report", "animal", "f-d001-a00004", "--pin", "then")[0] == 0
    assert herdbook("report", "animal", "nobody")[0] == 12
    assert herdbook("report", "pen", "f-d001-p01", "--since", "2030-01-01")[0] == 102
    assert herdbook("report", "pen", "f-d001-p01", "--html", tmp_path)[0] == 103
    assert herdbook("report", "pen", "f-d001-p01", "--pin", "never")[0] == 12
