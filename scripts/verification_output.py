"""How the checks of `make verify-aws` and `make verify-glue` are told, line by line as they end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from rental_analytics.doctor.results import CheckResult, CheckStatus

SHOWN = {CheckStatus.OK: "ok", CheckStatus.FAILED: "FAILED", CheckStatus.SKIPPED: "skipped"}


def tell(results: Iterable[CheckResult]) -> int:
    """Print each result and how many there were of each kind; gives the exit code, 1 where one failed."""
    counts: Counter[CheckStatus] = Counter()
    for result in results:
        counts[result.status] += 1
        seen = f"{result.seen.rstrip('.')}. Remedy: {result.remedy}" if result.remedy else result.seen
        sys.stdout.write(f"{SHOWN[result.status]:8}{result.name}: {seen}\n")
        sys.stdout.flush()
    sys.stdout.write(", ".join(f"{counts[status]} {shown}" for status, shown in SHOWN.items()) + "\n")
    return 1 if counts[CheckStatus.FAILED] else 0
