"""Runs one question of the benchmark in one engine: peers.py ENGINE THREADS RUNS QUESTION CSV-FILE JSON-FILE COLUMNS.

COLUMNS is a JSON list of pairs: name and SQL type of each column of the CSV file. Prints one JSON object: the engine's
version, seconds and CPU-seconds of each run after one that is not counted (all threads and child processes, without the
interpreter's start), the most memory in bytes, and the answer as rows of texts. Exit code 3: the engine is not installed."""

import importlib
import json
import os
import sys
import time

ENGINE, THREADS, RUNS, QUESTION, CSV, EVENTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:7]
COLUMNS = json.loads(sys.argv[7])
os.environ["POLARS_MAX_THREADS"] = os.environ["TOKIO_WORKER_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(THREADS)
TIMES = [name for name, kind in COLUMNS if kind == "TIMESTAMP"]
children = []

C4 = "tip_amount / fare_amount"
MAXIMA = ", ".join(f'max("{name}")' for name, _ in COLUMNS)


def sql(trips, events, hour="extract(hour FROM tpep_pickup_datetime)", quantile="quantile_cont(fare_amount, {})", quote='"'):
    """The questions for engines that take SQL."""
    quartiles = ", ".join(quantile.format(share) for share in (0.25, 0.5, 0.75))
    return {
        "start": "SELECT 1",
        "head": f"SELECT * FROM {trips} LIMIT 10",
        "c1": f"SELECT count(*) FROM {trips}",
        "c2": f"SELECT sum(passenger_count) FROM {trips}",
        "c3": f"SELECT payment_type, count(*) FROM {trips} GROUP BY payment_type ORDER BY 1",
        "c4": f"SELECT {hour} AS h, avg({C4}) FROM {trips} WHERE fare_amount > 0 AND payment_type <> 2 GROUP BY 1 ORDER BY 1",
        "c5": f"SELECT count(fare_amount), avg(fare_amount), stddev(fare_amount), min(fare_amount), {quartiles}, "
        f"max(fare_amount) FROM {trips}",
        "c6": f"SELECT {MAXIMA} FROM {trips}".replace('"', quote),
        "value_counts": f'SELECT "RateCodeID", count(*) AS n FROM {trips} GROUP BY 1 ORDER BY 2 DESC'.replace('"', quote),
        "j1": f"SELECT type, count(*) FROM {events} GROUP BY type ORDER BY 1",
        "j2": f"SELECT actor.login, count(*) AS n FROM {events} WHERE repo.name LIKE 'jupyter/%' GROUP BY 1 "
        "ORDER BY 2 DESC, 1 LIMIT 10",
    }[QUESTION]


def duckdb(module):
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS)
    trips = f"read_csv('{CSV}', header = true, delim = ',', auto_detect = false, columns = {{{columns}}})"
    events = (
        f"read_json('{EVENTS}', format = 'newline_delimited', "
        "columns = {type: 'VARCHAR', actor: 'STRUCT(login VARCHAR)', repo: 'STRUCT(name VARCHAR)'})"
    )
    connection = module.connect(config={"threads": THREADS})
    question = sql(trips, events)
    return lambda: connection.execute(question).fetchall()


def arrow_types():
    import pyarrow as pa

    types = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us")}
    login, name = pa.struct([("login", pa.string())]), pa.struct([("name", pa.string())])
    events = pa.schema([("type", pa.string()), ("actor", login), ("repo", name)])
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS]), events


def datafusion(module):
    trips, events = arrow_types()
    config = module.SessionConfig().with_target_partitions(THREADS).with_batch_size(8192)
    context = module.SessionContext(config)
    context.register_csv("trips", CSV, has_header=True, schema=trips)
    context.register_json("events", EVENTS, schema=events, file_extension=".jsonl")
    quantile = "percentile_cont({}) WITHIN GROUP (ORDER BY fare_amount)"
    question = sql("trips", "events", quantile=quantile).replace("actor.login", "actor['login']")
    question = question.replace("repo.name", "repo['name']")
    return lambda: [tuple(row.values()) for row in context.sql(question).to_pylist()]


def pyspark(module):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{THREADS}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.memory", "3g").config("spark.sql.shuffle.partitions", str(THREADS))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    children.append(session.sparkContext._gateway.proc.pid)
    kinds = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ"}
    schema = ", ".join(f"{name} {kinds.get(kind, kind)}" for name, kind in COLUMNS)
    session.read.schema(schema).option("header", True).csv(CSV).createOrReplaceTempView("trips")
    nested = "type STRING, actor STRUCT<login: STRING>, repo STRUCT<name: STRING>"
    session.read.schema(nested).json(EVENTS).createOrReplaceTempView("events")
    question = sql("trips", "events", quantile="percentile_approx(fare_amount, {})", quote="`")
    return lambda: [tuple(row) for row in session.sql(question).collect()]


def polars(pl):
    kinds = {"BIGINT": pl.Int64, "DOUBLE": pl.Float64, "VARCHAR": pl.String, "TIMESTAMP": pl.Datetime("us")}
    trips = pl.scan_csv(CSV, schema={name: kinds[kind] for name, kind in COLUMNS})
    login, name = pl.Struct({"login": pl.String}), pl.Struct({"name": pl.String})
    events = pl.scan_ndjson(EVENTS, schema={"type": pl.String, "actor": login, "repo": name})
    c = pl.col
    paid = trips.filter((c("fare_amount") > 0) & (c("payment_type") != 2))
    hour = c("tpep_pickup_datetime").dt.hour().alias("hour")
    fare = c("fare_amount")
    quartiles = [fare.quantile(share, "linear").alias(f"q{share}") for share in (0.25, 0.5, 0.75)]
    about = events.filter(c("repo").struct.field("name").str.starts_with("jupyter/"))
    by_login = about.group_by(c("actor").struct.field("login")).len()
    question = {
        "start": pl.LazyFrame({"a": [1]}),
        "head": trips.head(10),
        "c1": trips.select(pl.len()),
        "c2": trips.select(c("passenger_count").sum()),
        "c3": trips.group_by("payment_type").len().sort("payment_type"),
        "c4": paid.group_by(hour).agg((c("tip_amount") / fare).mean()).sort("hour"),
        "c5": trips.select(
            fare.count().alias("n"), fare.mean().alias("mean"), fare.std().alias("std"), fare.min().alias("min"),
            *quartiles, fare.max().alias("max")
        ),
        "c6": trips.max(),
        "value_counts": trips.group_by("RateCodeID").len().sort("len", descending=True),
        "j1": events.group_by("type").len().sort("type"),
        "j2": by_login.sort(["len", "login"], descending=[True, False]).head(10),
    }[QUESTION]
    return lambda: question.collect(engine="streaming").rows()


USED = {
    "c1": ["VendorID"],
    "c2": ["passenger_count"],
    "c3": ["payment_type"],
    "c4": ["tpep_pickup_datetime", "payment_type", "fare_amount", "tip_amount"],
    "c5": ["fare_amount"],
    "value_counts": ["RateCodeID"],
}.get(QUESTION, [name for name, _ in COLUMNS])


def pyarrow(pa):
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.json

    pa.set_cpu_count(THREADS)
    pa.set_io_thread_count(THREADS)
    trips, events = arrow_types()
    options = pa.csv.ConvertOptions(column_types=trips, include_columns=USED)
    parallel = pa.csv.ReadOptions(use_threads=THREADS > 1)

    def read():
        return pa.csv.read_csv(CSV, read_options=parallel, convert_options=options)

    def counts(table, key, order):
        return rows(table.group_by(key).aggregate([([], "count_all")]).select([key, "count_all"]).sort_by(order))

    def rows(table):
        return list(zip(*(column.to_pylist() for column in table.columns)))

    def head():
        with pa.csv.open_csv(CSV, convert_options=options) as reader:
            return rows(pa.Table.from_batches([reader.read_next_batch()]).slice(0, 10))

    def tips():
        table = read()
        paid = pc.and_(pc.greater(table["fare_amount"], 0), pc.not_equal(table["payment_type"], 2))
        table = table.filter(paid)
        share = pc.divide(table["tip_amount"], table["fare_amount"])
        by_hour = pa.table({"hour": pc.hour(table["tpep_pickup_datetime"]), "share": share})
        return rows(by_hour.group_by("hour").aggregate([("share", "mean")]).select(["hour", "share_mean"]).sort_by("hour"))

    def describe():
        fare = read()["fare_amount"]
        extremes = pc.min_max(fare)
        quartiles = pc.quantile(fare, [0.25, 0.5, 0.75]).to_pylist()
        deviation = pc.stddev(fare, ddof=1).as_py()
        return [(len(fare), pc.mean(fare).as_py(), deviation, extremes["min"].as_py(), *quartiles, extremes["max"].as_py())]

    def read_events():
        options = pa.json.ParseOptions(explicit_schema=events, unexpected_field_behavior="ignore")
        return pa.json.read_json(EVENTS, pa.json.ReadOptions(use_threads=THREADS > 1), options)

    def logins():
        table = read_events()
        about = pc.starts_with(pc.struct_field(table["repo"], "name"), "jupyter/")
        login = pa.table({"login": pc.struct_field(table.filter(about)["actor"], "login")})
        return counts(login, "login", [("count_all", "descending"), ("login", "ascending")])[:10]

    return {
        "start": lambda: rows(pa.table({"a": [1]})),
        "head": head,
        "c1": lambda: [(len(read()),)],
        "c2": lambda: [(pc.sum(read()["passenger_count"]).as_py(),)],
        "c3": lambda: counts(read(), "payment_type", "payment_type"),
        "c4": tips,
        "c5": describe,
        "c6": lambda: [tuple(pc.max(column).as_py() for column in read().columns)],
        "value_counts": lambda: counts(read(), "RateCodeID", [("count_all", "descending")]),
        "j1": lambda: counts(read_events(), "type", "type"),
        "j2": logins,
    }[QUESTION]


def frames(read, read_events, first, member, compute):
    """The questions in pandas' words, which are Dask's too. `member` takes one value out of each object."""

    def counts(series, descending=False):
        found = compute(series.value_counts())
        return sorted(found.items(), key=lambda pair: -pair[1] if descending else pair[0])

    def tips():
        trips = read()
        paid = trips[(trips.fare_amount > 0) & (trips.payment_type != 2)]
        shares = paid.assign(hour=paid.tpep_pickup_datetime.dt.hour, share=paid.tip_amount / paid.fare_amount)
        return sorted(compute(shares.groupby("hour").share.mean()).items())

    def logins():
        events = read_events()
        about = events[member(events.repo, "name").str.startswith("jupyter/")]
        found = compute(member(about.actor, "login").value_counts())
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:10]

    return {
        "head": lambda: list(first().itertuples(index=False)),
        "c1": lambda: [(len(read()),)],
        "c2": lambda: [(compute(read().passenger_count.sum()),)],
        "c3": lambda: counts(read().payment_type),
        "c4": tips,
        "c5": lambda: [tuple(compute(read().fare_amount.describe()))],
        "c6": lambda: [tuple(compute(read().max()))],
        "value_counts": lambda: counts(read()["RateCodeID"], True),
        "j1": lambda: counts(read_events().type),
        "j2": logins,
    }[QUESTION]


def csv_options():
    kinds = {"BIGINT": "int64", "DOUBLE": "float64", "VARCHAR": "str"}
    dtypes = {name: kinds[kind] for name, kind in COLUMNS if kind in kinds and name in USED}
    return {"usecols": USED, "dtype": dtypes, "parse_dates": [name for name in TIMES if name in USED] or None}


def pandas(pd):
    if QUESTION == "start":
        return lambda: list(pd.DataFrame({"a": [1]}).itertuples(index=False))
    options = csv_options()
    return frames(
        lambda: pd.read_csv(CSV, **options),
        lambda: pd.read_json(EVENTS, lines=True),
        lambda: pd.read_csv(CSV, nrows=10, **options),
        lambda objects, name: objects.str.get(name),
        lambda value: value,
    )


def dask(module):
    import dask.dataframe as dd

    if QUESTION == "start":
        import pandas as pd

        return lambda: list(dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1).compute().itertuples(index=False))
    module.config.set({"dataframe.convert-string": False, "scheduler": "threads", "num_workers": THREADS})
    options = {**csv_options(), "blocksize": 64_000_000}
    return frames(
        lambda: dd.read_csv(CSV, **options),
        lambda: dd.read_json(EVENTS, lines=True, blocksize=64_000_000),
        lambda: dd.read_csv(CSV, **options).head(10),
        lambda objects, name: objects.map_partitions(lambda part: part.str.get(name), meta=(name, "str")),
        lambda value: value.compute(),
    )


def cpu():
    """CPU-seconds of this process and the ones that it has started."""
    total = time.process_time()
    for pid in children:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def peak(reset):
    """The most memory since it was reset."""
    total = 0
    for pid in [os.getpid(), *children]:
        if reset:
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")
        with open(f"/proc/{pid}/status") as file:
            total += sum(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))
    return total


def text(cell):
    if hasattr(cell, "strftime"):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    return repr(float(cell)) if hasattr(cell, "__float__") and not isinstance(cell, (int, str)) else str(cell)


def main():
    try:
        module = importlib.import_module(ENGINE)
    except ImportError:
        sys.exit(3)
    ask = globals()[ENGINE](module)
    runs, answer = [], None
    # These have nothing to warm up, and take long.
    counted = range(0 if ENGINE in ("pandas", "dask") else -1, RUNS)
    for run in counted:
        if run == 0:
            peak(True)
        began, used = time.perf_counter(), cpu()
        answer = ask()
        if run >= 0:
            runs.append([time.perf_counter() - began, cpu() - used])
    cells = [[text(cell) for cell in row] for row in answer]
    print(json.dumps({"version": module.__version__, "runs": runs, "peak": peak(False), "answer": cells}))


main()
