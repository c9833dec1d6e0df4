"""Of the measures of examples/futures_cost.rs those that HyperQueue has, with a worker of two cores. Its tasks are programs, which
leave files rather than results; so a task is `/bin/true`, and a round trip ends when its client knows that the job has ended."""

import contextlib
import io
import json
import sys
import tempfile
import time

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

ROUNDS = 5
CALLS = 10_000


def run(client, tasks):
    job = Job()
    for _ in range(tasks):
        job.program(["/bin/true"])
    began = time.perf_counter()
    client.wait_for_jobs([client.submit(job)])
    return time.perf_counter() - began


def say(**measure):
    print(json.dumps(measure), file=sys.__stdout__, flush=True)


def main():
    # Each task leaves two files where it was submitted.
    scratch = tempfile.TemporaryDirectory()
    with scratch as place, contextlib.chdir(place), contextlib.redirect_stdout(io.StringIO()), LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        client = cluster.client()
        run(client, 10)
        rounds = sorted(run(client, 1) for _ in range(ROUNDS))
        say(measure="round trip", p50_us=rounds[ROUNDS // 2] * 1e6, p99_us=rounds[-1] * 1e6)
        say(measure="map and gather", us_a_task=run(client, CALLS) / CALLS * 1e6)


if __name__ == "__main__":
    main()
