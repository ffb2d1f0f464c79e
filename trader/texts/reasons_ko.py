"""Korean sentences for every reason that blocks, refuses or trips."""

from collections.abc import Mapping

from trader.domain.control import BlockReason as Block
from trader.domain.control import CheckName as Check
from trader.domain.facts import BreakerCode as Breaker
from trader.texts.entry import Explanation

BLOCKS: Mapping[Block, Explanation] = {
    Block.MODE_NOT_LIVE: Explanation(
        "설정이 실거래 모드가 아닙니다.", "mode.current: live 로 바꾸고 다시 시작하세요."
    ),
    Block.ENV_FLAG_MISSING: Explanation(
        "프로세스를 시작한 환경에 LIVE_TRADING=1 이 없습니다.",
        "종료한 뒤 export LIVE_TRADING=1 하고 다시 시작하세요.",
    ),
    Block.CONFIRM_FILE_MISSING: Explanation(
        "확인 파일이 없습니다.", "작업 디렉터리에서 touch .live_trading_ok 하세요."
    ),
    Block.CONFIRM_FILE_UNSAFE: Explanation(
        "확인 파일이 링크이거나, 다른 사용자의 것이거나, 다른 사용자가 쓸 수 있습니다.",
        "누가 만들었는지 확인하고 지운 뒤, 이 사용자로 새로 만드세요.",
    ),
    Block.CONFIRM_FILE_NOT_ARMED: Explanation(
        "실거래가 마지막으로 해제된 뒤 확인 파일을 다시 만들지 않았습니다.",
        "원인을 먼저 없애고 확인 파일을 다시 touch 하세요.",
    ),
    Block.CONFIRM_FILE_EXPIRED: Explanation(
        "확인 파일이 live_guards.confirm_max_age_hours 보다 오래되었습니다.",
        "상태를 살펴본 뒤 확인 파일을 다시 touch 하세요.",
    ),
    Block.LOCK_NOT_HELD: Explanation(
        "이 호스트의 다른 프로세스가 이 계정을 쓰고 있습니다.",
        "다른 프로세스를 종료하세요. 한 계정은 한 프로세스만 거래합니다.",
    ),
    Block.LEASE_NOT_HELD: Explanation(
        "다른 호스트가 이 계정의 임대(lease)를 갖고 있습니다.",
        "그쪽 엔진을 종료하거나, 이쪽은 대기하게 두세요.",
    ),
    Block.KEY_SCOPE_TOO_WIDE: Explanation(
        "거래소 키에 출금 또는 이체 권한이 있습니다.",
        "조회와 주문만 가능한 키를 새로 만들고 기존 키는 삭제하세요.",
    ),
    Block.KEY_SCOPE_UNKNOWN: Explanation(
        "거래소 키의 권한을 아직 알 수 없습니다.",
        "거래소 API를 확인하세요. 조회할 수 없는 곳은 설정에서 키를 직접 보증하세요.",
    ),
    Block.KEY_SCOPE_STALE: Explanation(
        "48시간 동안 거래소 키의 권한을 확인하지 못했습니다.",
        "거래소 API와 네트워크를 확인한 뒤 확인 파일을 touch 하세요.",
    ),
    Block.HALTED: Explanation(
        "운영자가 긴급정지했습니다.", "호스트에서 긴급정지를 풀고 확인 파일을 touch 하세요."
    ),
    Block.DEMOTED: Explanation(
        "실거래 해제(모의로 전환) 상태입니다.", "원인을 없애고 확인 파일을 touch 하세요."
    ),
    Block.PAUSED: Explanation("운영자가 신규진입 중지를 걸었습니다.", "재개하세요."),
    Block.BREAKER_TRIPPED: Explanation(
        "차단기가 작동했습니다.", "작동 원인을 확인하세요. 원인이 사라지면 풀립니다."
    ),
    Block.SAFETY_FAILED: Explanation(
        "오늘 손실, 노출금액, 열린 거래 수 중 한도를 지키지 못한 것이 있습니다.",
        "한도 아래로 내려갈 때까지 기다리거나 거래를 청산하세요.",
    ),
    Block.DISK_LOW: Explanation(
        "디스크 여유 공간이 engine.min_disk_free_mb 보다 적습니다.", "디스크 공간을 확보하세요."
    ),
    Block.OPERATOR_UNREACHABLE: Explanation(
        "텔레그램이 너무 오래 응답하지 않아 긴급정지를 받을 수 없습니다.",
        "네트워크와 텔레그램을 확인하세요. 저절로 돌아옵니다.",
    ),
    Block.OPERATOR_CREDENTIALS: Explanation(
        "텔레그램을 켰지만 토큰이나 채팅 ID가 없거나 거부되었습니다.",
        "TELEGRAM_BOT_TOKEN 과 TELEGRAM_CHAT_ID 를 설정하고 다시 시작하세요.",
    ),
    Block.FEEDS_STALE: Explanation(
        "호가가 모두 최신인 페어가 하나도 없습니다.",
        "네트워크와 거래소를 확인하세요. 저절로 돌아옵니다.",
    ),
    Block.REDIS_STALE: Explanation(
        "Redis가 정해진 시간 안에 응답하지 않았습니다.", "Redis를 확인하세요. 저절로 돌아옵니다."
    ),
    Block.CLOCK_SKEWED: Explanation(
        "이 호스트의 시계가 거래소와 다르거나 갑자기 바뀌었습니다.",
        "시간 동기화(NTP)를 확인하세요.",
    ),
    Block.NOT_RECONCILED: Explanation(
        "우리 기록과 거래소 기록을 아직 대조하지 않았습니다.",
        "기다리세요. 계속되면 로그에서 거래소 연결을 확인하세요.",
    ),
    Block.LOOP_SLOW: Explanation("제어 루프가 허용보다 느립니다.", "이 호스트의 부하를 줄이세요."),
    Block.DRY_RUN: Explanation(
        "드라이런이 끝나지 않았습니다.", "기다리세요. 나머지 조건이 모두 맞으면 저절로 진행됩니다."
    ),
}

CHECKS: Mapping[Check, Explanation] = {
    Check.CONFIDENCE: Explanation(
        "신호의 신뢰도가 부족합니다.", "할 일 없음. 더 나은 신호를 기다립니다."
    ),
    Check.SLIPPAGE: Explanation(
        "예상 슬리피지가 너무 큽니다.", "기다리거나 strategy.position_size_krw 를 줄이세요."
    ),
    Check.POSITION_SIZE: Explanation(
        "한쪽 주문의 금액이 포지션 한도 이상입니다.",
        "strategy.position_size_krw 를 줄이거나 safety.max_position_size_krw 를 올리세요.",
    ),
    Check.DAILY_LOSS: Explanation(
        "오늘 손실이 한도에 도달했습니다.",
        "손실 원인을 확인하세요. 늦어도 서울 자정에 진입이 돌아옵니다.",
    ),
    Check.NET_PROFIT: Explanation(
        "모든 비용을 빼면 남는 것이 너무 적습니다.",
        "할 일 없음. 더 넓은 스프레드를 기다립니다.",
    ),
    Check.LIQUIDITY: Explanation(
        "중간가 근처의 호가 잔량이 너무 적습니다.",
        "할 일 없음. 호가가 두꺼워지기를 기다립니다.",
    ),
    Check.ORDER_DELAY: Explanation(
        "신호에서 주문까지 너무 오래 걸렸습니다.",
        "이 호스트의 부하를 줄이고 루프 지연을 확인하세요.",
    ),
    Check.PRICE_COLLAR: Explanation(
        "지정가가 호가 중간에서 너무 멉니다.",
        "거래소 호가를 확인하세요. 얇거나 깨졌을 수 있습니다.",
    ),
    Check.EXIT_COLLAR: Explanation(
        "청산 가격이 호가 중간에서 너무 멉니다.",
        "거래소 호가를 확인하세요. 급하면 직접 청산하세요.",
    ),
    Check.VENUE_GAP: Explanation(
        "두 거래소의 가격 차이가 믿기 어려울 만큼 큽니다.",
        "두 거래소의 입출금 상태와 공지를 확인하세요.",
    ),
    Check.EXPOSURE: Explanation(
        "노출금액이 한도를 넘게 됩니다.", "거래가 청산되기를 기다리거나 하나를 청산하세요."
    ),
    Check.REBALANCER_EXPOSURE: Explanation(
        "노출금액이 리밸런서 한도를 넘게 됩니다.",
        "거래가 청산되기를 기다리거나 하나를 청산하세요.",
    ),
    Check.OPEN_TRADES: Explanation(
        "열린 거래 수가 한도에 도달했습니다.",
        "거래가 청산되기를 기다리거나 하나를 청산하세요.",
    ),
    Check.ORDER_RATE: Explanation(
        "이번 1분의 주문 수가 한도에 도달했습니다.",
        "1분 기다리세요. 반복되면 왜 주문이 잦은지 확인하세요.",
    ),
    Check.BALANCE: Explanation(
        "사용 가능한 잔고가 주문에 부족합니다.", "해당 거래소로 코인이나 자금을 옮기세요."
    ),
    Check.STOP_RESERVE: Explanation(
        "열린 거래를 손절가에서 청산할 여유 자금이 부족해집니다.",
        "되사는 거래소에 원화나 달러를 더하세요.",
    ),
    Check.VENUE_MINIMUM: Explanation(
        "주문이 거래소 최소 금액보다 작습니다.", "strategy.position_size_krw 를 올리세요."
    ),
    Check.TICK: Explanation(
        "가격이 거래소 호가 단위에 맞지 않습니다.",
        "제보해 주세요. 가격은 이 검사 전에 맞춰져야 합니다.",
    ),
    Check.LOT: Explanation(
        "수량이 거래소 수량 단위에 맞지 않습니다.",
        "제보해 주세요. 수량은 이 검사 전에 맞춰져야 합니다.",
    ),
    Check.BOOK_VALID: Explanation(
        "호가가 역전되었거나 같거나 한쪽이 비었습니다.",
        "할 일 없음. 정상 호가를 기다립니다.",
    ),
    Check.BOOK_AGE: Explanation(
        "호가가 제때 확인되지 않았습니다.", "네트워크와 거래소를 확인하세요."
    ),
    Check.BOOK_SKEW: Explanation(
        "두 호가의 시각 차이가 너무 큽니다.", "할 일 없음. 느린 거래소를 기다립니다."
    ),
    Check.POSITION: Explanation(
        "청산 수량이 거래에 남은 수량보다 큽니다.",
        "결과 미확인 주문이 있는지 확인하세요.",
    ),
    Check.TRADABLE: Explanation(
        "지금 거래할 수 없는 종목이 있습니다.",
        "거래소 공지를 확인하세요: 거래 중단, 유의 종목, 상장 폐지.",
    ),
    Check.BREAKERS: Explanation(
        "차단기가 작동 중입니다.", "작동 원인을 확인하세요. 원인이 사라지면 풀립니다."
    ),
    Check.LIVE_GATE: Explanation(
        "이 주문에는 실거래 문이 닫혀 있습니다.", "배너와 check 명령에 이유가 모두 나옵니다."
    ),
    Check.ENTRIES_PAUSED: Explanation(
        "운영자가 신규진입 중지를 걸었습니다.", "새 거래를 원하면 재개하세요."
    ),
}

BREAKERS: Mapping[Breaker, Explanation] = {
    Breaker.DAILY_LOSS: Explanation(
        "오늘 손실이 한도에 도달했습니다.",
        "손실 원인을 확인하세요. 늦어도 서울 자정에 풀립니다.",
    ),
    Breaker.LEG_UNHEDGED: Explanation(
        "한쪽만 체결된 상태가 너무 오래 이어졌습니다.",
        "거래소에서 그 다리를 청산하거나 반대쪽을 채우세요.",
    ),
    Breaker.ORDER_UNKNOWN: Explanation(
        "결과 미확인 주문이 너무 오래 남아 있습니다.",
        "거래소에서 클라이언트 주문 ID로 조회하세요. 격리된 주문이면 호스트에서 "
        "deploy/run reconcile --accept ID 를 실행하세요.",
    ),
    Breaker.REJECT_RATE: Explanation(
        "거래소가 최근 주문의 절반 넘게 거부했습니다.",
        "로그의 거부 사유를 읽고 키, 잔고, 거래소 공지를 확인하세요.",
    ),
    Breaker.REPEATED_RESTS: Explanation(
        "한 방향이 너무 자주 열려 한 시간에 세 번 쉬었습니다.",
        "계속하기 전에 그 스프레드가 진짜인지 확인하세요.",
    ),
    Breaker.FOREIGN_EPOCH: Explanation(
        "우리 접두사를 쓰는 주문이 다른 엔진이나 이 엔진의 다른 상태 저장소에서 나왔습니다.",
        "이 계정을 쓰는 두 번째 엔진을 찾아 종료하세요. 하루 동안 새로 나오지 않거나 호스트에서 "
        "deploy/run reconcile --accept 로 승인하면 풀립니다.",
    ),
    Breaker.BALANCE_SHORT: Explanation(
        "거래소 잔고가 열린 거래를 청산하기에 부족하거나, 우리 주문으로 설명되지 않습니다.",
        "거래소의 잔고와 체결 내역을 대조하세요. 잔고가 돌아오거나 호스트에서 "
        "deploy/run reconcile --accept 로 승인하면 풀립니다.",
    ),
}
