"""What is said around answers in Korean: trouble, pictures, the card, the setup."""

from collections.abc import Mapping

_VIEWS: Mapping[str, str] = {
    "timeout": "엔진이 제때 답하지 않았습니다.",
    "away": "엔진이 답하지 않습니다: {why}",
    "odd": "엔진의 답을 읽을 수 없습니다.",
    "allowed": "/{command} {given}: 맞지 않습니다. 가능한 값: {allowed}",
    "allowed.count": "1부터 {most}까지의 정수",
    "allowed.id": "{most}자 이하의 ID 하나",
    "allowed.nothing": "없음, 또는 한 단어",
    "old_button": "오래된 버튼입니다. 다시 요청하세요: /status",
    "audit.unread": "읽을 수 없습니다 ({why})",
    "chart.failed": "그림을 만들지 못했습니다: {why}",
    "chart.equity": "평가자산",
    "chart.spread": "스프레드",
    "chart.pnl": "일별 손익",
    "chart.needed": "필요: {label}",
    "chart.caption": "{title}, {span}",
    "chart.since": "{at}부터의 수치입니다.",
    "chart.part": "{count}개는 생략했습니다.",
    "span.1h": "1시간",
    "span.6h": "6시간",
    "span.1d": "1일",
    "span.7d": "7일",
    "span.30d": "30일",
}

_CARD: Mapping[str, str] = {
    "card.pnl": "오늘 손익, {ledger}: {pnl}",
    "card.stop": "가장 가까운 손절까지: {distance}",
    "card.flat": "열린 포지션이 없습니다.",
    "card.guards": "안전장치: {count}개 미충족",
    "card.guards.hold": "안전장치: 모두 충족",
    "card.guards.unknown": "안전장치: 알 수 없음",
    "card.data": "호가: {total}개 중 {fresh}개 최신, 가장 오래된 것 {oldest}",
    "card.data.none": "호가: 아직 없음",
    "card.away": "엔진이 답하지 않습니다.",
    "card.taken": "{at} 기준. 6분이 넘었다면 아무도 이 카드를 갱신하지 않는 것입니다.",
}

_SETUP: Mapping[str, str] = {
    "setup.token": "@BotFather에서 받은 봇 토큰 (화면에 표시되지 않습니다): ",
    "setup.no_token": "봇 토큰이 없습니다: 직접 입력하거나 TELEGRAM_BOT_TOKEN을 설정하세요",
    "setup.me": "토큰이 올바릅니다: @{me}입니다.",
    "setup.write": "이제 봇이 일할 채팅에서 봇에게 메시지를 보내세요: "
    "https://t.me/{me} 을(를) 열어 /start 를 보내거나, 그룹에 초대한 뒤 그곳에서 /start@{me} 를 "
    "쓰세요. {minutes}분 동안 기다립니다 …",
    "setup.heard": "{name} (사용자 ID {user}) 님이 {chat}에서 보냈습니다: {text}",
    "setup.chat.private": "개인 채팅 {chat}",
    "setup.chat.group": "그룹 {chat}",
    "setup.chat.topic": "그룹 {chat}, 토픽 {topic}",
    "setup.confirm": "본인이 맞고, 봇이 일할 채팅이 맞습니까? [y/N] ",
    "setup.not_you": "그 채팅은 건드리지 않습니다. 다른 메시지를 기다립니다 …",
    "setup.yes": "y yes 예 네",
    "setup.silence": "{minutes}분 동안 봇에게 메시지를 보낸 사람이 없습니다",
    "setup.aborted": "아무것도 설정하지 않고 멈췄습니다",
    "setup.first.title": "이제 이 채팅은 봇의 채팅입니다.",
    "setup.first.can": "엔진이 이 설정으로 실행되면 여기에 알림을 전하고 다음을 따릅니다: "
    "/status, /pause, /paper, /halt.",
    "setup.first.never": "실거래는 제가 절대 켤 수 없습니다. 호스트에서만 할 수 있습니다.",
    "setup.first.halt": "엔진이 실행되면, 아래 버튼은 늦게 눌러도 모든 것을 멈춥니다.",
    "setup.sent": "채팅에 첫 메시지를 보냈습니다. 이제 호스트에서:",
    "setup.put": "엔진이 시작되는 환경에 둘 다 설정하세요. git의 어떤 파일에도 넣지 마세요:",
    "setup.put.token": "  TELEGRAM_BOT_TOKEN=(입력한 토큰)",
    "setup.put.chat": "  TELEGRAM_CHAT_ID={chat}",
    "setup.change": "config/live.yml에서:",
    "setup.change.enabled": "  alert.telegram_enabled: true",
    "setup.change.topic": "  alert.telegram.topic_id: {topic}",
    "setup.change.users": "  alert.telegram.user_ids: [{user}]   # 없으면 그룹의 누구나 가능",
    "setup.then": "그다음: python -m trader alert-test",
    "setup.failed": "Telegram: {why}",
}

WORDS: Mapping[str, str] = {**_VIEWS, **_CARD, **_SETUP}
