"""Reasons as they stand in alerts and records: known codes in words, anything else as it is."""

from collections.abc import Mapping

from trader.domain.control import BlockReason, Language
from trader.texts.listing import plain
from trader.texts.reasons import explain_block

_SAY_NOTHING = frozenset({"HALT", "PAPER"})
"""What stands for a halt or a demotion that nobody gave a reason for; the title says as much."""

_EN: Mapping[str, str] = {
    "HALT_FILE": "A .halt file stands on the host.",
    "HALT_LIFTED": "A halt was lifted to paper.",
    "STORE_UNREADABLE": "The stored record could not be read.",
    "CRASH": "The program crashed.",
    "asked to stop": "It was asked to stop.",
    "loops done": "It did as many loops as it was told.",
    "timeout": "No answer came in time.",
    "process ended": "The process ended.",
}

_KO: Mapping[str, str] = {
    "HALT_FILE": "호스트에 .halt 파일이 있습니다.",
    "HALT_LIFTED": "긴급정지를 모의까지 풀었습니다.",
    "STORE_UNREADABLE": "저장된 기록을 읽을 수 없습니다.",
    "CRASH": "프로그램이 비정상 종료되었습니다.",
    "asked to stop": "종료 요청을 받았습니다.",
    "loops done": "정해진 횟수만큼 실행을 마쳤습니다.",
    "timeout": "제때 응답이 없었습니다.",
    "process ended": "프로세스가 끝났습니다.",
}


def say_reason(raw: str, language: Language) -> str:
    """A reason in words, a block's with its code; empty where it says no more than its alert."""
    if raw in _SAY_NOTHING:
        return ""
    if raw in BlockReason.__members__:
        return f"{explain_block(BlockReason[raw], language).sentence} ({raw})"
    return (_KO if language is Language.KO else _EN).get(raw) or plain(raw)
