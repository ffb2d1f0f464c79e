"""The live gate's predicates in a few words, read forward: what each of them asks for.

A code says what is wrong; a name says what should be so, and fits a passing row as well.
"""

from collections.abc import Mapping

from trader.domain.control import BlockReason as Block
from trader.domain.control import Language
from trader.texts.entry import Explanation

UNITS: Mapping[Block, str] = {
    Block.KEY_SCOPE_STALE: "h",
    Block.CONFIRM_FILE_EXPIRED: "h",
    Block.DISK_LOW: "MB",
    Block.FEEDS_STALE: "pairs",
    Block.REDIS_STALE: "ms",
    Block.CLOCK_SKEWED: "ms",
    Block.LOOP_SLOW: "ms",
    Block.DRY_RUN: "cycles",
}
"""Units of the predicates whose value and limit are figures; the others are words."""

_EN: Mapping[Block, str] = {
    Block.MODE_NOT_LIVE: "mode.current is live",
    Block.ENV_FLAG_MISSING: "env flag LIVE_TRADING",
    Block.CONFIRM_FILE_MISSING: "confirm file stands",
    Block.CONFIRM_FILE_UNSAFE: "confirm file is safe",
    Block.CONFIRM_FILE_NOT_ARMED: "confirm file arms",
    Block.CONFIRM_FILE_EXPIRED: "confirm file is young",
    Block.LOCK_NOT_HELD: "account lock held",
    Block.LEASE_NOT_HELD: "account lease held",
    Block.KEY_SCOPE_TOO_WIDE: "keys cannot withdraw",
    Block.KEY_SCOPE_UNKNOWN: "key rights were asked",
    Block.KEY_SCOPE_STALE: "key rights asked lately",
    Block.HALTED: "no halt",
    Block.DEMOTED: "no latch at paper",
    Block.PAUSED: "entries not paused",
    Block.BREAKER_TRIPPED: "no breaker tripped",
    Block.SAFETY_FAILED: "safety limits hold",
    Block.DISK_LOW: "disk free",
    Block.OPERATOR_UNREACHABLE: "operator reachable",
    Block.OPERATOR_CREDENTIALS: "Telegram credentials",
    Block.FEEDS_STALE: "order books fresh",
    Block.REDIS_STALE: "Redis heartbeat",
    Block.CLOCK_SKEWED: "clock skew to the venues",
    Block.NOT_RECONCILED: "reconciled with venues",
    Block.LOOP_SLOW: "loop lag",
    Block.DRY_RUN: "dry run done",
}

_KO: Mapping[Block, str] = {
    Block.MODE_NOT_LIVE: "mode.current 가 live",
    Block.ENV_FLAG_MISSING: "환경 변수 LIVE_TRADING",
    Block.CONFIRM_FILE_MISSING: "확인 파일 있음",
    Block.CONFIRM_FILE_UNSAFE: "확인 파일 안전",
    Block.CONFIRM_FILE_NOT_ARMED: "확인 파일 유효",
    Block.CONFIRM_FILE_EXPIRED: "확인 파일 나이",
    Block.LOCK_NOT_HELD: "계정 잠금 보유",
    Block.LEASE_NOT_HELD: "계정 임대 보유",
    Block.KEY_SCOPE_TOO_WIDE: "키에 출금 권한 없음",
    Block.KEY_SCOPE_UNKNOWN: "키 권한 확인함",
    Block.KEY_SCOPE_STALE: "키 권한 확인 시점",
    Block.HALTED: "긴급정지 없음",
    Block.DEMOTED: "실거래 해제 없음",
    Block.PAUSED: "신규진입 중지 없음",
    Block.BREAKER_TRIPPED: "차단기 작동 없음",
    Block.SAFETY_FAILED: "안전 한도 지킴",
    Block.DISK_LOW: "디스크 여유",
    Block.OPERATOR_UNREACHABLE: "운영자 연락 가능",
    Block.OPERATOR_CREDENTIALS: "텔레그램 자격 정보",
    Block.FEEDS_STALE: "최신 호가",
    Block.REDIS_STALE: "Redis 하트비트",
    Block.CLOCK_SKEWED: "거래소와 시계 차이",
    Block.NOT_RECONCILED: "거래소와 대조함",
    Block.LOOP_SLOW: "루프 지연",
    Block.DRY_RUN: "드라이런 완료",
}

_UNREACHABLE: Mapping[Language, Explanation] = {
    Language.EN: Explanation(
        "Without Telegram's credentials nobody can be reached by chat.",
        "Give the token and the chat id first (see OPERATOR_CREDENTIALS).",
    ),
    Language.KO: Explanation(
        "텔레그램 자격 정보가 없어 운영자에게 연락할 수 없습니다.",
        "토큰과 채팅 ID를 먼저 설정하세요(OPERATOR_CREDENTIALS 참고).",
    ),
}

_LATER: Mapping[Language, str] = {
    Language.EN: "Only a run can settle this.",
    Language.KO: "실행해야 알 수 있습니다.",
}


def name_block(reason: Block, language: Language) -> str:
    """What a predicate of the live gate asks for, in a few words."""
    return (_KO if language is Language.KO else _EN)[reason]


def explain_unreachable(language: Language) -> Explanation:
    """Why an operator without credentials is out of reach; that never mends itself."""
    return _UNREACHABLE[language]


def say_later(language: Language) -> str:
    """What is said of a predicate nobody has sensed yet, in place of why it fails."""
    return _LATER[language]
