"""Runs one query of a CSV file in one engine: peers.py ENGINE THREADS FILE QUERY-NAME.

Prints seconds, CPU-seconds (all threads, without the interpreter's start) and the answer's digest, tab-separated.
Exit code 3: the engine is not installed."""

import importlib
import os
import sys
import time

engine, threads, path, query = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["POLARS_MAX_THREADS"] = str(threads)
SQL = {
    "count": "SELECT count(*) AS trips FROM trips",
    "query": "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare FROM trips GROUP BY passenger_count ORDER BY 1",
}[query]

try:
    module = importlib.import_module(engine)
except ImportError:
    sys.exit(3)


def datafusion():
    # What datafusion-cli sets: batches of 8192 rows, files cut into one range a partition.
    config = module.SessionConfig().with_target_partitions(threads).with_batch_size(8192)
    context = module.SessionContext(config)
    context.register_csv("trips", path, has_header=True)
    return [tuple(row.values()) for row in context.sql(SQL).to_pylist()]


def duckdb():
    connection = module.connect(config={"threads": threads})
    sql = SQL.replace("FROM trips", f"FROM read_csv('{path}')")
    return connection.execute(sql).fetchall()


def polars():
    context = module.SQLContext(trips=module.scan_csv(path))
    return context.execute(SQL, eager=False).collect(engine="streaming").rows()


began, cpu = time.perf_counter(), time.process_time()
rows = {"datafusion": datafusion, "duckdb": duckdb, "polars": polars}[engine]()
elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
print(elapsed, cpu, sum(int(row[-1] if query == "count" else row[1]) for row in rows), module.__version__, sep="\t")
