"""Task groups of Python: reads lines of `<shape> <n> <times>`, and answers each with the nanoseconds that it took.

tasks.py <asyncio|uvloop>
"""

import asyncio
import sys
import time
import warnings

import aiotools

# PersistentTaskGroup.
warnings.simplefilter("ignore", DeprecationWarning)

SHAPES = {
    "asyncio.TaskGroup": asyncio.TaskGroup,
    "aiotools.TaskGroup": aiotools.TaskGroup,
    "aiotools.PersistentTaskGroup": aiotools.PersistentTaskGroup,
    "aiotools.TaskScope": aiotools.TaskScope,
}


async def child():
    await asyncio.sleep(0)


async def spawn_and_join(group, n):
    async with group() as tg:
        for _ in range(n):
            tg.create_task(child())


async def main():
    for line in sys.stdin:
        shape, n, times = line.split()
        group, n = SHAPES[shape], int(n)
        start = time.perf_counter_ns()
        for _ in range(int(times)):
            await spawn_and_join(group, n)
        print(time.perf_counter_ns() - start, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
