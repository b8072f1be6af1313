"""One address in front of several brokers, which a test may cut off."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

COPY_BYTES = 65_536


class Front:
    """What a name with several addresses does: a connection goes to the next that takes it.

    Attributes:
        taken: which of the ports each connection went to.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        """Lead to ports of this machine."""
        self._ports = ports
        self._turn = itertools.count()
        self._copying: set[asyncio.Task[None]] = set()
        self._open: list[asyncio.StreamWriter] = []
        self.taken: list[int] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Take connections while the block runs, on the port that is given."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()
        for task in self._copying:
            task.cancel()
        await asyncio.gather(*self._copying, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection at once; new ones are taken."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            number = next(self._turn) % len(self._ports)
            with suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", self._ports[number])
                self.taken.append(number)
                self._open += [writer, there[1]]
                pairs = ((reader, there[1]), (there[0], writer))
                self._copying.update(asyncio.ensure_future(_copy(*pair)) for pair in pairs)
                return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(COPY_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
