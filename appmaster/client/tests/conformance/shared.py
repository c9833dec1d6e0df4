"""Cases of what drivers share, of calls past the application master, and of tasks that outlive their driver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import bobbin_pb2 as wire
from driver import Driver, Job, Refusal, TimedOut
from link import Application, CallFailed, Fetcher, StateGone
from postcard import NOTHING, TEXT, UNSIGNED
from support import Case, function, number


def answer(driver: Driver, **question: object) -> str:
    """The answer to a question, as a line."""
    try:
        said = driver.ask(**question)
    except Refusal as refused:
        return f"refused: {refused}"
    except TimedOut:
        return "timed out"
    return {
        "done": lambda: "done",
        "value": lambda: repr(said.value),
        "count": lambda: str(said.count),
        "names": lambda: str(list(said.names.names)),
        "text": lambda: said.text,
    }[said.WhichOneof("answer") or ""]()


def variables(application: Application) -> Iterator[str]:
    """A variable is waited for, overwritten and deleted; its values are bytes."""
    with Driver(application, "sets") as one, Driver(application, "gets") as other:
        yield answer(other, get="v", wait_ms=0)
        yield answer(other, get="v", wait_ms=20)
        waiting = other.ask_later(get="v")
        yield answer(one, set=wire.Named(name="v", value=b"\0first"))
        yield repr(other.answer(waiting).value)
        yield answer(one, set=wire.Named(name="v", value=b""))
        yield answer(other, get="v")
        yield answer(one, delete="v")
        yield answer(one, delete="v")
        withdrawn = other.ask_later(get="v")
        other.withdraw(withdrawn)
        try:
            other.answer(withdrawn)
        except TimedOut:
            yield "withdrawn"
        yield answer(one, set=wire.Named(name="x" * 2000, value=b"")).replace("x" * 2000, "NAME")


def queues(application: Application) -> Iterator[str]:
    """Values leave a queue in their order; one that is put back is the first again; a full queue is waited for."""
    with Driver(application, "fills") as one, Driver(application, "empties") as other:
        for value in (b"a", b"b"):
            yield answer(one, push=wire.Push(name="q", value=value, limit=2))
        yield answer(one, push=wire.Push(name="q", value=b"c", limit=2), wait_ms=0)
        waiting = one.ask_later(push=wire.Push(name="q", value=b"c", limit=2))
        yield answer(other, pop="q")
        yield one.answer(waiting).WhichOneof("answer") or ""
        yield answer(other, put_back=wire.Named(name="q", value=b"a"))
        yield answer(other, count="q")
        yield " ".join(answer(other, pop="q") for _ in range(3))
        yield answer(other, pop="q", wait_ms=0)


def semaphores(application: Application) -> Iterator[str]:
    """Leases are given back by their numbers, or with the driver that has them."""
    two = wire.Acquire(name="s", limit=2)
    with Driver(application, "waits") as other:
        with Driver(application, "holds") as one:
            first = one.ask_later(acquire=two)
            one.answer(first)
            yield answer(one, acquire=two)
            yield answer(other, acquire=two, wait_ms=0)
            waiting = other.ask_later(acquire=two)
            yield answer(one, release=wire.Release(name="s", lease=first))
            yield other.answer(waiting).WhichOneof("answer") or ""
            waiting = other.ask_later(acquire=two)
        # The second lease goes with its driver.
        yield other.answer(waiting).WhichOneof("answer") or ""


def datasets(application: Application) -> Iterator[str]:
    """Published results outlive their driver, are read under others' numbers, and go when nobody has them."""
    with Driver(application, "reads") as other:
        with Driver(application, "publishes") as one:
            job = Job(1, independent=True)
            tasks = [job.call(function("square"), number(value)) for value in (3, 4)]
            one.submit(job)
            entries = [wire.DatasetEntry(job=1, task=task.task, key=bytes([7, task.task])) for task in tasks]
            squares = wire.Publish(name="squares", dataset=wire.Dataset(kind="u64", entries=entries))
            yield answer(one, publish=squares)
            yield answer(one, publish=squares)
            strange = wire.Dataset(kind="u64", entries=[wire.DatasetEntry(job=9)])
            yield answer(one, publish=wire.Publish(name="others", dataset=strange))
            one.result(tasks[1])
        yield answer(other, list=wire.ListDatasets())
        dataset = other.ask(open="squares").dataset
        opened = other.adopt(dataset)
        keys = [list(entry.key) for entry in dataset.entries]
        yield f"{dataset.kind} {keys} {[UNSIGNED.decode(other.result(task)) for task in opened]}"
        job = Job(1)
        total = job.call(function("sum"), opened)
        other.submit(job)
        yield str(UNSIGNED.decode(other.result(total)))
        yield answer(other, unpublish="squares")
        yield answer(other, open="squares")
        yield str(UNSIGNED.decode(other.result(opened[0])))
        other.release_results(*opened)
        yield answer(other, list=wire.ListDatasets())


def explanations(application: Application) -> Iterator[str]:
    """What a task does, for people."""
    with Driver(application, "asks") as driver:
        job = Job(1, independent=True)
        done = job.call(function("square"), number(3))
        endless = job.call(function("for_ever"), number(1))
        job.call(function("square"), endless)
        driver.submit(job)
        driver.result(done)
        yield answer(driver, explain=wire.Task(job=1, task=0))
        yield answer(driver, explain=wire.Task(job=1, task=2))
        yield answer(driver, explain=wire.Task(job=1, task=8))
        yield answer(driver, explain=wire.Task(job=5))


def functions_on_workers(application: Application) -> Iterator[str]:
    """Each worker is asked by its address, and calls a function that is no task."""
    with Driver(application, "runs") as driver:
        workers = driver.ask(workers=wire.ListWorkers()).workers.workers
        yield f"{len(workers)} workers, {[(worker.host, worker.threads) for worker in workers]}"
        for worker in workers:
            fetcher = Fetcher(application, worker.fetch_address)
            nine = fetcher.run(function("square", "(u64) -> u64"), number(3))
            try:
                fetcher.run(function("fails"), number(6))
            except CallFailed as failed:
                yield f"{UNSIGNED.decode(nine)}, {failed}"
            fetcher.close()
        fetcher = Fetcher(application, workers[0].fetch_address)
        given = wire.Call(arguments=[wire.Argument(result=0)])
        try:
            fetcher.call(function=wire.FunctionCall(function=function("square"), call=given))
        except CallFailed as failed:
            yield str(failed)
        yield str(UNSIGNED.decode(fetcher.run(function("square"), number(4))))
        fetcher.close()


def states(application: Application) -> Iterator[str]:
    """A result is the state of an actor: methods change it where it is, and it ends with the result."""
    with Driver(application, "actor") as driver:
        job = Job(1, independent=True)
        state = job.call(function("square"), number(3))
        driver.submit(job)
        ready = driver.ready(state)
        fetcher = Fetcher(application, ready.holders[0].fetch_address)
        begun, _ = fetcher.state(ready.result)
        add = function("add_to", "(&mut u64, u64) -> u64")
        same, total = fetcher.state(ready.result, add, number(5))
        yield f"{UNSIGNED.decode(total)}, the same: {begun == same != 0}"
        _, total = fetcher.state(ready.result, add, number(6), incarnation=begun)
        yield f"{UNSIGNED.decode(total)}, at first {UNSIGNED.decode(driver.fetch(ready))}"
        for attempt in (
            lambda: fetcher.state(ready.result, add, number(1), incarnation=begun + 1 if begun < 2**64 - 1 else 1),
            lambda: fetcher.state(ready.result, function("nothing"), number(1)),
            lambda: fetcher.state(ready.result, add, number(0)),
            lambda: fetcher.state(4_000_000_000, add, number(1)),
        ):
            try:
                attempt()
            except (CallFailed, StateGone) as failed:
                yield f"{type(failed).__name__}: {failed}"
        fetcher.close()


def detached_tasks(application: Application) -> Iterator[str]:
    """A task that is handed over is run to its end, and what it reads; its driver leaves."""
    with tempfile.TemporaryDirectory() as directory:
        gate, effect = Path(directory, "gate"), Path(directory, "effect")
        with Driver(application, "hands over") as driver:
            job = Job(1, independent=True)
            waits = job.call(function("waits_for"), TEXT.encode(str(gate)))
            job.call(function("writes"), waits, TEXT.encode(str(effect)))
            driver.submit(job)
            yield answer(driver, detach=wire.Detach(tasks=[wire.Task(job=1, task=1)]))
            yield answer(driver, detach=wire.Detach(tasks=[wire.Task(job=1, task=2)]))
            yield answer(driver, detach=wire.Detach(tasks=[wire.Task(job=2)]))
        gate.touch()
        with Driver(application, "looks") as driver:
            job = Job(1)
            there = job.call(function("waits_for"), TEXT.encode(str(effect)))
            driver.submit(job)
            NOTHING.decode(driver.result(there))
            yield f"written: {effect.exists()}"


CASES: tuple[Case, ...] = (
    variables,
    queues,
    semaphores,
    datasets,
    explanations,
    functions_on_workers,
    states,
    detached_tasks,
)
