// The page's words, in the languages that operators read.

const words = {
  en: {
    skip: "Skip to content", title: "Operators of BTS Goods", brand: "Operators", places: "Views", reviews: "Reviews", letters: "Dead letters", days: "Days",
    login: "Log in", logout: "Log out", language: "한국어",
    welcome: "For operators of the shop", welcomeText: "Log in to look at reviews that are not shown, and at what could not be handled.",
    loggedOut: "You are logged out. Log in again to go on.", noIssuer: "Nobody can log in at the moment: the issuer does not answer.",
    loginFailed: "The login did not work. Try it again.", forbidden: "You are logged in, but not as an operator. Ask who runs the shop for the role.",
    loading: "Loading…", again: "Try again", failed: "This did not work: {0}", offline: "the server cannot be reached",
    status: "Status", held: "Held", rejected: "Rejected", published: "Published", product: "Product", everyProduct: "every product",
    show: "Show", noReviews: "There are none.", more: "Show more", shown: "Reviews shown: {0}.",
    stars: "{0} of 5 stars", by: "by {0}", anonymous: "without a name", submitted: "submitted {0}", edited: "edited {0}", heldSince: "not shown since {0}",
    why: "Why", score: "Sentiment {0}, by {1}", noText: "Stars only, no text.", photo: "Photo {0} of this review",
    decide: "Decide", reason: "Reason (for hold and reject)", publish: "Publish", hold: "Hold", reject: "Reject",
    needReason: "Write why, in at most 200 characters.", done_publish: "Published. Shoppers see it, and it counts.",
    done_hold: "Held. Shoppers do not see it, and it does not count.", done_reject: "Rejected. Shoppers do not see it, and it does not count.",
    soon: "It will be done in a moment.", stale: "The author has edited this review meanwhile. Here is the new text; judge that.",
    reply: "The shop's reply", replyHint: "Shoppers see it below the review.", saveReply: "Save the reply", removeReply: "Remove the reply",
    needReply: "Write something, in at most 2000 characters.", replied: "The reply is saved.", unreplied: "The reply is removed.",
    history: "Decisions so far", decided: "{0}, {1}: {2}", decidedNoReason: "{0}, {1}", of: "{0} of {1}",
    lettersText: "What could not be handled, the newest first. Mend the cause, then replay: it is handled as if it came for the first time.",
    noLetters: "There are none. All that came was handled.", moreLetters: "There are more than these.", replay: "Replay",
    queue_reviews: "Change of a review", queue_originals: "Picture", source: "Came from", died: "When", size: "Size", bytes: "{0} bytes",
    body: "Body", attributes: "Attributes", replayed: "It is on its way again. If it fails again, it comes back here.",
    goneLetter: "It was replayed already.", refresh: "Look again",
    daysText: "Reviews of the last 30 days by the day on which they were submitted (in Seoul), and by their status now.",
    day: "Day", asTable: "The numbers as a table", chart: "Bar chart. The numbers are in the table below it.",
    total: "In 30 days: {0} published, {1} held, {2} rejected.",
    reason_unknown_product: "product not in the catalogue", reason_contact_details: "contact details", reason_abusive_language: "abusive language",
    reason_sexual_content: "sexual content", reason_violent_content: "violent content", reason_moderation: "content to be checked",
    reason_edited_after_hold: "edited after it was held", reason_edited_after_rejection: "edited after it was rejected",
  },
  ko: {
    skip: "본문으로 건너뛰기", title: "BTS 굿즈 운영자", brand: "운영자", places: "화면", reviews: "리뷰", letters: "처리 실패", days: "날짜별",
    login: "로그인", logout: "로그아웃", language: "English",
    welcome: "상점 운영자용 페이지", welcomeText: "로그인하면 공개되지 않은 리뷰와 처리하지 못한 메시지를 볼 수 있어요.",
    loggedOut: "로그아웃되었어요. 계속하려면 다시 로그인해 주세요.", noIssuer: "인증 서버가 응답하지 않아 지금은 로그인할 수 없어요.",
    loginFailed: "로그인하지 못했어요. 다시 시도해 주세요.", forbidden: "로그인했지만 운영자 권한이 없어요. 상점 관리자에게 권한을 요청해 주세요.",
    loading: "불러오는 중…", again: "다시 시도", failed: "처리하지 못했어요: {0}", offline: "서버에 연결할 수 없어요",
    status: "상태", held: "보류", rejected: "거절", published: "공개", product: "상품", everyProduct: "모든 상품",
    show: "보기", noReviews: "해당하는 리뷰가 없어요.", more: "더 보기", shown: "리뷰 {0}개를 표시하고 있어요.",
    stars: "별점 5점 중 {0}점", by: "작성자 {0}", anonymous: "이름 없음", submitted: "{0} 작성", edited: "{0} 수정", heldSince: "{0}부터 비공개",
    why: "이유", score: "감성 {0}, {1}", noText: "글 없이 별점만 남긴 리뷰예요.", photo: "이 리뷰의 사진 {0}",
    decide: "결정", reason: "이유 (보류·거절할 때)", publish: "공개하기", hold: "보류하기", reject: "거절하기",
    needReason: "이유를 200자 이내로 적어 주세요.", done_publish: "공개했어요. 고객에게 보이고 평점에 반영돼요.",
    done_hold: "보류했어요. 고객에게 보이지 않고 평점에서 빠져요.", done_reject: "거절했어요. 고객에게 보이지 않고 평점에서 빠져요.",
    soon: "곧 처리될 거예요.", stale: "그사이 작성자가 리뷰를 수정했어요. 새 글을 보고 판단해 주세요.",
    reply: "상점 답글", replyHint: "리뷰 아래에 표시돼요.", saveReply: "답글 저장", removeReply: "답글 삭제",
    needReply: "답글을 2000자 이내로 적어 주세요.", replied: "답글을 저장했어요.", unreplied: "답글을 삭제했어요.",
    history: "지금까지의 결정", decided: "{0}, {1}: {2}", decidedNoReason: "{0}, {1}", of: "{1} {0}",
    lettersText: "처리하지 못한 메시지를 최신순으로 보여 줘요. 원인을 고친 뒤 다시 보내면 처음 온 것처럼 처리돼요.",
    noLetters: "없어요. 들어온 것은 모두 처리했어요.", moreLetters: "이 밖에도 더 있어요.", replay: "다시 보내기",
    queue_reviews: "리뷰 변경", queue_originals: "사진", source: "출처", died: "시각", size: "크기", bytes: "{0}바이트",
    body: "본문", attributes: "속성", replayed: "다시 보냈어요. 또 실패하면 여기로 돌아와요.",
    goneLetter: "이미 다시 보낸 메시지예요.", refresh: "새로 고침",
    daysText: "최근 30일 동안의 리뷰를 작성일(서울 시간)과 현재 상태별로 보여 줘요.",
    day: "날짜", asTable: "표로 보기", chart: "막대그래프예요. 같은 숫자가 아래 표에 있어요.",
    total: "30일 동안 공개 {0}개, 보류 {1}개, 거절 {2}개.",
    reason_unknown_product: "상점에 없는 상품", reason_contact_details: "연락처", reason_abusive_language: "욕설",
    reason_sexual_content: "선정적인 내용", reason_violent_content: "폭력적인 내용", reason_moderation: "확인이 필요한 내용",
    reason_edited_after_hold: "보류한 뒤 수정됨", reason_edited_after_rejection: "거절한 뒤 수정됨",
  },
};

const kept = "admin-language";

export let language = localStorage.getItem(kept) ?? (navigator.language.startsWith("ko") ? "ko" : "en");

// switchLanguage takes the other language, which the browser keeps.
export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem(kept, language);
}

// t returns a phrase, with its gaps filled.
export function t(name, ...gaps) {
  return words[language][name].replace(/\{(\d)\}/g, (_, i) => gaps[i]);
}

// reasonText returns the reason of a review that is not published: the words of its code in the operator's language. The
// words of an operator's decision, and of a code that this page does not know, are shown as they are.
export const reasonText = (code, text) => (code === "operator" ? text : words[language][`reason_${code}`] ?? text);

export const when = (time) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
export const number = (n, options) => new Intl.NumberFormat(language, options).format(n);
export const dayName = (day, options = { dateStyle: "medium" }) =>
  new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options }).format(new Date(`${day}T00:00:00Z`));
