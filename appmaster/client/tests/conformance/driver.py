"""A driver of an application: jobs go out, news and results come back.

    application = Application.of_environment()
    with Driver(application, "example") as driver:
        job = Job(1)
        nine = job.call(wire.Function(name="my_program::square"), UNSIGNED.encode(3))
        driver.submit(job)
        print(UNSIGNED.decode(driver.result(nine)))

One thread: heartbeats go out while something is waited for. A program that computes for long itself has to call `Driver.hear`
in between, or the application takes it for gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

import bobbin_pb2 as wire
from link import Application, Closed, Fetcher, Link, LinkFault

T = TypeVar("T")


class JobFault(Exception):
    """What a job, or one of its tasks, ended with instead of a result."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Refusal(Exception):
    """A question that is answered by why not."""


class TimedOut(Exception):
    """A question that is not answered within its time, or was withdrawn."""


@dataclass(frozen=True)
class Reference:
    """The result of a task, whether it is there or not."""

    job: int
    task: int


Argument = bytes | Reference | Sequence[Reference] | wire.FileRange


class Job:
    """A job that is being put together. Its message is public: what is not made here can be set there."""

    def __init__(self, number: int, independent: bool = False) -> None:
        self.message = wire.SubmitJob(job=number, independent=independent)
        self._tasks = 0

    def call(self, function: wire.Function, *arguments: Argument, wanted: bool = True) -> Reference:
        """One more task: a call of this function. Bytes are a written value, references are results of earlier tasks."""
        inputs: list[Reference] = []
        call = wire.Call(arguments=[_argument(argument, inputs) for argument in arguments])
        spec = self._task_set(function).tasks.add(body=call.SerializeToString())
        spec.inputs.extend(self._ranges(inputs))
        if wanted:
            self.message.wanted.append(self._tasks)
        self._tasks += 1
        return Reference(self.message.job, self._tasks - 1)

    def _task_set(self, function: wire.Function) -> wire.TaskSet:
        """The last set, if its tasks call the same function."""
        sets, shared = self.message.task_sets, function.SerializeToString()
        if sets and sets[-1].shared == shared:
            return sets[-1]
        return sets.add(name=function.name, shared=shared, kind=wire.TASK_KIND_FUNCTION)

    def _ranges(self, inputs: list[Reference]) -> list[wire.InputRange]:
        """Results of consecutive tasks are one range."""
        ranges: list[wire.InputRange] = []
        for before, this in zip([None, *inputs], inputs):
            if before == Reference(this.job, this.task - 1):
                ranges[-1].count += 1
            elif this.job == self.message.job:
                ranges.append(wire.InputRange(first=this.task, count=1))
            else:
                ranges.append(wire.InputRange(first=this.task, count=1, job=this.job))
        return ranges


def _argument(argument: Argument, inputs: list[Reference]) -> wire.Argument:
    if isinstance(argument, bytes):
        return wire.Argument(value=argument)
    if isinstance(argument, wire.FileRange):
        return wire.Argument(range=argument)
    first = len(inputs)
    if isinstance(argument, Reference):
        inputs.append(argument)
        return wire.Argument(result=first)
    inputs.extend(argument)
    return wire.Argument(results=wire.ResultList(results=range(first, len(inputs))))


@dataclass
class JobState:
    """What the application has said of a job."""

    results: dict[int, wire.ResultReady] = field(default_factory=dict)
    failures: dict[int, JobFault] = field(default_factory=dict)
    progress: wire.Progress = field(default_factory=wire.Progress)
    finished: wire.JobFinished | None = None
    failed: JobFault | None = None


class Driver:
    """A conversation with an application."""

    LIMIT = 60.0
    """Longest wait for anything, in seconds."""

    def __init__(self, application: Application, name: str) -> None:
        self._application = application
        self.link = Link(application, application.address, wire.Hello(driver=wire.DriverHello(name=name)))
        self._silence = self.link.welcome.silence_limit_ms / 1000
        self._spoke = self._heard = time.monotonic()
        self._fetchers: dict[str, Fetcher] = {}
        self.jobs: dict[int, JobState] = {}
        self.ending: str | None = None
        self._questions = 0
        self._answers: dict[int, wire.Answer] = {}

    def submit(self, job: Job) -> JobState:
        """Submits a job; its number may be that of one that is over."""
        self.jobs[job.message.job] = state = JobState()
        self.say(submit_job=job.message)
        return state

    def cancel(self, job: int) -> None:
        """The job is to end now, and fails with exit code 130."""
        self.say(cancel_job=wire.CancelJob(job=job))

    def cancel_tasks(self, *tasks: Reference) -> None:
        """These tasks, of one independent job, are to end now."""
        self.say(cancel_tasks=wire.CancelTasks(job=tasks[0].job, tasks=[task.task for task in tasks]))

    def release(self, job: int) -> None:
        """Nobody needs the job's results any more."""
        self.say(release_job=wire.ReleaseJob(job=job))

    def release_results(self, *tasks: Reference) -> None:
        """Nobody needs these results, of one independent job, any more."""
        self.say(release_results=wire.ReleaseResults(job=tasks[0].job, tasks=[task.task for task in tasks]))

    def unreadable(self, ready: wire.ResultReady, reason: str) -> None:
        """An announced result cannot be fetched; it will be announced again."""
        self.jobs[ready.job].results.pop(ready.task, None)
        workers = [holder.worker for holder in ready.holders]
        lost = wire.ResultUnreadable(job=ready.job, task=ready.task, workers=workers, reason=reason, master=ready.master)
        self.say(result_unreadable=lost)

    def finish(self, succeeded: bool, diagnostics: str) -> None:
        """The application is over."""
        self.say(finish=wire.FinishApplication(succeeded=succeeded, diagnostics=diagnostics))

    def ask_later(self, **question: object) -> int:
        """One of the questions of `Ask`, by its name there; `wait_ms` may come with it. Its number, which its answer has, too."""
        self._questions += 1
        self.say(ask=wire.Ask(request=self._questions, **question))  # type: ignore[arg-type]
        return self._questions

    def answer(self, request: int) -> wire.Answer:
        """Waits for the answer to a question."""
        said = self.wait(lambda: self._answers.pop(request, None))
        match said.WhichOneof("answer"):
            case "refused":
                raise Refusal(said.refused)
            case "timed_out":
                raise TimedOut
        return said

    def ask(self, **question: object) -> wire.Answer:
        """As `ask_later`, with the answer."""
        return self.answer(self.ask_later(**question))

    def withdraw(self, request: int) -> None:
        """Nobody waits for this answer any more."""
        self.say(withdraw=request)

    def adopt(self, dataset: wire.Dataset) -> list[Reference]:
        """The results of a dataset that was opened."""
        return [Reference(entry.job, entry.task) for entry in dataset.entries]

    def ready(self, task: Reference) -> wire.ResultReady:
        """Waits until a wanted result is there."""
        state = self.jobs.setdefault(task.job, JobState())

        def outcome() -> wire.ResultReady | None:
            if task.task in state.results:
                return state.results[task.task]
            if fault := state.failures.get(task.task) or state.failed:
                raise fault
            return None

        return self.wait(outcome)

    def result(self, task: Reference) -> bytes:
        """Waits for a wanted result, and fetches it if it did not come with its announcement."""
        while True:
            ready = self.ready(task)
            try:
                return self.fetch(ready)
            except LinkFault as fault:
                self.unreadable(ready, str(fault))

    def fetch(self, ready: wire.ResultReady) -> bytes:
        """An announced result: as it was said, if it is small, else from a worker."""
        if len(ready.inline) == ready.bytes:
            return ready.inline
        return self.fetch_from_worker(ready)

    def fetch_from_worker(self, ready: wire.ResultReady) -> bytes:
        """An announced result, small or not."""
        fault = LinkFault("nobody has it")
        for holder in ready.holders:
            try:
                return self._fetcher(holder.fetch_address).fetch([ready.result], master=ready.master)[0]
            except LinkFault as error:
                self._forget_fetcher(holder.fetch_address)
                fault = error
        raise fault

    def finished(self, job: int) -> wire.JobFinished:
        """Waits until all that is wanted of a job is there, or failed alone."""
        state = self.jobs[job]

        def outcome() -> wire.JobFinished | None:
            if state.failed:
                raise state.failed
            return state.finished

        return self.wait(outcome)

    def failed(self, job: int) -> JobFault:
        """Waits until a job has failed."""
        state = self.jobs[job]
        return self.wait(lambda: state.failed)

    def wait(self, outcome: Callable[[], T | None]) -> T:
        """Hears the application until there is an outcome."""
        deadline = time.monotonic() + self.LIMIT
        while not (result := outcome()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing of what is waited for came within {self.LIMIT} s")
            self.hear()
        return result

    def hear(self, patience: float = 0.5) -> None:
        """Takes the next message, if one comes within so many seconds. Sends a heartbeat when it is time for one."""
        now = time.monotonic()
        due = self._spoke + self._silence / 4
        if now >= due:
            self.say(heartbeat=wire.Heartbeat())
        frame = self.link.receive(min(patience, max(due - now, 0)))
        if frame is not None:
            self._heard = time.monotonic()
            self._note(wire.ToDriver.FromString(frame))
        elif time.monotonic() - self._heard > self._silence:
            raise Closed(f"the application master has said nothing for {self._silence} s")

    def say(self, **message: object) -> None:
        """Sends one of the messages of `FromDriver`, by its name there."""
        self.link.send(wire.FromDriver(**message))  # type: ignore[arg-type]
        self._spoke = time.monotonic()

    def close(self) -> None:
        """Leaves: jobs that are not over end, and their results go."""
        self.link.close()
        for fetcher in self._fetchers.values():
            fetcher.close()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _fetcher(self, address: str) -> Fetcher:
        if address not in self._fetchers:
            self._fetchers[address] = Fetcher(self._application, address)
        return self._fetchers[address]

    def _forget_fetcher(self, address: str) -> None:
        """After a failure nobody knows what comes next on a connection."""
        fetcher = self._fetchers.pop(address, None)
        if fetcher is not None:
            fetcher.close()

    def _note(self, message: wire.ToDriver) -> None:
        kind = message.WhichOneof("message")
        if kind == "ending":
            self.ending = message.ending.reason
        if kind is None or kind in ("heartbeat", "ending"):
            return
        said = getattr(message, kind)
        if kind == "answer":
            self._answers[said.request] = said
            return
        # News of an opened dataset's results may follow its answer at once.
        state = self.jobs.setdefault(said.job, JobState())
        match kind:
            case "progress":
                state.progress = said
            case "result_ready":
                state.results[said.task] = said
            case "result_lost":
                state.results.pop(said.task, None)
            case "result_failed":
                state.results.pop(said.task, None)
                state.failures[said.task] = JobFault(said.message, said.exit_code)
            case "job_finished":
                state.finished = said
                state.progress = said.summary
            case "job_failed":
                state.failed = JobFault(said.message, said.exit_code)
