"""`herdbook init` and `herdbook doctor`."""

from __future__ import annotations

from dataclasses import asdict

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.errors import CheckupFailedError
from herdbook.settings import get_settings


def init() -> None:
    """Create or upgrade what the settings name: folders under HERDBOOK_HOME, buckets, lake, ledger. Keeps what is
    there.
    """
    from herdbook.lake.migrate import migrate
    from herdbook.ledger.migrate import upgrade
    from herdbook.object_store import make_bucket

    settings = get_settings()
    for url in settings.buckets:
        make_bucket(settings, url)
    for folder in (settings.home, settings.landing, settings.footage, settings.quarantine, settings.backups):
        folder.mkdir(parents=True, exist_ok=True)
    settings.secrets.mkdir(mode=0o700, exist_ok=True)
    migrate(settings)
    upgrade(settings)
    console.print(f"Ready: {settings.home}")


def doctor(*, as_json: JsonFlag = False) -> None:
    """Check connections, versions, disk and permissions, and say what to do."""
    from herdbook.doctor import Verdict, examine

    findings = list(examine(get_settings()))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [
            {
                "": f.name,
                "verdict": f.verdict.value,
                "what": f.detail,
                "what to do": f.remedy if f.verdict is not Verdict.OK else "",
            }
            for f in findings
        ]
        print_rows(rows, as_json=False)
    failed = [f.name for f in findings if f.verdict is Verdict.FAIL]
    if failed:
        raise CheckupFailedError(f"failed: {', '.join(failed)}")
