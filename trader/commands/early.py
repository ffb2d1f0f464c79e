"""The lock of a state that exists, taken before a credential is read or much is loaded."""

from pathlib import Path

import yaml

from trader.ops.lease import StateLock

_DEFAULT_CONFIG, _DEFAULT_STATE = Path("config/live.yml"), "state"
_MAX_CONFIG_BYTES = 1 << 20


def early_lock(config: Path | None) -> StateLock | None:
    """Lock the state directory the config names, if an engine ever worked there; else None.

    The config is only peeked into: whatever is wrong with it is said by those who read it whole,
    and a state that does not exist yet is made by nobody but a sound start.

    Raises:
        AlreadyRunning: another engine works on this state.
        ConfigError: the state directory cannot be used.
    """
    state_dir = Path(_state_dir(config or _DEFAULT_CONFIG))
    return StateLock.acquire(state_dir) if (state_dir / "lock").is_file() else None


def _state_dir(config: Path) -> str:
    try:
        with config.open("rb") as stream:
            tree = yaml.load(stream.read(_MAX_CONFIG_BYTES), Loader=yaml.BaseLoader)
        named = tree["engine"]["state_dir"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, RecursionError):
        return _DEFAULT_STATE
    return named if isinstance(named, str) and named and "\0" not in named else _DEFAULT_STATE
