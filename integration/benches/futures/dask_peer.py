"""The same measures as examples/futures_cost.rs, of dask.distributed: one worker process with two threads."""

import json
import sys
import time

from distributed import Client, LocalCluster

ROUNDS = 500
CALLS = 10_000


def increment(number):
    return number + 1


def add(left, right):
    return left + right


def zeros(size):
    return bytes(size)


def say(**measure):
    print(json.dumps(measure), flush=True)


def main(processes):
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=processes, dashboard_address=None, silence_logs=50
    ) as cluster, Client(cluster) as client:
        client.submit(increment, 0, pure=False).result()
        rounds = []
        for number in range(ROUNDS):
            began = time.perf_counter()
            client.submit(increment, number, pure=False).result()
            rounds.append(time.perf_counter() - began)
        rounds.sort()
        say(measure="round trip", p50_us=rounds[ROUNDS // 2] * 1e6, p99_us=rounds[ROUNDS * 99 // 100] * 1e6)
        began = time.perf_counter()
        client.gather(client.map(increment, range(CALLS), pure=False))
        say(measure="map and gather", us_a_task=(time.perf_counter() - began) / CALLS * 1e6)
        began = time.perf_counter()
        level = client.map(increment, range(CALLS), pure=False)
        while len(level) > 1:
            pairs = [client.submit(add, *level[at : at + 2], pure=False) for at in range(0, len(level) - 1, 2)]
            level = pairs + level[len(level) // 2 * 2 :]
        level[0].result()
        say(measure="tree", us_a_task=(time.perf_counter() - began) / (2 * CALLS - 1) * 1e6)
        for size in (1, 1 << 10, 1 << 20, 100 << 20):
            future = client.submit(zeros, size, pure=False)
            while not future.done():
                time.sleep(0.001)
            began = time.perf_counter()
            length = len(future.result())
            say(measure="result", bytes=length, seconds=time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1] == "processes")
