"""Cases of jobs: what they compute, how they fail, and what becomes of their results."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import bobbin_pb2 as wire
from driver import Driver, Job, Reference
from link import Application, Fetcher
from postcard import FLAG, FLOAT, NOTHING, RAW, SIGNED, TEXT, UNSIGNED, Codec, list_of, option_of, tuple_of
from support import Case, a_call, function, gone, number, refusal


def values(application: Application) -> Iterator[str]:
    """Values of many types go there, are what they were, and come back."""
    fields: tuple[Codec[Any], ...] = (UNSIGNED, SIGNED, TEXT, list_of(FLOAT), option_of(tuple_of(SIGNED, FLAG)))
    whole = tuple_of(*fields)
    several = [
        (0, 0, "", [], None),
        (2**64 - 1, -(2**63), "Grüße, 世界", [0.5, -1e300, float("inf")], (-300, True)),
        (128, 2**63 - 1, "x" * 300, [0.0] * 200, (63, False)),
    ]
    with Driver(application, "values") as driver:
        job = Job(1)
        shown = [job.call(function("show"), *(field.encode(part) for field, part in zip(fields, value))) for value in several]
        back = [job.call(function("give_back"), whole.encode(value)) for value in several]
        empty = job.call(function("nothing"))
        raw = job.call(function("reverse"), RAW.encode(b"\x05raw"))
        driver.submit(job)
        yield from (TEXT.decode(driver.result(task)) for task in shown)
        assert [whole.decode(driver.result(task)) for task in back] == several
        NOTHING.decode(driver.result(empty))
        yield repr(RAW.decode(driver.result(raw)))


def a_chain(application: Application) -> Iterator[str]:
    """Each task reads the one before; only the last one is wanted."""
    with Driver(application, "chain") as driver:
        job = Job(1)
        last = job.call(function("square"), number(2), wanted=False)
        last = job.call(function("square"), last, wanted=False)
        last = job.call(function("square"), last)
        state = driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(last)))
        driver.finished(1)
        yield f"announced: {sorted(state.results)}"


def a_diamond(application: Application) -> Iterator[str]:
    """One result is read twice, and a list of results is one argument."""
    with Driver(application, "diamond") as driver:
        job = Job(1)
        top = job.call(function("square"), number(3))
        left = job.call(function("add"), top, number(1))
        right = job.call(function("add"), top, number(2))
        bottom = job.call(function("add"), right, left)
        total = job.call(function("sum"), [left, right, bottom, top])
        driver.submit(job)
        yield f"{UNSIGNED.decode(driver.result(bottom))} {UNSIGNED.decode(driver.result(total))}"


def the_same_as_in_rust(application: Application) -> Iterator[str]:
    """What the test computes with Rust's sessions, too."""
    with Driver(application, "same") as driver:
        job = Job(1)
        squares = [job.call(function("square"), number(value), wanted=False) for value in range(1, 51)]
        total = job.call(function("sum"), squares)
        driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(total)))


def nothing_wanted(application: Application) -> Iterator[str]:
    """Tasks are run for what they do, too."""
    with Driver(application, "nothing") as driver:
        job = Job(1)
        job.call(function("nothing"), wanted=False)
        state = driver.submit(job)
        summary = driver.finished(1).summary
        yield f"{summary.tasks_done} of {summary.tasks} tasks, announced: {sorted(state.results)}"


def an_earlier_job(application: Application) -> Iterator[str]:
    """A job reads results of others, which need be neither finished nor kept by their driver."""
    with Driver(application, "earlier") as driver:
        first = Job(0)
        squares = [first.call(function("square"), number(value)) for value in range(4)]
        driver.submit(first)
        second = Job(7)
        total = second.call(function("sum"), squares)
        driver.submit(second)
        driver.release(0)
        yield str(UNSIGNED.decode(driver.result(total)))
        third = Job(8)
        third.call(function("square"), squares[0])
        driver.submit(third)
        yield refusal(lambda: driver.finished(8))


def tasks_that_fail_alone(application: Application) -> Iterator[str]:
    """In an independent job one failure is its readers' alone, in later jobs too."""
    with Driver(application, "alone") as driver:
        job = Job(1, independent=True)
        some = [job.call(function("fails"), number(value)) for value in (1, 3, 5)]
        readers = [job.call(function("square"), task) for task in some]
        driver.submit(job)
        yield str([UNSIGNED.decode(driver.result(task)) for task in (readers[0], readers[2])])
        yield refusal(lambda: driver.result(some[1]))
        yield refusal(lambda: driver.result(readers[1]))
        driver.finished(1)
        later = Job(2, independent=True)
        reader = later.call(function("square"), some[1])
        driver.submit(later)
        yield refusal(lambda: driver.result(reader))
        driver.finished(2)


def jobs_that_fail(application: Application) -> Iterator[str]:
    """Another job fails with its first task, and with it those that read it. Its number is free then."""
    with Driver(application, "fails") as driver:
        job = Job(1)
        job.call(function("for_ever"), number(1))
        bad = job.call(function("fails"), number(9))
        driver.submit(job)
        yield refusal(lambda: driver.result(bad))
        read = Job(2)
        endless = read.call(function("for_ever"), number(1))
        reader = Job(3)
        reader.call(function("square"), endless)
        driver.submit(read)
        driver.submit(reader)
        driver.cancel(2)
        yield refusal(lambda: driver.finished(3))
        yield refusal(lambda: driver.finished(2))
        again = Job(1)
        panics = again.call(function("panics"), number(4))
        driver.submit(again)
        yield refusal(lambda: driver.result(panics))


def cancelled_tasks(application: Application) -> Iterator[str]:
    """Tasks that run are stopped, and those that wait for them; the others go on."""
    with Driver(application, "cancel") as driver:
        job = Job(1, independent=True)
        endless = job.call(function("for_ever"), number(2))
        reader = job.call(function("square"), endless)
        other = job.call(function("square"), number(5))
        state = driver.submit(job)
        result = UNSIGNED.decode(driver.result(other))
        driver.wait(lambda: state.progress.tasks_running == 1)
        driver.cancel_tasks(endless, other)
        yield refusal(lambda: driver.result(endless))
        yield refusal(lambda: driver.result(reader))
        driver.finished(1)
        yield f"{result}, {UNSIGNED.decode(driver.result(other))}"


def cancelled_jobs(application: Application) -> Iterator[str]:
    """A job that runs is stopped; one that nobody has is no error."""
    with Driver(application, "cancel") as driver:
        job = Job(1)
        job.call(function("for_ever"), number(3))
        state = driver.submit(job)
        driver.wait(lambda: state.progress.tasks_running == 1)
        driver.cancel(1)
        yield refusal(lambda: driver.finished(1))
        driver.cancel(1)
        driver.release(99)
        yield from a_call(application)


def released_jobs(application: Application) -> Iterator[str]:
    """Their results go, they can be read no more, and what runs of them stops."""
    with Driver(application, "release") as driver:
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        ready = driver.ready(nine)
        yield str(UNSIGNED.decode(driver.fetch(ready)))
        driver.release(1)
        yield gone(application, ready)
        reader = Job(2)
        reader.call(function("square"), nine)
        driver.submit(reader)
        yield refusal(lambda: driver.finished(2))
        endless = Job(3)
        # More than there are threads: nothing else could run beside them.
        for value in range(10):
            endless.call(function("for_ever"), number(value))
        driver.submit(endless)
        driver.release(3)
        job.message.job = 4
        driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(Reference(4, nine.task))))


def released_results(application: Application) -> Iterator[str]:
    """Results of an independent job are released one by one; who reads them already may go on."""
    with Driver(application, "release") as driver:
        job = Job(1, independent=True)
        two, three = (job.call(function("square"), number(value)) for value in (2, 3))
        reader = job.call(function("add"), two, three)
        driver.submit(job)
        driver.release_results(two)
        yield f"{UNSIGNED.decode(driver.result(reader))} {UNSIGNED.decode(driver.result(three))}"
        ready = driver.ready(three)
        driver.release_results(three)
        yield gone(application, ready)
        yield str(UNSIGNED.decode(driver.result(reader)))


def small_results(application: Application) -> Iterator[str]:
    """They come with their announcement, and are on their worker, too; others, and what nobody wants, are only there."""
    with Driver(application, "small") as driver:
        job = Job(1)
        tasks = [job.call(function("pattern"), number(size)) for size in (0, 1, 1024, 1025)]
        driver.submit(job)
        for task in tasks:
            ready = driver.ready(task)
            assert driver.fetch(ready) == driver.fetch_from_worker(ready)
            yield f"{len(ready.inline)} of {ready.bytes} bytes"


def unreadable_results(application: Application) -> Iterator[str]:
    """A result that cannot be fetched is lost, made again elsewhere, and announced again."""
    with Driver(application, "unreadable") as driver:
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        driver.finished(1)
        before = driver.ready(nine)
        driver.unreadable(before, "a test says so")
        after = driver.ready(nine)
        yield f"elsewhere: {before.holders[0].worker != after.holders[0].worker}"
        yield str(UNSIGNED.decode(driver.result(nine)))


def enough_rows(application: Application) -> Iterator[str]:
    """A set ends when its first tasks have the rows that are wanted, of which a call's result is one."""
    with Driver(application, "rows") as driver:
        job = Job(1)
        squares = [job.call(function("square"), number(value), wanted=False) for value in range(1, 7)]
        job.message.task_sets[0].rows_wanted = 2
        total = job.call(function("sum"), squares[:2])
        driver.submit(job)
        result = UNSIGNED.decode(driver.result(total))
        summary = driver.finished(1).summary
        yield f"{result}, {summary.tasks_done} of {summary.tasks} tasks"


def big_results(application: Application) -> Iterator[str]:
    """Results longer than any buffer, and several of them by one request."""
    sizes = (16 << 20, 0, 300_000)
    with Driver(application, "big") as driver:
        job = Job(1)
        tasks = [job.call(function("pattern"), number(size)) for size in sizes]
        for task in tasks:
            # One worker has all of them.
            job.call(function("length"), task, wanted=False)
        driver.submit(job)
        for size, task in zip(sizes, tasks):
            ready = driver.ready(task)
            assert ready.bytes == size
            data = driver.fetch(ready)
            assert data == (bytes(range(251)) * (size // 251 + 1))[:size]
            yield f"{len(data)} bytes"
        fetcher = Fetcher(application, driver.ready(tasks[0]).holders[0].fetch_address)
        first = driver.ready(tasks[0]).result
        yield f"twice: {[len(data) for data in fetcher.fetch([first, first])]}"
        yield refusal(lambda: fetcher.fetch([first], part=1)).replace(str(first), "N")
        fetcher.close()


def lines_of_files(application: Application) -> Iterator[str]:
    """Workers read ranges of files; another file than the one that was listed is an error."""
    with tempfile.NamedTemporaryFile() as file, Driver(application, "files") as driver:
        file.write(b"a line\nanother line\n\nthe last one")
        file.flush()
        status = os.stat(file.name)
        url, length, modified = f"file://{file.name}", status.st_size, status.st_mtime_ns // 1_000_000

        def block(start: int, end: int, **more: bool) -> wire.FileRange:
            return wire.FileRange(url=url, start=start, end=end, file_length=length, modified_ms=modified, **more)

        job = Job(1, independent=True)
        lines = [job.call(function("reverse"), block(at, min(at + 10, length), whole_lines=True)) for at in (0, 10, 20, 30)]
        piece = job.call(function("reverse"), block(2, 6))
        beyond = job.call(function("reverse"), block(2, length + 1))
        driver.submit(job)
        yield str([driver.result(task)[::-1].decode() for task in lines])
        yield driver.result(piece)[::-1].decode()
        yield refusal(lambda: driver.result(beyond)).replace(url, "FILE")


def calls_that_do_not_fit(application: Application) -> Iterator[str]:
    """Functions and arguments that the workers' program does not have."""
    with Driver(application, "misfits") as driver:
        job = Job(1, independent=True)
        nine = job.call(function("square"), number(3))
        misfits = [
            job.call(function("cube"), number(1)),
            job.call(function("square", signature="(i64) -> i64"), number(1)),
            job.call(function("square", version=3), number(1)),
            job.call(function("square"), number(1), number(2)),
            job.call(function("square"), TEXT.encode("three")),
            job.call(function("square"), nine),
        ]
        last = wire.Call(arguments=[wire.Argument(result=1)])
        job.message.task_sets[-1].tasks[-1].body = last.SerializeToString()
        fits = job.call(function("square", signature="(u64) -> u64"), number(1))
        driver.submit(job)
        for task in misfits:
            yield refusal(lambda: driver.result(task))
        yield str(UNSIGNED.decode(driver.result(fits)))


def calls_in_processes_of_their_own(application: Application) -> Iterator[str]:
    """One that kills its process, and neighbours that have the same worker."""
    with Driver(application, "isolated") as driver:
        job = Job(1, independent=True)
        tasks = [job.call(function(name), number(3)) for name in ("square", "aborts", "square")]
        for task_set in job.message.task_sets:
            task_set.options.isolation = wire.ISOLATION_PROCESS
            task_set.options.memory_bytes = 1 << 28
        driver.submit(job)
        yield refusal(lambda: driver.result(tasks[1]))
        yield str([UNSIGNED.decode(driver.result(task)) for task in (tasks[0], tasks[2])])


def jobs_that_make_no_sense(application: Application) -> Iterator[str]:
    """They are refused, and nothing else happens."""
    with Driver(application, "senseless") as driver:

        def refused(job: Job) -> str:
            driver.submit(job)
            return refusal(lambda: driver.finished(job.message.job))

        yield refused(Job(1))
        forward = Job(2)
        forward.call(function("square"), Reference(2, 1))
        yield refused(forward)
        wanting = Job(3)
        wanting.call(function("square"), number(1))
        wanting.message.wanted.append(1)
        yield refused(wanting)
        kept = Job(4)
        idle = kept.call(function("square"), number(1), wanted=False)
        kept.call(function("square"), number(2))
        driver.submit(kept)
        driver.finished(4)
        reader = Job(5)
        reader.call(function("square"), idle)
        yield refused(reader)
        yield refused(kept)


CASES: tuple[Case, ...] = (
    a_call,
    values,
    a_chain,
    a_diamond,
    the_same_as_in_rust,
    nothing_wanted,
    small_results,
    an_earlier_job,
    tasks_that_fail_alone,
    jobs_that_fail,
    cancelled_tasks,
    cancelled_jobs,
    released_jobs,
    released_results,
    unreadable_results,
    enough_rows,
    big_results,
    lines_of_files,
    calls_that_do_not_fit,
    calls_in_processes_of_their_own,
    jobs_that_make_no_sense,
)
