"""Known vulnerabilities of the versions that constraints.txt pins: ``make audit``.

Exit codes: 0 none known; 1 some known, or some packages could not be asked about; 2 nobody could be
asked. pip-audit alone ends with 0 and "none found" where it could ask nobody: here it may not.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINS = Path(__file__).parent.parent / "constraints.txt"


def main() -> int:
    """Ask pip-audit about every pin, and say what it answered."""
    words = ["--disable-pip", "--no-deps", "--progress-spinner=off", "--desc=off", "--format=json"]
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", *words, "--requirement", str(PINS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        found = json.loads(asked.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        last = (asked.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"audit: 无法查询,什么都没有检查 · nobody could be asked: {last[:200]}")
        return 2
    lines, code = verdict(found)
    print("\n".join(lines))
    return code


def verdict(found: list[dict[str, Any]]) -> tuple[list[str], int]:
    """What to say of these packages as pip-audit lists them, and the exit code."""
    unknown = [package["name"] for package in found if "skip_reason" in package]
    if len(unknown) == len(found):
        why = "no network, or an index without advisories"
        return [f"audit: 无法查询,什么都没有检查 · none of {len(found)} could be asked: {why}"], 2
    bad = [package for package in found if package.get("vulns")]
    lines = [_line(package, each) for package in bad for each in package["vulns"]]
    if unknown:
        lines.append(f"audit: 未能查询 · could not be asked: {', '.join(unknown)}")
    asked = len(found) - len(unknown)
    lines.append(
        f"audit: {asked} 个包 packages, {len(bad)} 个有已知漏洞 with known vulnerabilities"
    )
    return lines, 1 if bad or unknown else 0


def _line(package: dict[str, Any], vulnerability: dict[str, Any]) -> str:
    mended = ", ".join(vulnerability["fix_versions"]) or "no version yet"
    names = " ".join([vulnerability["id"], *vulnerability["aliases"]])
    return f"{package['name']} {package['version']}: {names}, mended in {mended}"


if __name__ == "__main__":
    sys.exit(main())
