"""What the chat's record says was decided, in words; it is kept in English, whoever speaks. Pure.

``told`` knows codes of replies and the phrases the controls write; what it does not know stays.
"""

from collections.abc import Mapping

from bot.pages.pen import clean
from trader.port import Language, ReplyCode, explain_reply

_MAX_CHARS = 160
_RESULT = ", result "

_KO: Mapping[str, str] = {
    "asked to confirm": "확인 버튼을 보냄",
    "acknowledged": "확인했음",
    "already acknowledged": "이미 확인했음",
    "not noted by the engine": "엔진이 기록하지 못함",
    "muted": "알림 끔",
    "told again": "다시 알림",
    "sent": "보냄",
    "not sent": "보내지 못함",
    "done": "적용함",
    # Why nothing was done.
    "nothing done": "하지 않음",
    "the engine does not answer": "엔진이 응답하지 않음",
    "it cannot be noted": "디스크에 기록할 수 없음",
    "no such trade": "그런 거래 없음",
    "nothing is open": "열린 거래 없음",
    "not understood": "이해하지 못함",
    "always critical": "항상 긴급 알림",
    "changed since": "보여 준 뒤 바뀜",
    "unknown": "모르는 버튼",
    "used": "이미 누른 버튼",
    "expired": "시간이 지난 버튼",
    "refused": "거부",
    "only the host raises": "실거래는 호스트에서만",
    "not known": "적용 여부 모름",
    "failed": "처리 실패",
    # What became of a command that did not run as it was given.
    "skipped": "적용되지 않음",
    "too_old": "너무 오래됨",
    "interrupted": "중단됨",
    "crowded": "대기 명령이 너무 많음",
    "outdated": "더 새로운 조치가 있음",
    "applied": "적용함",
    # Why an update is no command.
    "denied": "무시함",
    "malformed": "잘못된 형식",
    "no_chat_configured": "채팅이 설정되지 않음",
    "other_chat": "다른 채팅",
    "other_user": "다른 사용자",
    "other_topic": "다른 토픽",
    "other_bot": "다른 봇에게 한 말",
    "other_instance": "예전 설치의 버튼",
    "forwarded": "전달된 메시지",
    "edited": "수정된 메시지",
    "via_bot": "다른 봇을 거친 메시지",
    "anonymous": "익명 관리자",
    "from_bot": "봇의 메시지",
    "channel": "채널 메시지",
    "inline": "인라인 메시지",
    "business": "비즈니스 메시지",
    "other_kind": "다른 종류의 업데이트",
    "wordless": "글이 없는 메시지",
    "repeated": "다시 전달된 것",
}


def told(decision: str, language: Language) -> str:
    """``HALTED``, ``nothing done: used`` and the like, in words."""
    if decision in ReplyCode.__members__.values():
        return explain_reply(ReplyCode(decision), language)
    decision = clean(decision, _MAX_CHARS)
    if language is not Language.KO:
        return decision.replace("_", " ")
    decision, result, figure = decision.partition(_RESULT)
    words = ": ".join(_KO.get(part, part) for part in decision.split(": "))
    return f"{words}, 결과 {figure}" if result else words
