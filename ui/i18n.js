// Both languages side by side, and which one the viewer reads.

const TEXTS = {
  title: ["영화관 MSA", "Theater MSA"],
  subtitle: ["두 클러스터에 걸친 세 서비스, 실제 응답으로 보는 트래픽", "Three services in two clusters: traffic as real answers show it"],
  language: ["언어", "Language"],
  "stream.connecting": ["연결 중", "Connecting"],
  "stream.live": ["실시간", "Live"],
  "stream.disconnected": ["연결 끊김", "Disconnected"],
  gap: ["놓친 응답 {n}건 ({time})", "{n} answers missed ({time})"],
  legend: ["표시", "Marks"],
  "mark.hit": ["이 클러스터가 응답", "Answered by this cluster"],
  "mark.miss": ["다른 클러스터가 응답", "Answered by the other cluster"],
  "mark.fail": ["이 클러스터에서 실패", "Failed in this cluster"],
  "mark.unknown": ["파드에 닿기 전에 실패", "Failed before any pod"],
  "mark.off": ["아직 없음", "Nothing yet"],
  newest: ["최근 →", "newest →"],
  "service.user": ["사용자 목록", "Users"],
  "service.movie": ["영화 목록", "Movies"],
  "service.booking": ["예약 내역", "Bookings"],
  total: ["응답 {n}건", "{n} answers"],
  configured: ["트래픽 설정", "Configured traffic"],
  measured: ["실제 트래픽 비율", "Measured traffic"],
  "measured.note": ["N={n}, 최근 {kept}건 가운데", "N={n}, of the last {kept}"],
  "measured.noteNowhere": ["N={n}, 파드에 닿지 않은 {nowhere}건 제외", "N={n}, {nowhere} that reached no pod left out"],
  "measured.none": ["아직 응답 없음", "no answers yet"],
  "source.none": ["밸런서가 정함", "the balancer decides"],
  "source.default": ["기본값입니다. 설정을 읽지 못했습니다", "Default values: the rules could not be read"],
  "source.waiting": ["읽는 중", "reading"],
  others: ["다른 서브셋: {list}", "Other subsets: {list}"],
  "fault.delay": ["지연 {span} · {percent} %", "Delay {span} · {percent} %"],
  "fault.abort": ["중단 {status} · {percent} %", "Abort {status} · {percent} %"],
  last: ["마지막 응답", "Last answer"],
  "last.none": ["아직 없음", "none yet"],
  "last.nopod": ["응답한 파드 없음", "no pod answered"],
  "last.upstream": ["파드 {ms}", "pod {ms}"],
  "last.delay": ["주입된 지연 {span}", "injected delay {span}"],
  "last.retried": ["재시도함", "retried"],
  "by.client": ["호출한 쪽 사이드카", "caller's sidecar"],
  "by.server": ["파드 쪽 사이드카", "pod's sidecar"],
  "cause.ok": ["정상", "ok"],
  "cause.app": ["애플리케이션 오류", "application error"],
  "cause.FI": ["주입된 중단", "injected abort"],
  "cause.UO": ["한도 초과", "overflow"],
  "cause.UH": ["건강한 파드 없음", "no healthy upstream"],
  "cause.NC": ["서브셋 없음", "no such subset"],
  "cause.NR": ["라우트 없음", "no route"],
  "cause.UF": ["연결 실패", "connection failed"],
  "cause.UC": ["연결이 도중에 끊김", "connection cut"],
  "cause.UT": ["시간 초과", "timeout"],
  "cause.DC": ["클라이언트가 끊음", "client left"],
  "cause.unknown": ["원인 알 수 없음", "cause unknown"],
  breakers: ["서킷 브레이커", "Circuit breakers"],
  "breakers.all": ["전체", "all"],
  "breakers.in": ["사용 중", "in use"],
  "breakers.ejected": ["제외됨", "ejected"],
  "breakers.count": ["제외 {ejected}/{hosts}", "{ejected} of {hosts} ejected"],
  "breakers.limit.connections": ["연결 한도 {n}", "connections ≤ {n}"],
  "breakers.limit.pending": ["대기 한도 {n}", "pending ≤ {n}"],
  "breakers.limit.requests": ["요청 한도 {n}", "requests ≤ {n}"],
  "breakers.limit.retries": ["재시도 한도 {n}", "retries ≤ {n}"],
  "breakers.refused.connections": ["연결 거절 {n}", "{n} connections refused"],
  "breakers.refused.pending": ["대기 거절 {n}", "{n} refused while waiting"],
  "breakers.refused.requests": ["요청 거절 {n}", "{n} requests refused"],
  "breakers.refused.retries": ["재시도 거절 {n}", "{n} retries refused"],
  "breakers.refused.ejections": ["제외하지 못함 {n}", "{n} ejections not allowed"],
  refresh: ["새로고침", "Refresh"],
  loading: ["불러오는 중", "Loading"],
  "empty.user": ["등록된 사용자가 없습니다.", "No users yet."],
  "empty.movie": ["등록된 영화가 없습니다.", "No movies yet."],
  "empty.booking": ["등록된 예약이 없습니다.", "No bookings yet."],
  "list.more": ["처음 {n}건만 보입니다.", "Only the first {n} are shown."],
  "list.failed": ["불러오지 못했습니다", "Could not be loaded"],
  "list.unreachable": ["게이트웨이에 닿지 않음", "the gateway cannot be reached"],
  "list.timeout": ["{span} 안에 응답이 없음", "no answer within {span}"],
  seats: ["좌석 {n}", "{n} seats"],
  clusters: ["멀티클라우드 배포 현황", "Pods in both clusters"],
  "state.live": ["실시간", "live"],
  "state.stale": ["지난 정보", "stale"],
  "state.unknown": ["알 수 없음", "unknown"],
  "reason.forbidden": ["권한 없음", "forbidden"],
  "reason.timeout": ["시간 초과", "timeout"],
  "reason.unreachable": ["연결되지 않음", "unreachable"],
  "reason.not read yet": ["아직 읽지 않음", "not read yet"],
  "reason.no kubeconfig": ["kubeconfig 없음", "no kubeconfig"],
  seen: ["확인", "seen"],
  "nodes.ready": ["준비됨", "ready"],
  "nodes.notready": ["준비되지 않음", "not ready"],
  "pods.none": ["파드 없음", "No pods"],
  "pod.state": ["상태", "State"],
  "pod.ready": ["준비", "Ready"],
  "pod.restarts": ["재시작", "Restarts"],
  "pod.node": ["노드", "Node"],
  "pod.started": ["시작", "Started"],
  "pod.answered": ["최근 응답", "Last answer"],
  "pod.answersonly": ["응답으로만 확인됨", "known by its answers"],
  unknown: ["알 수 없음", "unknown"],
  routed: ["실제 라우팅 결과 - 서비스: {service}, 클러스터: {cluster}, 파드: {pod}", "Routed - service: {service}, cluster: {cluster}, pod: {pod}"],
};

export const LANGUAGES = { ko: "한국어", en: "English" };
const KEY = "theater.lang";
const column = { ko: 0, en: 1 };

let current = "ko";

export function lang() {
  return current;
}

/** The viewer's own choice, else the server's, else the browser's. */
export function preferredLang(config) {
  const wanted = [remembered(), config.lang, navigator.language?.slice(0, 2), "en"];
  return wanted.find((code) => code in LANGUAGES);
}

export function useLang(code) {
  current = code;
  document.documentElement.lang = code;
}

// A browser that keeps nothing for this page throws on both calls; the page works without.
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function rememberLang(code) {
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // the choice lasts until the page is closed
  }
}

/** The text of a key; `{name}` is filled in. */
export function t(key, values = {}) {
  return TEXTS[key][column[current]].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** As `t`, but what the server says and no key names is shown as it came. */
export function tOr(group, word) {
  const key = `${group}.${word}`;
  return key in TEXTS ? t(key) : word;
}
