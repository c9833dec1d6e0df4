"""Runs the conformance cases: each drives the application of the environment and yields what it saw, line by line.

Prints `CASE: LINE` for each, and ends with 1 if a case failed. Whoever starts this knows what the lines should be. The workers'
program has the functions that are called.
"""

from __future__ import annotations

import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import connections
import jobs
import shared
from link import Application
from support import Case


def run(case: Case, application: Application) -> bool:
    """Prints what a case yields; whether it came to its end."""
    try:
        for line in case(application):
            print(f"{case.__name__}: {line}", flush=True)
    except Exception:
        print(f"{case.__name__} failed", file=sys.stderr)
        traceback.print_exc()
        return False
    return True


def main() -> int:
    """Runs all cases: one that mostly waits beside the others, and the end at the end."""
    application = Application.of_environment()
    with ThreadPoolExecutor(1) as beside:
        patient = beside.submit(run, connections.silent_drivers, application)
        outcomes = [run(case, application) for case in (*jobs.CASES, *shared.CASES, *connections.CASES)]
        outcomes.append(patient.result())
    outcomes.append(run(connections.the_end, application))
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
