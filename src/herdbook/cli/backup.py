"""``herdbook backup`` and ``restore``: everything that no night can make again, and the way back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings


def backup(
    *,
    to: Annotated[Path | None, typer.Option(help="Folder of backups; HERDBOOK_BACKUP_FOLDER when omitted.")] = None,
    keep: Annotated[int, typer.Option(help="Backups of this home that stay there, this one included.", min=1)] = 7,
    as_list: Annotated[bool, typer.Option("--list", help="List the backups that are there, and write none.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a backup: the lake of this moment, the ledger, the releases, the registry of models; no secrets."""
    from herdbook.backup.installation import known
    from herdbook.backup.manifest import listed
    from herdbook.backup.write import backup as write

    settings = get_settings()
    if as_list:
        print_rows(listed(to or settings.backups, known(settings)), as_json=as_json)
        return
    with console.status("copying") as status:
        folder = write(settings, to=to, keep=keep, progress=lambda files: status.update(f"copying: {files} files"))
    if as_json:
        print_json({"backup": folder})
    else:
        console.print(f"wrote {folder}")


def restore(
    backup: Annotated[Path, typer.Argument(help="Folder that `herdbook backup` wrote.")],
    *,
    verify_only: Annotated[bool, typer.Option("--verify", help="Check that it is whole, and restore nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring a backup back into an empty home, bring it up to this version, and publish herd.duckdb.

    Nothing is touched before the backup was found whole and the home empty; interrupted, run it again.
    """
    from herdbook.backup.manifest import read_manifest, verify
    from herdbook.backup.restore import restore as bring_back
    from herdbook.lake.attach import parse_catalog
    from herdbook.night import check_and_publish

    settings = get_settings()
    with steps_bar(log=True) as progress:
        if verify_only:
            names = verify(backup, read_manifest(backup), lambda done, total: progress("verifying", done, total))
            print_rows([{"backup": backup, "files": len(names), "whole": True}], as_json=as_json)
            return
        restored = bring_back(settings, backup, progress)
        published = check_and_publish(settings, progress)
    print_rows([asdict(restored) | {"published": published}], as_json=as_json, title="restored")
    console.print("Bring back secrets/ and Airflow's connections from your own copies.")
    if parse_catalog(settings).kind == "postgres":
        console.print("Analysts' rights are not in a backup: run `herdbook lake analysts ROLE --apply` again.")
    console.print("`herdbook doctor` says what else is missing.")
