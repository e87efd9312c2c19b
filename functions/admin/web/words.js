// Texts of the page in English and Korean.

const words = {
  en: {
    skip: "Skip to content", title: "BTS Goods admin", brand: "BTS Goods admin", views: "Views", reviews: "Reviews", deadLetters: "Dead letters", days: "Daily counts",
    login: "Log in", logout: "Log out", language: "한국어",
    welcome: "Shop administration", welcomeText: "Log in to moderate reviews, reply to shoppers and replay dead letters.",
    loggedOut: "Your session has ended. Please log in again.", noIssuer: "Login is unavailable right now: the login server does not answer.",
    loginFailed: "Login failed. Please try again.", forbidden: "Your account does not have the operator role. Ask an administrator for it.",
    loading: "Loading…", retry: "Try again", failed: "Request failed: {0}", offline: "the server cannot be reached",
    status: "Status", held: "Held", rejected: "Rejected", published: "Published", product: "Product", everyProduct: "All products",
    show: "Show", noReviews: "No reviews with this status.", more: "Show more", shown: "{0} reviews shown.",
    stars: "{0} out of 5 stars", by: "by {0}", anonymous: "anonymous", submitted: "submitted {0}", edited: "edited {0}", heldSince: "hidden since {0}",
    why: "Reason", score: "Sentiment {0} ({1})", noText: "Stars only, no text.", photo: "Photo {0} of this review",
    noPhoto: "not available", close: "Close", photoCache: "Visitors see these photos while the review is published. After that, caches may still show them for up to {0} seconds.",
    decide: "Decision", reason: "Reason (required to hold or reject)", publish: "Publish", hold: "Hold", reject: "Reject",
    needReason: "Enter a reason of at most {0} characters.", chooseVerdict: "Choose a decision with its button.",
    done_publish: "Published. Shoppers can see the review, and it counts in the rating.",
    done_hold: "Held. The review is hidden and does not count in the rating.", done_reject: "Rejected. The review is hidden and does not count in the rating.",
    soon: "Saved. The change will show in a moment.", stale: "The author has edited this review. Please check the new text below.",
    reply: "Reply from the shop", replyHint: "Shown below the review.", replyBeforeEdit: "This reply was written before the author edited the review.", saveReply: "Save reply", removeReply: "Delete reply",
    needReply: "Enter a reply of at most {0} characters.", replied: "Reply saved.", unreplied: "Reply deleted.",
    erase: "Erase for ever", cancel: "Cancel", erased: "Erased. The review is gone for ever.", eraseGone: "This review was already erased.",
    eraseSoon: "The review will be erased in a moment.", eraseTitle: "Erase this review?",
    eraseText: "This deletes the review with its photos, votes and reply. It cannot be undone, and the author is not notified.",
    history: "History", decided: "{0}, {1}: {2}", decidedNoReason: "{0}, {1}", of: "{0} of {1}",
    audit: "Audit", auditText: "What operators did, newest first. An erasure empties the reasons of its review.", noAudit: "No actions yet.",
    auditReview: "Review of {0}: {1}", auditLetter: "Dead letter {0}", unknownOperator: "unknown operator", noEffect: "no effect", transition: "{0} → {1}",
    action_publish: "published", action_hold: "held", action_reject: "rejected", action_reply: "replied", action_unreply: "deleted the reply", action_erase: "erased",
    action_replay: "replayed", action_discard: "discarded", action_hide_photo: "hid a photo",
    state_published: "published", state_held: "held", state_rejected: "rejected", state_erased: "erased", state_none: "no reply", state_reply: "reply",
    state_deadletter: "dead letter", state_replayed: "sent again", state_discarded: "deleted",
    search: "Search", searchHint: "Text, author or review ID", counts: "{0} held, {1} rejected.", arrived: "New reviews: {0}.", reports: "Reported by readers: {0}.",
    bulk: "Decide on several reviews", choose: "Choose the review by {0}", chooseAll: "Choose all shown reviews", chooseReviews: "Choose at least one review.",
    bulkReason: "Reason for the chosen reviews", undo: "Undo", undone: "Undone. Nothing has changed.",
    bulk_publish: "Reviews that will be published in 10 seconds: {0}.", bulk_hold: "Reviews that will be held in 10 seconds: {0}.", bulk_reject: "Reviews that will be rejected in 10 seconds: {0}.",
    bulkDone: "Done: {0}.", bulkFailed: "Done: {0}. Failed: {1}.",
    discard: "Discard", discardTitle: "Discard this message?", discardText: "The message is deleted and will never be processed.", discardDone: "Discarded.",
    replayAll: "Replay all", discardAll: "Discard all", replayAllTitle: "Replay the whole queue?", discardAllTitle: "Discard the whole queue?",
    replayAllText: "All dead letters of “{0}” are processed again, also those that the list does not show.",
    discardAllText: "All dead letters of “{0}” are deleted, also those that the list does not show. It cannot be undone.",
    replayProgress: "Sent again: {0}.", discardProgress: "Discarded: {0}.", kept: "Cannot be sent again and stay: {0}.", atLeast: "{0} or more", exactly: "{0}",
    deadLettersText: "Messages that could not be processed, newest first. Fix the cause, then replay the message to process it again, or discard it.",
    noDeadLetters: "No dead letters. All messages were processed.", moreDeadLetters: "There are more dead letters. “Replay all” and “Discard all” include them.", replay: "Replay",
    queue_commands: "Review change", queue_reviews: "New review", queue_originals: "Picture", source: "Source", died: "Time", size: "Size", bytes: "{0} bytes",
    body: "Body", attributes: "Attributes", replayDone: "Sent again. If processing fails again, the message returns here.",
    goneDeadLetter: "This message was already replayed or discarded.", refresh: "Refresh",
    daysText: "Reviews of the last 30 days, by day of submission (Seoul time) and current status.",
    day: "Day", asTable: "Show as table", chart: "Bar chart of reviews by day. The table below has the same numbers.",
    total: "Last 30 days: {0} published, {1} held, {2} rejected.",
    reason_unknown_product: "product not in the catalogue", reason_contact_details: "contact details", reason_solicitation: "solicitation", reason_abusive_language: "abusive language",
    reason_sexual_content: "sexual content", reason_violent_content: "violent content", reason_unsafe_photo: "photo that may be unsafe", reason_pending_moderation: "waits for the automatic check", reason_moderation: "content needs a check", reason_reported: "reported by readers",
    reason_edited_after_hold: "edited after it was held", reason_edited_after_rejection: "edited after it was rejected",
  },
  ko: {
    skip: "본문으로 건너뛰기", title: "BTS 굿즈 운영자", brand: "운영자", views: "화면", reviews: "리뷰", deadLetters: "처리 실패", days: "날짜별",
    login: "로그인", logout: "로그아웃", language: "English",
    welcome: "상점 운영자용 페이지", welcomeText: "로그인하면 리뷰를 관리하고 답글을 달고 처리 실패 메시지를 다시 보낼 수 있어요.",
    loggedOut: "로그아웃되었어요. 계속하려면 다시 로그인해 주세요.", noIssuer: "인증 서버가 응답하지 않아 지금은 로그인할 수 없어요.",
    loginFailed: "로그인하지 못했어요. 다시 시도해 주세요.", forbidden: "로그인했지만 운영자 권한이 없어요. 상점 관리자에게 권한을 요청해 주세요.",
    loading: "불러오는 중…", retry: "다시 시도", failed: "처리하지 못했어요: {0}", offline: "서버에 연결할 수 없어요",
    status: "상태", held: "보류", rejected: "거절", published: "공개", product: "상품", everyProduct: "모든 상품",
    show: "보기", noReviews: "해당하는 리뷰가 없어요.", more: "더 보기", shown: "리뷰 {0}개를 표시하고 있어요.",
    stars: "별점 5점 중 {0}점", by: "작성자 {0}", anonymous: "이름 없음", submitted: "{0} 작성", edited: "{0} 수정", heldSince: "{0}부터 비공개",
    why: "이유", score: "감성 {0} ({1})", noText: "글 없이 별점만 남긴 리뷰예요.", photo: "이 리뷰의 사진 {0}",
    noPhoto: "사진이 없어요", close: "닫기", photoCache: "리뷰가 공개된 동안에만 고객에게 사진이 보여요. 그 뒤에도 캐시에 최대 {0}초 동안 남을 수 있어요.",
    decide: "결정", reason: "이유 (보류·거절할 때)", publish: "공개하기", hold: "보류하기", reject: "거절하기",
    needReason: "이유를 {0}자 이내로 적어 주세요.", chooseVerdict: "결정 버튼을 눌러 주세요.",
    done_publish: "공개했어요. 고객에게 보이고 평점에 반영돼요.",
    done_hold: "보류했어요. 고객에게 보이지 않고 평점에서 빠져요.", done_reject: "거절했어요. 고객에게 보이지 않고 평점에서 빠져요.",
    soon: "곧 처리될 거예요.", stale: "그사이 작성자가 리뷰를 수정했어요. 새 글을 보고 판단해 주세요.",
    reply: "상점 답글", replyHint: "리뷰 아래에 표시돼요.", replyBeforeEdit: "작성자가 리뷰를 수정하기 전에 쓴 답글이에요.", saveReply: "답글 저장", removeReply: "답글 삭제",
    needReply: "답글을 {0}자 이내로 적어 주세요.", replied: "답글을 저장했어요.", unreplied: "답글을 삭제했어요.",
    erase: "영구 삭제", cancel: "취소", erased: "삭제했어요. 이 리뷰는 복구할 수 없어요.", eraseGone: "이미 삭제된 리뷰예요.",
    eraseSoon: "리뷰가 곧 삭제될 거예요.", eraseTitle: "이 리뷰를 영구 삭제할까요?",
    eraseText: "리뷰와 사진, 도움돼요 표시, 답글이 모두 삭제돼요. 되돌릴 수 없고 작성자에게 알림이 가지 않아요.",
    history: "처리 기록", decided: "{0}, {1}: {2}", decidedNoReason: "{0}, {1}", of: "{1} {0}",
    audit: "처리 기록", auditText: "운영자가 한 일을 최신순으로 보여 줘요. 리뷰를 영구 삭제하면 그 리뷰의 이유는 지워져요.", noAudit: "아직 기록이 없어요.",
    auditReview: "{0} 리뷰: {1}", auditLetter: "처리 실패 메시지 {0}", unknownOperator: "알 수 없는 운영자", noEffect: "변화 없음", transition: "{0} → {1}",
    action_publish: "공개", action_hold: "보류", action_reject: "거절", action_reply: "답글 작성", action_unreply: "답글 삭제", action_erase: "영구 삭제",
    action_replay: "다시 보냄", action_discard: "버림", action_hide_photo: "사진 숨김",
    state_published: "공개", state_held: "보류", state_rejected: "거절", state_erased: "삭제됨", state_none: "답글 없음", state_reply: "답글 있음",
    state_deadletter: "처리 실패", state_replayed: "다시 보냄", state_discarded: "삭제됨",
    search: "검색", searchHint: "글, 작성자, 리뷰 ID", counts: "보류 {0}개, 거절 {1}개.", arrived: "새 리뷰 {0}개.", reports: "독자 신고 {0}건.",
    bulk: "여러 리뷰를 한꺼번에 결정", choose: "{0}의 리뷰 선택", chooseAll: "보이는 리뷰 모두 선택", chooseReviews: "리뷰를 하나 이상 선택해 주세요.",
    bulkReason: "선택한 리뷰의 이유", undo: "되돌리기", undone: "되돌렸어요. 바뀐 것이 없어요.",
    bulk_publish: "10초 뒤에 리뷰 {0}개를 공개해요.", bulk_hold: "10초 뒤에 리뷰 {0}개를 보류해요.", bulk_reject: "10초 뒤에 리뷰 {0}개를 거절해요.",
    bulkDone: "처리했어요: {0}개.", bulkFailed: "처리했어요: {0}개. 실패: {1}개.",
    discard: "버리기", discardTitle: "이 메시지를 버릴까요?", discardText: "메시지가 삭제되고 다시는 처리되지 않아요.", discardDone: "버렸어요.",
    replayAll: "모두 다시 보내기", discardAll: "모두 버리기", replayAllTitle: "모두 다시 보낼까요?", discardAllTitle: "모두 버릴까요?",
    replayAllText: "‘{0}’의 처리 실패 메시지를 목록에 보이지 않는 것까지 모두 다시 처리해요.",
    discardAllText: "‘{0}’의 처리 실패 메시지를 목록에 보이지 않는 것까지 모두 삭제해요. 되돌릴 수 없어요.",
    replayProgress: "다시 보냈어요: {0}개.", discardProgress: "버렸어요: {0}개.", kept: "다시 보낼 수 없어 남은 것: {0}개.", atLeast: "{0}개 이상", exactly: "{0}개",
    deadLettersText: "처리하지 못한 메시지를 최신순으로 보여 줘요. 원인을 고친 뒤 다시 보내면 처음 온 것처럼 처리돼요. 필요 없으면 버려 주세요.",
    noDeadLetters: "처리 실패가 없어요. 모든 메시지를 처리했어요.", moreDeadLetters: "이 밖에도 더 있어요. ‘모두 다시 보내기’와 ‘모두 버리기’는 나머지도 처리해요.", replay: "다시 보내기",
    queue_commands: "리뷰 변경", queue_reviews: "새 리뷰", queue_originals: "사진", source: "출처", died: "시각", size: "크기", bytes: "{0}바이트",
    body: "본문", attributes: "속성", replayDone: "다시 보냈어요. 또 실패하면 여기로 돌아와요.",
    goneDeadLetter: "이미 다시 보냈거나 버린 메시지예요.", refresh: "새로 고침",
    daysText: "최근 30일 동안의 리뷰를 작성일(서울 시간)과 현재 상태별로 보여 줘요.",
    day: "날짜", asTable: "표로 보기", chart: "막대그래프예요. 같은 숫자가 아래 표에 있어요.",
    total: "30일 동안 공개 {0}개, 보류 {1}개, 거절 {2}개.",
    reason_unknown_product: "상점에 없는 상품", reason_contact_details: "연락처", reason_solicitation: "광고·거래 유도", reason_abusive_language: "욕설",
    reason_sexual_content: "선정적인 내용", reason_violent_content: "폭력적인 내용", reason_unsafe_photo: "부적절할 수 있는 사진", reason_pending_moderation: "자동 확인을 기다리는 중", reason_moderation: "확인이 필요한 내용", reason_reported: "독자 신고",
    reason_edited_after_hold: "보류한 뒤 수정됨", reason_edited_after_rejection: "거절한 뒤 수정됨",
  },
};

const storageKey = "admin-language";

export let language = localStorage.getItem(storageKey) ?? (navigator.language.startsWith("ko") ? "ko" : "en");

// switchLanguage switches between English and Korean. The browser remembers the choice.
export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem(storageKey, language);
}

// t returns a text with its placeholders {0}, {1} replaced.
export function t(name, ...values) {
  return words[language][name].replace(/\{(\d)\}/g, (_, i) => values[i]);
}

// textOr returns a text without placeholders, or other if there is none.
export const textOr = (name, other) => words[language][name] ?? other;

// reasonText returns the translation of a reason code. For a decision of an operator, and for a code without translation, it
// returns the given text.
export const reasonText = (code, text) => (code === "operator" ? text : words[language][`reason_${code}`] ?? text);

export const when = (time) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
export const number = (n, options) => new Intl.NumberFormat(language, options).format(n);
export const dayName = (day, options = { dateStyle: "medium" }) =>
  new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options }).format(new Date(`${day}T00:00:00Z`));
