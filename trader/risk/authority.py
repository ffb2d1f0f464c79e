"""Authority: what people permit. HALT < PAPER < LIVE, durable and latched. Pure transitions.

Anyone allowed may lower it. Only the host raises it to LIVE, by a confirm file touched after the
last latch while nothing that would lower it stands. No command, restart or recovery raises it.
"""

from trader.domain.authority import HALT_LIFTED, UNSEEN, Authority, FileMark, Latch, Level, Sight


def arms(authority: Authority, sight: Sight) -> bool:
    """Whether the file stands and was touched since the last latch.

    Both times must differ from those recorded: ``chmod`` and ``chown`` move only ctime. Without a
    latch it is enough that the file is there. No clocks are compared.
    """
    return sight.stands and _is_touched(authority, sight)


def halt(authority: Authority, who: str, reason: str, sight: Sight, *, now: bool) -> Authority:
    """Forbid everything. A repeat changes nothing, except that ``now`` makes it stricter."""
    if authority.level is Level.HALT and (authority.nothing_goes or not now):
        return authority
    if authority.level is Level.HALT:
        return _revised(authority, nothing_goes=True)
    latch = Latch(reason or "HALT", who, sight.at_ns, sight.mark)
    return Authority(Level.HALT, authority.revision + 1, latch, now)


def to_paper(authority: Authority, who: str, reason: str, sight: Sight) -> Authority:
    """Demote to paper. A touch made before it does not arm after it; a halt stays a halt."""
    if authority.level is Level.HALT:
        return authority
    latch = authority.latch
    if authority.level is Level.PAPER and latch is not None and latch.seen == sight.mark:
        return authority
    return _latched(authority, who, reason or "PAPER", sight.at_ns, sight.mark)


def lift_halt(authority: Authority, who: str, revision: int, sight: Sight) -> Authority:
    """Lift a halt to PAPER, which is itself a latch: the file must be touched after it.

    Nothing changes while a ``.halt`` file stands, when nothing is halted, or when ``revision`` is
    not the halt's own: a newer halt was not what the operator answered.
    """
    if authority.level is not Level.HALT or sight.halt_file or revision != authority.revision:
        return authority
    return _latched(authority, who, HALT_LIFTED, sight.at_ns, sight.mark)


def after_start(authority: Authority, sight: Sight, *, crashed: bool) -> Authority:
    """What a start makes of the record: a crash takes LIVE, a ``.halt`` file halts."""
    if crashed and authority.level is Level.LIVE:
        authority = _latched(authority, "host", "CRASH", sight.at_ns, sight.mark)
    if sight.halt_file:
        authority = halt(authority, "host", "HALT_FILE", sight, now=False)
    return authority


def after_look(
    authority: Authority, sight: Sight, *, lost: tuple[str, ...], causes: bool, ready: bool
) -> Authority:
    """What one look at the host makes of the record, in live mode.

    ``lost`` are the reasons, held since start and now gone, that lower a LIVE authority. ``causes``
    says whether anything whose loss demotes, revokes or halts is known to fail now, held before or
    not; ``ready`` that all of it is known to hold.
    """
    if sight.halt_file:
        return halt(authority, "host", "HALT_FILE", sight, now=False)
    if authority.level is Level.HALT:
        return authority
    if authority.level is Level.LIVE:
        if lost:
            return _latched(authority, "engine", lost[0], sight.at_ns, sight.mark)
        return authority
    if not _is_touched(authority, sight):
        return authority
    latch = authority.latch
    # Also where the file is no longer one to be trusted: that is a cause, and mending it no touch.
    # And where the latch could not see the file: then its first sight proves no touch.
    if latch is not None and (causes or _from_the_future(sight) or latch.seen == UNSEEN):
        # Seen too early: this very touch will not count later either.
        spent = Latch(latch.reason, latch.who, latch.at_ns, sight.mark)
        return _revised(authority, latch=spent, used_up=True)
    if not (ready and sight.stands):
        return authority
    return Authority(Level.LIVE, authority.revision + 1)


def _is_touched(authority: Authority, sight: Sight) -> bool:
    """Whether the file, to be trusted or not, is another than the latch saw."""
    mark, latch = sight.mark, authority.latch
    if mark is None or mark == UNSEEN:
        return False
    if latch is None or latch.seen is None:
        return True
    return mark.ctime_ns != latch.seen.ctime_ns and mark.mtime_ns != latch.seen.mtime_ns


def _from_the_future(sight: Sight) -> bool:
    mark = sight.mark
    return mark is not None and max(mark.ctime_ns, mark.mtime_ns) > sight.at_ns


def _latched(
    authority: Authority, who: str, reason: str, at_ns: int, seen: FileMark | None
) -> Authority:
    return Authority(Level.PAPER, authority.revision + 1, Latch(reason, who, at_ns, seen))


def _revised(
    authority: Authority,
    *,
    latch: Latch | None = None,
    nothing_goes: bool | None = None,
    used_up: bool = False,
) -> Authority:
    return Authority(
        authority.level,
        authority.revision + 1,
        latch or authority.latch,
        authority.nothing_goes if nothing_goes is None else nothing_goes,
        used_up or authority.used_up,
    )
