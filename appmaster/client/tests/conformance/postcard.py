"""Values as workers read and write them: as much of postcard as `bobbin.proto` describes.

A codec is one type. Codecs are put together as types are: `list_of(tuple_of(TEXT, option_of(UNSIGNED)))`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ValueFault(Exception):
    """Bytes that are no value of their type."""


class Reader:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise ValueFault(f"{count} bytes are needed, {len(taken)} are left")
        self._at += count
        return taken

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Nothing is left over."""
        if self._at < len(self._data):
            raise ValueFault(f"{len(self._data) - self._at} bytes are left over")


@dataclass(frozen=True)
class Codec(Generic[T]):
    """How values of one type are written and read."""

    encode: Callable[[T], bytes]
    read: Callable[[Reader], T]

    def decode(self, data: bytes) -> T:
        """The value in these bytes, all of them."""
        reader = Reader(data)
        value = self.read(reader)
        reader.end()
        return value


def _write_unsigned(value: int) -> bytes:
    if value < 0:
        raise ValueFault(f"{value} is negative")
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _read_unsigned(reader: Reader) -> int:
    value = shift = 0
    while True:
        (byte,) = reader.take(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def _write_signed(value: int) -> bytes:
    return _write_unsigned(value * 2 if value >= 0 else -value * 2 - 1)


def _read_signed(reader: Reader) -> int:
    folded = _read_unsigned(reader)
    return folded // 2 if folded % 2 == 0 else -(folded // 2) - 1


def _write_block(value: bytes) -> bytes:
    return _write_unsigned(len(value)) + value


def _read_block(reader: Reader) -> bytes:
    return reader.take(_read_unsigned(reader))


def _read_flag(reader: Reader) -> bool:
    (byte,) = reader.take(1)
    if byte > 1:
        raise ValueFault(f"{byte} is neither 0 nor 1")
    return byte == 1


def _read_float(reader: Reader) -> float:
    value: float = struct.unpack("<d", reader.take(8))[0]
    return value


NOTHING: Codec[None] = Codec(lambda _: b"", lambda _: None)
"""`()`"""
FLAG: Codec[bool] = Codec(lambda value: bytes([value]), _read_flag)
"""`bool`"""
UNSIGNED: Codec[int] = Codec(_write_unsigned, _read_unsigned)
"""`u16`, `u32`, `u64`, `u128`, `usize`"""
SIGNED: Codec[int] = Codec(_write_signed, _read_signed)
"""`i16`, `i32`, `i64`, `i128`, `isize`"""
FLOAT: Codec[float] = Codec(lambda value: struct.pack("<d", value), _read_float)
"""`f64`"""
TEXT: Codec[str] = Codec(lambda value: _write_block(value.encode()), lambda reader: _read_block(reader).decode())
"""`String`"""
RAW: Codec[bytes] = Codec(bytes, Reader.rest)
"""`Bytes`, where it is the whole value"""
BLOCK: Codec[bytes] = Codec(_write_block, _read_block)
"""`Bytes`, inside of another value"""


def list_of(element: Codec[T]) -> Codec[list[T]]:
    """`Vec<T>`"""

    def encode(values: list[T]) -> bytes:
        return _write_unsigned(len(values)) + b"".join(map(element.encode, values))

    def read(reader: Reader) -> list[T]:
        return [element.read(reader) for _ in range(_read_unsigned(reader))]

    return Codec(encode, read)


def option_of(content: Codec[T]) -> Codec[T | None]:
    """`Option<T>`"""

    def encode(value: T | None) -> bytes:
        return b"\0" if value is None else b"\1" + content.encode(value)

    def read(reader: Reader) -> T | None:
        return content.read(reader) if _read_flag(reader) else None

    return Codec(encode, read)


def tuple_of(*fields: Codec[Any]) -> Codec[Sequence[Any]]:
    """`(A, B)`, and structs of these fields."""

    def encode(values: Sequence[Any]) -> bytes:
        return b"".join(field.encode(value) for field, value in zip(fields, values, strict=True))

    def read(reader: Reader) -> Sequence[Any]:
        return tuple(field.read(reader) for field in fields)

    return Codec(encode, read)
