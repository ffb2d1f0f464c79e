"""A chat in memory that keeps what it took and refuses as told."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from bot.messenger import MessageGone, OutMessage, Unsendable
from tests.support.fake_clock import FakeClock


class Taken(Struct, frozen=True):
    """What the chat took, and when."""

    kind: str
    message_id: int
    message: OutMessage
    mono_ns: int

    @property
    def title(self) -> str:
        """The first line."""
        return self.message.plain.splitlines()[0]


class FakeMessenger:
    """Takes everything, unless told otherwise.

    ``broken`` is raised by every request; ``failures`` by one each, in order. ``dislikes`` picks
    messages that are Unsendable. A request takes ``latency_s`` to the chat, and the answer
    ``answer_s`` back. ``after`` is called once a message was taken and before that is known to
    anyone, so it may raise what a crash or a lost answer would.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.taken: list[Taken] = []
        self.shown: dict[int, OutMessage] = {}
        self.requests = 0
        self.probes = 0
        self.latency_s = 0.0
        self.answer_s = 0.0
        self.broken: Exception | None = None
        self.failures: list[Exception] = []
        self.dislikes: Callable[[OutMessage], bool] = lambda _: False
        self.after: Callable[[], None] = lambda: None
        self.callbacks: list[tuple[str, str]] = []
        self.files: list[tuple[str, bytes]] = []
        self.pictures: list[bytes] = []
        self.replied: list[int] = []
        self.actions: list[str] = []
        self.pinned: list[int] = []
        self.menus: dict[str, Sequence[tuple[str, str]]] = {}

    @property
    def sends(self) -> list[Taken]:
        """New messages, in order."""
        return [one for one in self.taken if one.kind == "send"]

    @property
    def edits(self) -> list[Taken]:
        """Edits, in order."""
        return [one for one in self.taken if one.kind == "edit"]

    def titles(self) -> list[str]:
        """The first lines of new messages, in order."""
        return [one.title for one in self.sends]

    async def send(self, message: OutMessage) -> int:
        """Take a message."""
        await self._answer(message)
        message_id = 1_000 + len(self.sends)
        await self._take("send", message_id, message)
        return message_id

    async def edit(self, message_id: int, message: OutMessage) -> None:
        """Take an edit."""
        await self._answer(message)
        if message_id not in self.shown:
            raise MessageGone("message to edit not found")
        await self._take("edit", message_id, message)

    async def send_photo(self, png: bytes, caption: OutMessage) -> int:
        """Take a picture's words."""
        assert png
        self.pictures.append(png)
        return await self.send(caption)

    async def reply(self, message: OutMessage, to: int) -> int:
        """Take an answer."""
        self.replied.append(to)
        return await self.send(message)

    async def send_file(self, name: str, content: bytes, caption: OutMessage) -> int:
        """Take a file and its words."""
        self.files.append((name, content))
        return await self.send(caption)

    async def callback(self, callback_id: str, text: str = "") -> None:
        """Take the answer to a tap."""
        await self._answer(None)
        self.callbacks.append((callback_id, text))

    async def typing(self, action: str = "typing") -> None:
        """Take an action."""
        await self._answer(None)
        self.actions.append(action)

    async def pin(self, message_id: int) -> None:
        """Pin what is there."""
        await self._answer(None)
        if message_id not in self.shown:
            raise MessageGone("message to pin not found")
        self.pinned.append(message_id)

    async def unpin(self, message_id: int) -> None:
        """Take a pin away."""
        await self._answer(None)
        if message_id in self.pinned:
            self.pinned.remove(message_id)

    async def set_commands(self, commands: Sequence[tuple[str, str]], language: str = "") -> None:
        """Keep a menu."""
        await self._answer(None)
        self.menus[language] = commands

    async def probe(self) -> None:
        """Answer as everything else."""
        self.probes += 1
        await self._answer(None)

    async def close(self) -> None:
        """Nothing is open."""

    async def _answer(self, message: OutMessage | None) -> None:
        self._clock.busy += 1
        self.requests += 1
        if self.latency_s:
            await self._clock.sleep(self.latency_s)
        if self.failures:
            raise self.failures.pop(0)
        if self.broken is not None:
            raise self.broken
        if message is not None and self.dislikes(message):
            raise Unsendable("Bad Request: strange message")

    async def _take(self, kind: str, message_id: int, message: OutMessage) -> None:
        self.taken.append(Taken(kind, message_id, message, self._clock.mono_ns()))
        self.shown[message_id] = message
        self.after()
        if self.answer_s:
            await self._clock.sleep(self.answer_s)
