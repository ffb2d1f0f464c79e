"""One Korean word for each thing an operator acts on, wherever it is said."""

from collections.abc import Sequence

import pytest

from bot.locales import control_ko, pages_ko, sender_words, summary_ko
from bot.pages.decided import told
from trader.domain.control import AlertCode
from trader.port import BlockReason, Language, ReplyCode, explain_block, explain_reply
from trader.texts.alerts_ko import WORDS as ALERTS

KO = Language.KO
PAGES, CONTROLS, SUMMARY = pages_ko.WORDS, control_ko.WORDS, summary_ko.WORDS
KINDS = sender_words(KO).kinds


def replied(code: ReplyCode) -> str:
    """A reply's sentence."""
    return explain_reply(code, KO)


SAID: dict[str, Sequence[str]] = {
    "긴급정지": (
        PAGES["state.halted"],
        PAGES["button.halt"],
        PAGES["command.halt"],
        PAGES["act.halt"],
        CONTROLS["level.HALT"],
        SUMMARY["action.authority halt"],
        KINDS[AlertCode.HALTED],
        ALERTS.texts["halted"].title,
        replied(ReplyCode.HALTED),
        replied(ReplyCode.ALREADY_HALTED),
        explain_block(BlockReason.HALTED, KO).sentence,
    ),
    "신규진입": (
        replied(ReplyCode.PAUSED),
        replied(ReplyCode.RESUMED),
        replied(ReplyCode.NOT_PAUSED),
    ),
    "신규진입 중지": (
        PAGES["state.paused"],
        PAGES["button.pause"],
        PAGES["command.pause"],
        PAGES["act.pause"],
        SUMMARY["action.pause"],
        KINDS[AlertCode.PAUSED],
        ALERTS.texts["paused"].title,
        replied(ReplyCode.ALREADY_PAUSED),
        explain_block(BlockReason.PAUSED, KO).sentence,
    ),
    "모의 전환": (PAGES["command.paper"],),
    "모의로 전환": (replied(ReplyCode.DEMOTED), ALERTS.texts["demoted.not_live"].title),
    "재개": (
        PAGES["command.resume"],
        PAGES["act.resume"],
        CONTROLS["ask.resume"],
        CONTROLS["button.resume"],
        KINDS[AlertCode.RESUMED],
        replied(ReplyCode.RESUMED),
    ),
    "실거래 해제(모의로 전환)": (
        PAGES["state.demoted"],
        PAGES["act.paper"],
        SUMMARY["care.demoted"],
        KINDS[AlertCode.DEMOTED],
        ALERTS.texts["demoted"].title,
        explain_block(BlockReason.DEMOTED, KO).sentence,
    ),
    "일시 보류(자동 복귀)": (PAGES["state.suspended"],),
    "실거래 권한 상실(청산 불가)": (PAGES["state.revoked"],),
    "실거래 권한 상실": (ALERTS.texts["position_unguarded.revoked"].title,),
    "전량 청산": (
        PAGES["command.flatten"],
        PAGES["purpose.flatten"],
        CONTROLS["ask.flatten"],
        CONTROLS["button.flatten"],
    ),
    "청산": (
        PAGES["command.close"],
        PAGES["button.close"],
        PAGES["purpose.close"],
        CONTROLS["ask.close"],
        replied(ReplyCode.CLOSING),
    ),
    "한쪽만 체결": (
        PAGES["position.unhedged"],
        SUMMARY["care.leg_unhedged"],
        KINDS[AlertCode.LEG_UNHEDGED],
        ALERTS.texts["leg_unhedged"].title,
    ),
    "결과 미확인 주문": (
        PAGES["orders.unknown"],
        SUMMARY["care.order_unknown"],
        KINDS[AlertCode.ORDER_UNKNOWN],
        ALERTS.texts["order_unknown"].title,
    ),
    "실현": (PAGES["pnl.realised"], SUMMARY["pnl"]),
    "평가손익": (PAGES["pnl.unrealised"], PAGES["positions.total"], SUMMARY["exposure"]),
    "노출금액": (PAGES["exposure"], SUMMARY["exposure"], ALERTS.texts["rebalance"].lines[0]),
    "보유 재고": (PAGES["balance.empty"], ALERTS.texts["direction_empty"].title),
    "확인했음": (
        PAGES["button.ack"],
        PAGES["alerts.seen"],
        CONTROLS["ack.done"],
        CONTROLS["button.seen"],
        sender_words(KO).acknowledge,
        sender_words(KO).seen,
        told("acknowledged", KO),
    ),
    "호가": (PAGES["data"], ALERTS.texts["feed_stale"].title),
    "드라이런": (
        CONTROLS["ask.then.live"],
        explain_block(BlockReason.DRY_RUN, KO).sentence,
    ),
}


@pytest.mark.parametrize("word", SAID)
def test_is_the_same_everywhere(word: str) -> None:
    """A second word for the same thing reads like another thing."""
    assert [said for said in SAID[word] if word not in said] == []
