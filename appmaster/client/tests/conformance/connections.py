"""Cases of connections: who is let in, what ends them, and what that is to others."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import bobbin_pb2 as wire
from driver import Driver, Job
from link import PROTOCOL_VERSION, Application, Closed, Link, authority_context, read_credentials
from postcard import UNSIGNED
from support import Case, a_call, closed, function, number, refusal


def strangers(application: Application) -> Iterator[str]:
    """Who is refused, in words or by TLS."""
    hello, peer = (wire.Hello(driver=wire.DriverHello(name="stranger")), wire.Hello(peer=wire.PeerHello()))
    here = application.address
    yield refusal(lambda: Link(application.with_secret(bytes(32)), here, hello))
    yield refusal(lambda: Link(application, here, hello, version=99))
    yield refusal(lambda: Link(application, here, wire.Hello()))
    yield refusal(lambda: Link(application, here, peer))
    with Driver(application, "native") as driver:
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        worker = driver.ready(nine).holders[0].fetch_address
        yield refusal(lambda: Link(application, worker, hello))
        yield refusal(lambda: Link(application.with_secret(b"short"), worker, peer))
    with open(os.environ["BOBBIN_CREDENTIALS"], "rb") as file:
        authority = read_credentials(file.read())["bobbin.authority.cert"]
    nobody = Application(here, application.secret, authority_context(authority))
    try:
        Link(nobody, here, hello)
    except Closed:
        yield "closed without a certificate"


def garbage(application: Application) -> Iterator[str]:
    """What is not ours closes the connection on which it comes, and no other."""
    with Driver(application, "other") as driver:
        with socket.create_connection(("127.0.0.1", int(application.address.rpartition(":")[2])), Driver.LIMIT) as tcp:
            tcp.sendall(b"GET / HTTP/1.1\r\n\r\n")
            # Whoever closes with bytes unread resets the connection.
            with suppress(ConnectionError):
                while tcp.recv(4096):
                    pass
        hello = wire.Hello(protocol_version=PROTOCOL_VERSION, secret=application.secret, driver=wire.DriverHello(name="again"))
        for data in (b"\xff\xff\xff\xff", b"\0\0\0\3abc", b"\0\0\0\0", b"\0\0\0\3\xc2\x0c\0", framed(hello.SerializeToString())):
            link = Link(application, application.address, wire.Hello(driver=wire.DriverHello(name="garbage")))
            link.send_raw(data)
            yield closed(link)
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(nine)))


def framed(message: bytes) -> bytes:
    """A frame."""
    return len(message).to_bytes(4, "big") + message


def two_drivers(application: Application) -> Iterator[str]:
    """Numbers of jobs are each driver's own."""
    with Driver(application, "one") as one, Driver(application, "other") as other:
        results = []
        for driver, value in ((one, 3), (other, 4)):
            job = Job(1)
            results.append((driver, job.call(function("square"), number(value))))
            driver.submit(job)
        yield " ".join(str(UNSIGNED.decode(driver.result(task))) for driver, task in results)
        one.release(1)
        yield str(UNSIGNED.decode(other.result(results[1][1])))


def a_driver_that_vanishes(application: Application) -> Iterator[str]:
    """Its jobs end with it; others find the workers free."""
    driver = Driver(application, "vanishes")
    job = Job(1)
    # More than there are threads.
    for value in range(10):
        job.call(function("for_ever"), number(value))
    state = driver.submit(job)
    driver.wait(lambda: state.progress.tasks_running >= 4)
    driver.link.abort()
    yield from a_call(application)


def silent_drivers(application: Application) -> Iterator[str]:
    """Who says nothing for too long is sent away; who sends heartbeats stays."""
    with Driver(application, "lively") as driver:
        silent = Link(application, application.address, wire.Hello(driver=wire.DriverHello(name="silent")))
        with ThreadPoolExecutor(1) as waiting:
            end = waiting.submit(closed, silent)
            while not end.done():
                driver.hear()
            yield end.result()
        job = Job(1)
        nine = job.call(function("square"), number(3))
        driver.submit(job)
        yield str(UNSIGNED.decode(driver.result(nine)))


def the_end(application: Application) -> Iterator[str]:
    """Every driver is told; jobs that run fail."""
    with Driver(application, "ends it") as driver, Driver(application, "hears of it") as other:
        job = Job(1)
        job.call(function("for_ever"), number(1))
        other.submit(job)
        other.wait(lambda: other.jobs[1].progress.tasks_running == 1)
        driver.finish(True, "enough")
        yield refusal(lambda: other.finished(1))
        yield str(other.wait(lambda: other.ending))
        yield closed(other.link)


CASES: tuple[Case, ...] = (
    strangers,
    garbage,
    two_drivers,
    a_driver_that_vanishes,
)
