"""A line to an exchange, in user space, on which everything takes its time, and what passes is counted: this kernel need have no
netem. TCP's own handshake ends at the relay, so a connection's first bytes wait for as long as that would have taken."""
import asyncio
import threading
import time
from dataclasses import dataclass

READ = 65536
UP, DOWN = "up", "down"


@dataclass
class Chunk:
    connection: int  # 1 for the first that was accepted, and up
    way: str


class Line:
    """Listens on a loopback port of its own; each connection goes on to `port`. Each way takes `delay_s`."""

    def __init__(self, port, delay_s=0.025):
        self.target, self.delay_s = port, delay_s
        self.changed = threading.Condition()
        self.chunks = []    # as they came to the relay
        self.accepted = 0
        self.writers = {}   # of open connections, to the client's end, by number
        self.last = 0
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def close_connections(self):
        """As an exchange does with those that were idle for long."""
        def close():
            for writer in list(self.writers.values()):
                writer.close()
        self.loop.call_soon_threadsafe(close)

    def is_quiet(self, count):
        """Whether so many connections are open, and nothing has passed for several round trips."""
        with self.changed:
            return len(self.writers) == count and time.monotonic() - self.last > 8 * self.delay_s

    def mark(self):
        with self.changed:
            return self.accepted, len(self.chunks)

    def opened_since(self, mark):
        with self.changed:
            return self.accepted - mark[0]

    def round_trips_since(self, mark):
        """{connection: how often something went up and something else came down behind it}."""
        trips, ways = {}, {}
        with self.changed:
            for chunk in self.chunks[mark[1]:]:
                if chunk.way == UP and ways.get(chunk.connection) != UP:
                    trips[chunk.connection] = trips.get(chunk.connection, 0) + 1
                ways[chunk.connection] = chunk.way
        return trips

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()

    async def _end(self):
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is closed in the loop's next turn

    def _note(self, connection, way):
        with self.changed:
            self.chunks.append(Chunk(connection, way))
            self.last = time.monotonic()

    async def _serve(self, reader, writer):
        with self.changed:
            self.accepted += 1
            number = self.accepted
            self.last = time.monotonic()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        with self.changed:
            self.writers[number] = writer
        ready = self.loop.time() + 2 * self.delay_s  # TCP's handshake
        ways = [self.loop.create_task(self._carry(reader, back, number, UP, ready)),
                self.loop.create_task(self._carry(there, writer, number, DOWN, 0))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with self.changed:
                self.writers.pop(number, None)
                self.last = time.monotonic()
            for end in (writer, back):
                end.close()

    async def _carry(self, reader, writer, number, way, ready):
        """Reads on while what came earlier is on its way; order is kept, as each takes the same time."""
        queue = asyncio.Queue()
        sender = self.loop.create_task(self._deliver(queue, writer))
        try:
            while data := await reader.read(READ):
                self._note(number, way)
                await queue.put((max(self.loop.time(), ready) + self.delay_s, data))
        except OSError:
            pass  # one end has gone
        await queue.put((self.loop.time() + self.delay_s, b""))
        await sender

    async def _deliver(self, queue, writer):
        while True:
            moment, data = await queue.get()
            await asyncio.sleep(max(0, moment - self.loop.time()))
            if not data:
                return
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                return
