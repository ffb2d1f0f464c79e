"""Section: what every part of the settings is. Frozen, and it knows no keys but its own."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of keys. An unknown key is an error; each key's rule stands in its annotation."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        # Nothing in a section changes, so the defaults of its fields need no copies of their own.
        return self
