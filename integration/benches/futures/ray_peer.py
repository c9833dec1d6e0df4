"""The same measures as examples/futures_cost.rs, of Ray: two worker processes of one thread each."""

import json
import time

import ray

ROUNDS = 500
CALLS = 10_000


@ray.remote
def increment(number):
    return number + 1


@ray.remote
def add(left, right):
    return left + right


@ray.remote
def zeros(size):
    return bytes(size)


def say(**measure):
    print(json.dumps(measure), flush=True)


def main():
    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False, log_to_driver=False)
    # Until both processes are there.
    ray.get([increment.remote(number) for number in range(100)])
    rounds = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        ray.get(increment.remote(number))
        rounds.append(time.perf_counter() - began)
    rounds.sort()
    say(measure="round trip", p50_us=rounds[ROUNDS // 2] * 1e6, p99_us=rounds[ROUNDS * 99 // 100] * 1e6)
    began = time.perf_counter()
    ray.get([increment.remote(number) for number in range(CALLS)])
    say(measure="map and gather", us_a_task=(time.perf_counter() - began) / CALLS * 1e6)
    began = time.perf_counter()
    level = [increment.remote(number) for number in range(CALLS)]
    while len(level) > 1:
        pairs = [add.remote(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) // 2 * 2 :]
    ray.get(level[0])
    say(measure="tree", us_a_task=(time.perf_counter() - began) / (2 * CALLS - 1) * 1e6)
    for size in (1, 1 << 10, 1 << 20, 100 << 20):
        future = zeros.remote(size)
        ray.wait([future], fetch_local=False)
        began = time.perf_counter()
        length = len(ray.get(future))
        say(measure="result", bytes=length, seconds=time.perf_counter() - began)
    ray.shutdown()


if __name__ == "__main__":
    main()
