"""Answers questions about files, one JSON object a line: {"tables": [...]}, {"duckdb": SQL} or {"pandas": EXPRESSION}.

Each answer is one line: {"columns": [{"name", "kind"}], "rows": [[text or null]]} or {"error": text}."""

import json
import sys

import duckdb
import pandas as pd

KINDS = {"BOOLEAN": "bool", "DATE": "date", "TIMESTAMP": "timestamp", "DOUBLE": "float", "FLOAT": "float"}
DTYPES = {"BIGINT": "Int64", "DOUBLE": "float64", "VARCHAR": "str", "BOOLEAN": "boolean"}
connection = duckdb.connect(config={"threads": 1})
connection.execute("SET default_null_order = 'nulls_last_on_asc_first_on_desc'")
frames = {"pd": pd}


def load(tables):
    for table in tables:
        name, path, columns = table["name"], table["path"], table["columns"]
        types = "{" + ", ".join(f"'{column}': '{kind}'" for column, kind in columns) + "}"
        if table["source"] == "json":
            read = f"read_json('{path}', format = 'newline_delimited', columns = {types})"
            frames[name] = pd.read_json(path, lines=True, dtype=False)
        else:
            read = (
                f"read_csv('{path}', header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
                f"columns = {types}, allow_quoted_nulls = false, parallel = false, strict_mode = false)"
            )
            dtypes = {column: DTYPES[kind] for column, kind in columns if kind in DTYPES}
            times = [column for column, kind in columns if kind in ("DATE", "TIMESTAMP")]
            options = {"dtype": dtypes, "parse_dates": times, "keep_default_na": False, "na_values": [""]}
            frames[name] = pd.read_csv(path, encoding="utf-8-sig", **options)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {read}")
    return {"columns": [], "rows": []}


def kind_of(type_name):
    if "INT" in type_name:
        return "int"
    return "float" if type_name.startswith("DECIMAL") else KINDS.get(type_name, "text")


def text(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return value.isoformat(" ") if hasattr(value, "hour") else str(value)


def ask_duckdb(sql):
    relation = connection.execute(sql)
    names = [(column[0], kind_of(str(column[1]))) for column in relation.description]
    columns = [{"name": name, "kind": kind} for name, kind in names]
    return {"columns": columns, "rows": [[text(cell) for cell in row] for row in relation.fetchall()]}


def kind_of_series(series):
    kinds = pd.api.types
    if kinds.is_bool_dtype(series):
        return "bool"
    if kinds.is_integer_dtype(series):
        return "int"
    if kinds.is_float_dtype(series):
        return "float"
    return "timestamp" if kinds.is_datetime64_any_dtype(series) else "text"


def ask_pandas(expression):
    frame = eval(expression, frames)
    if isinstance(frame, pd.Series):
        frame = frame.reset_index()
    columns = [{"name": str(name), "kind": kind_of_series(frame[name])} for name in frame.columns]
    plain = frame.astype(object).where(frame.notna(), None)
    rows = plain.itertuples(index=False, name=None)
    return {"columns": columns, "rows": [[text(cell) for cell in row] for row in rows]}


for line in sys.stdin:
    ((what, argument),) = json.loads(line).items()
    try:
        answer = {"tables": load, "duckdb": ask_duckdb, "pandas": ask_pandas}[what](argument)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
