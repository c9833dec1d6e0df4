"""What the conformance cases have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import bobbin_pb2 as wire
from driver import Driver, Job, JobFault
from link import Application, Closed, Fetcher, FetchRefused, Link, LinkFault
from postcard import UNSIGNED

Case = Callable[[Application], Iterator[str]]
"""Drives an application, and yields what it saw."""


def function(name: str, signature: str = "", version: int = 0) -> wire.Function:
    """A function of the workers' program."""
    return wire.Function(name=f"conformance::{name}", version=version, signature=signature)


def number(value: int) -> bytes:
    """A `u64`."""
    return UNSIGNED.encode(value)


def refusal(attempt: Callable[[], object]) -> str:
    """What an attempt failed with; the port that the system chose for us is left out."""
    try:
        attempt()
    except (JobFault, LinkFault) as fault:
        words = [word for word in str(fault).split() if not word.startswith("127.0.0.1:")]
        code = f" ({fault.exit_code})" if isinstance(fault, JobFault) else ""
        return " ".join(words) + code
    raise AssertionError("nothing failed")


def a_call(application: Application) -> Iterator[str]:
    """One task, its result, and what is said of the job."""
    with Driver(application, "call") as driver:
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(nine)))
        summary = driver.finished(1).summary
        yield f"{summary.tasks_done} of {summary.tasks} tasks, {len(driver.finished(1).notes)} notes"


def gone(application: Application, ready: wire.ResultReady) -> str:
    """What a worker says when it has dropped a result, which it does soon."""
    while True:
        fetcher = Fetcher(application, ready.holders[0].fetch_address)
        try:
            fetcher.fetch([ready.result])
        except FetchRefused as refused:
            return str(refused).replace(str(ready.result), "N")
        finally:
            fetcher.close()


def closed(link: Link) -> str:
    """Waits for the end of a connection."""
    try:
        while link.receive(Driver.LIMIT) is not None:
            pass
        return "still open"
    except Closed:
        return "closed"
    finally:
        link.close()
