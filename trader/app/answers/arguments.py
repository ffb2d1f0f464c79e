"""Arguments of questions, read strictly: what does not fit is refused with what is allowed."""

from collections.abc import Mapping, Sequence

from trader.domain.errors import PortError

_MAX_CHARS = 64


class Given:
    """What came with one question."""

    def __init__(
        self, question: str, arguments: Mapping[str, object], known: Sequence[str] = ()
    ) -> None:
        """Refuse what the question does not take.

        Raises:
            PortError: an argument is not one of ``known``.
        """
        self._question = question
        self._arguments = arguments
        for name in arguments:
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise PortError(
                    f"question {question!r}: argument {name!r} is not known; allowed: {allowed}"
                )

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``.

        Raises:
            PortError: it is none.
        """
        value = self._arguments.get(name, default)
        if type(value) is not int or not least <= value <= most:
            raise self._refused(name, value, f"a whole number from {least} to {most}")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of ``allowed``.

        Raises:
            PortError: it is none of them.
        """
        value = self._arguments.get(name, default)
        if not isinstance(value, str) or value not in allowed:
            raise self._refused(name, value, ", ".join(filter(None, allowed)))
        return value

    def text(self, name: str) -> str:
        """A short text, empty where it is not given.

        Raises:
            PortError: it is none, or longer than 64 characters.
        """
        value = self._arguments.get(name, "")
        if not isinstance(value, str) or len(value) > _MAX_CHARS:
            raise self._refused(name, value, f"a text of at most {_MAX_CHARS} characters")
        return value

    def _refused(self, name: str, value: object, allowed: str) -> PortError:
        shown = repr(value)[:_MAX_CHARS]
        return PortError(f"question {self._question!r}: {name} is {shown}; allowed: {allowed}")
