"""The echo server of Python's aiotools: echo.py <asyncio|uvloop> <streams|protocol> <workers>."""

import asyncio
import socket
import sys
import time

import aiotools

START = time.monotonic_ns()


async def echo(reader, writer):
    while data := await reader.read(1024):
        writer.write(data)
        await writer.drain()
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


@aiotools.server
async def worker(loop, pidx, args):
    style, sock = args
    if style == "streams":
        server = await asyncio.start_server(echo, sock=sock, backlog=4096)
    else:
        server = await loop.create_server(Echo, sock=sock, backlog=4096)
    yield
    server.close()


if __name__ == "__main__":
    loop, style, workers = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        runner = uvloop.run
    else:
        runner = asyncio.run
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(4096)
    host, port = sock.getsockname()
    print(f"listening on {host}:{port} after {time.monotonic_ns() - START} ns", flush=True)
    aiotools.start_server(worker, num_workers=int(workers), args=(style, sock), runner=runner)
