"""What every alert says in Korean. Names in braces are the alert's fields."""

from collections.abc import Mapping

from trader.texts.entry import AlertText, OrderWords, Words

_NOTHING = "없음."
_TRADE = "{pair}: {direction}"
_ID = "거래 {trade_id}"
_TRANSFER = "{from_venue}에서 {to_venue}(으)로 {amount} {asset} 이체하세요."

_TEXTS: Mapping[str, AlertText] = {
    "stop_loss": AlertText(
        title="손절: {pair}",
        lines=(_TRADE, "가치 변화 {change_krw}, 한도 {limit_krw}", _ID),
        action="청산이 진행 중입니다. 거래가 닫혔다는 알림을 확인하세요. "
        "오지 않으면 두 거래소에서 직접 청산하세요.",
    ),
    "stop_loss.price": AlertText(
        title="손절: {symbol}",
        lines=("{symbol} 가격 {price} {unit}",),
        action="포지션이 청산되었는지 확인하고, 아니면 거래소에서 직접 청산하세요.",
    ),
    "live_blocked": AlertText(
        title="실거래 차단 (LIVE TRADING BLOCKED)",
        lines=("새 거래는 실거래로 나가지 않습니다. 사유:", "{blocks}"),
        action="위의 사유를 모두 해결하세요.",
    ),
    "live_allowed": AlertText(
        title="실거래 허용 (LIVE TRADING ALLOWED)",
        lines=("지금부터 주문이 실제 자금을 움직입니다.",),
        action="의도한 것이면 할 일 없음. 아니면 긴급정지하세요.",
    ),
    "safety_rejection": AlertText(
        title="안전 검증 거부: {check}",
        lines=(
            "{refused}",
            "{pair}: {direction}",
            "측정값 {value}, 한도 {limit}",
            "입력의 문제: {fault}",
            "측정 대상의 나이 {age_ms}",
            "결정 {decision_id}",
        ),
        action="{mend}",
        cleared="거부 해제: {check}",
        cleared_lines=("{pair}: {direction}", "{lasted_ms} 동안 {count}회 거부"),
    ),
    "daily_loss_limit": AlertText(
        title="일일 손실 한도 도달",
        lines=("오늘 손실 {loss_krw}, 한도 {limit_krw}",),
        action="손실 원인을 확인하세요. 이 장부의 진입은 손실이 한도 아래로 내려갈 때까지, "
        "늦어도 서울 자정까지 멈춥니다.",
        cleared="일일 손실이 다시 한도 아래",
    ),
    "trade_opened": AlertText(
        title="진입: {pair}",
        lines=(_TRADE, "진입 금액 {entry_notional_krw}", "스프레드 {spread_pct}", _ID),
        action=_NOTHING,
    ),
    "trade_closed": AlertText(
        title="청산: {pair} {pnl_krw}",
        lines=(
            _TRADE,
            "실현 손익 {pnl_krw} ({pnl_pct}), 수수료 {fees_krw} 포함",
            "진입 금액 {entry_notional_krw}",
            "보유 시간 {held_ms}",
            "사유: {reason}",
            _ID,
        ),
        action=_NOTHING,
    ),
    "rebalance": AlertText(
        title="리밸런싱: {pair}",
        lines=("노출금액 {exposure_krw}, 한도 {limit_krw}", "그중 {share_pct} 청산", _ID),
        action="노출금액이 한도를 넘은 이유를 확인하세요: 인수한 주문 또는 낮춘 한도.",
    ),
    "leg_unhedged": AlertText(
        title="한쪽만 체결: {pair}",
        lines=("{instrument}: {quantity} 단독 보유, 금액 {notional_krw}", _ID),
        action="거래소에서 포지션을 확인하세요. 1분 안에 엔진이 정리하지 못하면 "
        "직접 청산하거나 반대쪽을 거래하세요.",
        cleared="한쪽만 체결 해소: {pair}",
        cleared_lines=(_ID,),
    ),
    "order_unknown": AlertText(
        title="결과 미확인 주문: {client_order_id}",
        lines=("체결되었는지 아직 알 수 없습니다.", "지금까지 체결 {executed}", "{reason}", _ID),
        action="거래소에서 클라이언트 주문 ID로 조회하세요. 절대 다시 보내지 마세요.",
        cleared="주문 결과 확인: {client_order_id}",
        cleared_lines=("현재 {state}, 체결 {executed}", _ID),
    ),
    "order_unknown.quarantined": AlertText(
        title="결과 미확인 주문 격리: {client_order_id}",
        lines=("거래소가 결과를 알려주지 않았습니다.", "지금까지 체결 {executed}", "{reason}", _ID),
        action="처리될 때까지 최악의 경우로 계산합니다. 거래소에서 클라이언트 주문 ID로 조회한 뒤 "
        "호스트에서 실행하세요: deploy/run reconcile --accept {client_order_id}",
    ),
    "feed_stale": AlertText(
        title="호가 지연: {instrument}",
        lines=("마지막 정상 호가 {age_ms} 전", "결함: {flaw}"),
        action="우선 할 일 없음. 이 호가가 필요한 페어는 돌아올 때까지 쉽니다. "
        "계속되면 네트워크와 거래소 공지를 확인하세요.",
    ),
    "feed_recovered": AlertText(
        title="호가 정상: {instrument}",
        lines=("{silent_ms} 동안 끊겼습니다.",),
        action=_NOTHING,
    ),
    "heartbeat_lost": AlertText(
        title="하트비트 끊김: {subject}",
        lines=("마지막 신호 {age_ms} 전",),
        action="프로세스와 호스트가 살아 있는지 확인하고 포지션을 살펴보세요.",
        cleared="하트비트 복구: {subject}",
    ),
    "reconciliation_mismatch": AlertText(
        title="{venue} 기록과 불일치",
        lines=("{message}", "우리 기록 {expected} {asset}, 거래소 {found}"),
        action="거래소 내역과 대조하고, 이유가 확인되면 호스트에서 차이를 승인하세요.",
        cleared="{venue} 기록과 다시 일치",
    ),
    "reconciliation_mismatch.balance": AlertText(
        title="{venue}의 {asset} 잔고가 우리 기록보다 적음",
        lines=(
            "우리 기록 {expected}, 거래소 {found}",
            "지금까지 설명되지 않은 양: {missing} {asset}",
            "추정 원인: {cause}",
        ),
        action="이 잔고가 필요한 실거래 신규진입은 쉬고 청산은 계속됩니다. 거래소의 출금과 주문 "
        "내역을 확인하고, 이유가 확인되면 호스트에서 실행하세요: deploy/run reconcile --accept",
        cleared="{venue}의 {asset} 잔고가 돌아왔거나 차이를 승인함",
        cleared_lines=("실행: {by}",),
    ),
    "reconciliation_mismatch.adopted": AlertText(
        title="기록에서 사라졌던 주문을 넘겨받음",
        lines=("{orders}", _ID),
        action="할 일 없음. 이제부터 계산하고 돌봅니다. 한쪽만 체결된 다리는 되돌립니다.",
    ),
    "system_error": AlertText(
        title="오류: {where}",
        lines=("{message}",),
        action="이 시각 전후의 로그를 읽으세요.",
    ),
    "system_error.fee_changed": AlertText(
        title="수수료 변경: {instrument}",
        lines=("이전 {before_pct}, 현재 {after_pct}. 바로 반영됩니다.",),
        action="거래소의 수수료 등급을 확인하세요. 오르면 신호가 줄어듭니다.",
    ),
    "started": AlertText(
        title="시작: {name}",
        lines=("모드 {mode}, 버전 {version}", "시드 {seed}"),
        action="직접 시작했다면 할 일 없음.",
    ),
    "stopped": AlertText(
        title="종료",
        lines=("{reason}",),
        action="열린 포지션이 있다면 다시 시작하세요. 그동안 지키는 것이 없습니다.",
    ),
    "demoted": AlertText(
        title="실거래 해제(모의로 전환)",
        lines=("{reason}", "실행: {by}"),
        action="새 거래는 모의로 갑니다. 원인을 없애고 호스트에서 확인 파일을 touch 하세요.",
        cleared="실거래 해제 종료",
    ),
    "demoted.not_live": AlertText(
        title="모의로 전환",
        lines=("{reason}", "실행: {by}", "모드 {mode}: 잃은 실거래 없음"),
        action="지금은 없음. 나중에 실거래를 하려면 호스트에서 확인 파일을 다시 touch 하세요.",
    ),
    "halted": AlertText(
        title="긴급정지",
        lines=("{reason}", "실행: {by}", "열린 실거래: {count}건", "{open_trades}"),
        action="아무것도 거래하지 않습니다. 열린 것을 살펴보세요. 재개해도 모의까지만 풀립니다.",
        cleared="긴급정지 해제",
    ),
    "halted.in_flight": AlertText(
        title="긴급정지 당시 진행 중이던 주문: {count}건",
        lines=("{in_flight}",),
        action="기다리세요. 이미 나간 주문은 끝까지 처리되며, 각 주문의 결과를 다시 알려 드립니다.",
    ),
    "halted.ended": AlertText(
        title="긴급정지 당시 진행 중이던 주문의 결과",
        lines=("{ends}",),
        action="지금 열린 것을 살펴보세요. 결과 미확인 주문은 확인될 때까지 따로 알립니다.",
    ),
    "summary": AlertText(
        title="요약",
        lines=("{message}", "손익 {pnl_krw}", "거래 {trades}건", "노출금액 {exposure_krw}"),
        action="주의할 점을 읽으세요.",
    ),
    "breaker_tripped": AlertText(
        title="차단기 작동: {breaker}",
        lines=("{tripped}", "대상 {subject}", "측정값 {value}, 한도 {limit}"),
        action="{mend}",
        cleared="차단기 해제: {breaker}",
        cleared_lines=("대상 {subject}",),
    ),
    "closing_stuck": AlertText(
        title="청산 지연: {pair}",
        lines=("{purpose} 주문이 {waited_ms} 동안 나가지 못했습니다.", "{checks}", _ID),
        action="엔진이 계속 시도합니다. 급하면 두 거래소에서 직접 청산하세요.",
        cleared="청산 주문 나감: {pair}",
        cleared_lines=(_ID,),
    ),
    "direction_empty": AlertText(
        title="보유 재고 부족: {pair}",
        lines=(_TRADE, "거래를 한 번 더 할 수 없습니다."),
        action=_TRANSFER,
        cleared="다시 거래 가능: {pair}",
        cleared_lines=(_TRADE,),
    ),
    "inventory_skew": AlertText(
        title="보유 재고 쏠림: {asset}",
        lines=("한 거래소가 {share_pct} 보유 중입니다.",),
        action=_TRANSFER,
        cleared="보유 재고 균형 회복: {asset}",
    ),
    "position_unguarded": AlertText(
        title="실거래 포지션을 지키는 것이 없음",
        lines=("장부의 실거래 포지션: {count}", "{orders}", "{reason}"),
        action="거래소에서 직접 청산하거나 실거래를 되살리세요.",
        cleared="실거래 포지션 다시 보호됨",
    ),
    "position_unguarded.revoked": AlertText(
        title="실거래 권한 상실: 직접 청산할 포지션 {count}건",
        lines=("{hand_orders}", "실거래 청산 주문을 낼 수 없습니다: {why}"),
        action="위의 주문을 거래소에서 직접 내거나 원인을 없애세요. 둘 다 하지는 마세요.",
        cleared="더 이상 직접 낼 주문 없음",
        cleared_lines=("아직 열린 실거래 포지션: {legs}건",),
    ),
    "dust": AlertText(
        title="소액 잔량을 보유 재고로 이동",
        lines=("{instrument}: {quantity}, 원가 {cost_krw}", _ID),
        action="없음. 거래소 최소 금액보다 작았습니다.",
    ),
    "paused": AlertText(
        title="신규진입 중지",
        lines=("실행: {by}", "{reason}", "범위: {scope}", "끝: {until_ns}"),
        action="청산은 계속됩니다. 새 거래를 원하면 재개하세요.",
    ),
    "paused.ends_soon": AlertText(
        title="신규진입 중지가 곧 끝남",
        lines=("범위: {scope}", "{until_ns}에 신규진입이 다시 시작됩니다."),
        action="계속 중지하려면 연장하세요.",
    ),
    "resumed": AlertText(
        title="재개",
        lines=("실행: {by}", "범위: {scope}"),
        action=_NOTHING,
    ),
}

WORDS = Words(
    texts=_TEXTS,
    purposes={
        "open": "진입",
        "complete": "반대쪽 채우기",
        "exit": "목표 도달 청산",
        "stop_loss": "손절",
        "unwind": "되돌리기",
        "rebalance": "리밸런싱",
        "flatten": "운영자의 전량 청산",
        "close": "운영자의 청산",
    },
    ledgers={"live": "[실거래]", "paper": "[모의]"},
    to_do="할 일: ",
    nothing=_NOTHING,
    direction="{sold} 매도, {bought} 매수",
    and_more="… 외 {count}건: {codes}",
    causes={
        "first": "처음 대조하는 잔고",
        "in_flight": "우리 주문이 진행 중이거나 방금 끝남",
        "rounding": "반올림",
        "deposit": "입금, 이자 또는 보상",
        "our_orders": "마지막으로 일치한 뒤 우리 주문이 이 잔고를 움직임. 체결 내역을 대조하세요",
        "own_orders": "직접 낸 주문",
        "withdrawal": "출금",
    },
    orders=OrderWords(
        order="{venue}: {asset} {quantity} {side}",
        sides={"buy": "매수", "sell": "매도"},
        at_limit="@ {price} (지정가)",
        at_mid="@ {price} (마지막 중간가, {age} 전)",
        at_market="시장가 (시세 없음)",
        filled="평균 {price}에 체결",
        filled_partly="{quantity} 중 {executed} 평균 {price}에 체결, {state}",
        unfilled="{state}, 체결 없음",
        states={
            "planned": "전송 예정",
            "sending": "전송 중",
            "acknowledged": "거래소 접수",
            "partial": "일부 체결",
            "filled": "체결",
            "cancelled": "취소됨",
            "expired": "만료됨",
            "rejected": "거래소가 거부",
            "blocked": "게이트에서 차단",
            "unknown": "결과 미확인",
            "quarantined": "결과 미확인",
        },
        more="… 외 {count}건",
    ),
)
