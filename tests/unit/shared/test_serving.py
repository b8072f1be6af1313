"""A server that is ended from outside takes all that it started with it."""

import asyncio
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette

from shared.serving import listening, serve, url_of
from shared.tasks import end


async def test_a_server_serves_until_it_is_stopped():
    stop = asyncio.Event()
    with listening("127.0.0.1", 0, "PORT") as listener:
        serving = asyncio.create_task(serve(Starlette(), listener, stop))
        async with httpx.AsyncClient(base_url=url_of(listener)) as http:
            assert (await http.get("/")).status_code == 404
        stop.set()
        async with asyncio.timeout(10):
            await serving


async def test_a_server_that_is_cancelled_leaves_no_task_behind():
    ready, others = asyncio.Event(), asyncio.all_tasks()

    @contextmanager
    def say_ready():
        ready.set()
        yield

    with listening("127.0.0.1", 0, "PORT") as listener:
        serving = asyncio.create_task(serve(Starlette(), listener, asyncio.Event(), say_ready))
        async with asyncio.timeout(10):
            await ready.wait()
            await end(serving)
    assert asyncio.all_tasks() == others


async def test_a_server_whose_user_fails_leaves_no_task_behind():
    others = asyncio.all_tasks()

    @contextmanager
    def fail():
        raise OSError("the disk is full")
        yield

    with listening("127.0.0.1", 0, "PORT") as listener:
        async with asyncio.timeout(10):
            with pytest.raises(OSError, match="disk is full"):
                await serve(Starlette(), listener, asyncio.Event(), fail)
    assert asyncio.all_tasks() == others
