"""What a command led to, in a sentence; English and Korean are equals."""

from collections.abc import Mapping

from trader.domain.control import Language, ReplyCode

_C = ReplyCode

_EN: Mapping[ReplyCode, str] = {
    _C.PAUSED: "entries paused",
    _C.PAUSE_CHANGED: "entries stay paused, with another end",
    _C.ALREADY_PAUSED: "entries were paused already",
    _C.PAUSE_OVER: "not paused: the pause was over before it began",
    _C.SCOPE_UNKNOWN: "no such venue or pair; allowed",
    _C.RESUMED: "entries resumed",
    _C.NOT_PAUSED: "entries were not paused",
    _C.HALTED: "halted",
    _C.ALREADY_HALTED: "already halted",
    _C.DEMOTED: "demoted to PAPER",
    _C.DEMOTED_GUARDED: (
        "demoted to PAPER; stops and exits of live positions go on live"
        " while env flag and confirm file stand"
    ),
    _C.DEMOTED_UNGUARDED: (
        "demoted to PAPER; live positions stand and no live closing may leave: close them by hand"
    ),
    _C.ALREADY_PAPER: "already at PAPER",
    _C.HALT_IS_STRICTER: "halted, which is stricter",
    _C.HALT_LIFTED: "halt lifted to PAPER; for live, touch the confirm file now",
    _C.PAUSE_LIFTED: "pause lifted",
    _C.NOTHING_TO_LIFT: "nothing to lift: neither halted nor paused",
    _C.HALT_FILE_STANDS: "not lifted: a .halt file stands; remove it first",
    _C.HALTED_AGAIN: "not lifted: it was halted again meanwhile",
    _C.AUTHORITY_CHANGED: "not lifted: authority changed meanwhile; look, then resume again",
    _C.RESUMED_SINCE: "nothing done: entries were resumed after this was written",
    _C.LIFTED_SINCE: "nothing done: a halt was lifted after this was written",
    _C.LIVE_SINCE: "nothing done: the host raised live after this was written",
    _C.PAUSED_SINCE: "nothing done: entries were paused after this was written",
    _C.HALTED_SINCE: "nothing done: it was halted after this was written",
    _C.DEMOTED_SINCE: "nothing done: it was demoted after this was written",
    _C.CLOSING: "closing",
    _C.ALREADY_CLOSING: "already closing",
    _C.NOTHING_OPEN: "nothing is open in this ledger",
    _C.NOT_OPEN: "no open trade has this id",
    _C.CHANGED_SINCE: "nothing done: trades or authority changed since they were shown; look again",
    _C.LOSS_GREW: "nothing done: the result is worse than the one that was shown; look again",
    _C.NO_PRICES: "nothing done: no fresh prices to compare with the result shown; look again",
    _C.NOT_SENSED: "nothing done: the engine has just started and knows no venue yet; try again",
    _C.NOTHING_GOES: "nothing done: after halt now no order leaves; lift the halt first",
    _C.CLOSINGS_REVOKED: (
        "nothing done: live closings are revoked; place the ready orders by hand or mend the cause"
    ),
    _C.ACCEPTED: "accepted",
    _C.ASKING_VENUE: "its venue is asked once more, and what it shows is recorded",
    _C.NOTHING_TO_ACCEPT: "nothing to accept: no such difference stands",
    _C.NOT_QUARANTINED: "nothing done: this order is not quarantined",
}

_KO: Mapping[ReplyCode, str] = {
    _C.PAUSED: "신규진입을 중지했습니다",
    _C.PAUSE_CHANGED: "신규진입 중지를 유지하고 끝나는 시각을 바꿨습니다",
    _C.ALREADY_PAUSED: "이미 신규진입 중지 상태입니다",
    _C.PAUSE_OVER: "중지하지 않았습니다: 시작하기도 전에 끝나는 시각이 지났습니다",
    _C.SCOPE_UNKNOWN: "그런 거래소나 페어가 없습니다. 가능한 값",
    _C.RESUMED: "신규진입을 재개했습니다",
    _C.NOT_PAUSED: "신규진입이 중지되어 있지 않았습니다",
    _C.HALTED: "긴급정지했습니다",
    _C.ALREADY_HALTED: "이미 긴급정지 상태입니다",
    _C.DEMOTED: "모의로 전환했습니다",
    _C.DEMOTED_GUARDED: (
        "모의로 전환했습니다. 환경 변수와 확인 파일이 있는 동안"
        " 실거래 포지션의 손절과 청산은 실거래로 계속됩니다"
    ),
    _C.DEMOTED_UNGUARDED: (
        "모의로 전환했습니다. 열린 실거래 포지션이 있지만 실거래 청산 주문을 낼 수 없으니"
        " 직접 청산하세요"
    ),
    _C.ALREADY_PAPER: "이미 모의 상태입니다",
    _C.HALT_IS_STRICTER: "더 엄격한 긴급정지 상태입니다",
    _C.HALT_LIFTED: "긴급정지를 모의까지 풀었습니다. 실거래를 원하면 지금 확인 파일을 touch 하세요",
    _C.PAUSE_LIFTED: "신규진입 중지를 풀었습니다",
    _C.NOTHING_TO_LIFT: "풀 것이 없습니다: 긴급정지도 신규진입 중지도 아닙니다",
    _C.HALT_FILE_STANDS: "풀지 않았습니다: .halt 파일이 있습니다. 먼저 지우세요",
    _C.HALTED_AGAIN: "풀지 않았습니다: 그사이 다시 긴급정지되었습니다",
    _C.AUTHORITY_CHANGED: "풀지 않았습니다: 그사이 권한이 바뀌었습니다. 확인하고 다시 재개하세요",
    _C.RESUMED_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 신규진입이 재개되었습니다",
    _C.LIFTED_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 긴급정지가 풀렸습니다",
    _C.LIVE_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 호스트가 실거래를 켰습니다",
    _C.PAUSED_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 신규진입이 중지되었습니다",
    _C.HALTED_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 긴급정지되었습니다",
    _C.DEMOTED_SINCE: "아무것도 하지 않았습니다: 이 말을 쓴 뒤 실거래가 해제되었습니다",
    _C.CLOSING: "청산을 시작했습니다",
    _C.ALREADY_CLOSING: "이미 청산 중입니다",
    _C.NOTHING_OPEN: "이 장부에는 열린 거래가 없습니다",
    _C.NOT_OPEN: "이 ID의 열린 거래가 없습니다",
    _C.CHANGED_SINCE: (
        "아무것도 하지 않았습니다: 보여 드린 뒤 거래나 권한이 바뀌었습니다. 다시 확인하세요"
    ),
    _C.LOSS_GREW: "아무것도 하지 않았습니다: 보여 드린 것보다 결과가 나빠졌습니다. 다시 확인하세요",
    _C.NO_PRICES: "아무것도 하지 않았습니다: 비교할 최신 호가가 없습니다. 다시 확인하세요",
    _C.NOT_SENSED: (
        "아무것도 하지 않았습니다: 엔진이 막 시작되어 아직 거래소를 모릅니다. 다시 시도하세요"
    ),
    _C.NOTHING_GOES: (
        "아무것도 하지 않았습니다: 즉시 긴급정지 뒤에는 주문이 나가지 않습니다."
        " 먼저 긴급정지를 푸세요"
    ),
    _C.CLOSINGS_REVOKED: (
        "아무것도 하지 않았습니다: 실거래 권한을 잃어 청산할 수 없습니다."
        " 알려 드린 주문을 직접 내거나 원인을 없애세요"
    ),
    _C.ACCEPTED: "차이를 승인했습니다",
    _C.ASKING_VENUE: "거래소에 한 번 더 조회하고, 나온 결과를 기록합니다",
    _C.NOTHING_TO_ACCEPT: "승인할 것이 없습니다: 그런 차이가 없습니다",
    _C.NOT_QUARANTINED: "아무것도 하지 않았습니다: 격리된 주문이 아닙니다",
}


def explain_reply(code: ReplyCode, language: Language) -> str:
    """What a command led to; a sentence without its stop, for figures to follow."""
    return (_KO if language is Language.KO else _EN)[code]
