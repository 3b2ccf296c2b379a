"""``make audit``: known weaknesses of everything that the lock files name, by pip-audit.

An audit that could not ask anybody is none: where the service of advisories does not answer, this fails and says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CLEAN, WEAK, NOT_ASKED = 0, 1, 3
_SHOWN = 5


def audit(lock: Path) -> int:
    """Audit one lock file; print what was found.

    Returns:
        0 where nothing is known against it, 1 where something is, 3 where nobody could be asked.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"{lock}: NOT AUDITED: {why}", file=sys.stderr)
        return NOT_ASKED
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    weak = [each for each in dependencies if each.get("vulns")]
    for each in weak:
        for known in each["vulns"]:
            fixed = ", ".join(known.get("fix_versions", [])) or "no version yet"
            print(f"{each['name']} {each['version']}: {known['id']}, mended in {fixed}")
    print(f"{lock}: {len(dependencies)} packages, {len(weak)} with known weaknesses, {len(skipped)} not audited")
    if skipped:
        shown = ", ".join(skipped[:_SHOWN]) + (f" and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else "")
        why = next(each["skip_reason"] for each in dependencies if "skip_reason" in each)
        print(f"{lock}: NOT AUDITED: {shown}: {why[:200]}", file=sys.stderr)
        return NOT_ASKED
    return WEAK if weak else CLEAN


if __name__ == "__main__":
    sys.exit(max(audit(Path(name)) for name in sys.argv[1:]))
