#!/usr/bin/env bash
# Faults and breakers of the theater, from a shell: see --help.
set -euo pipefail

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib/clusters.sh"
. "$ROOT/scripts/lib/dashboard.sh"
. "$ROOT/scripts/lib/lessons.sh"
. "$ROOT/scripts/lib/witness.sh"
. "$ROOT/scripts/lib/policy.sh"
. "$ROOT/scripts/lib/rules.sh"
. "$ROOT/scripts/lib/orders.sh"
. "$ROOT/scripts/lib/scenarios.sh"
. "$ROOT/scripts/lib/measure.sh"

# verb | words | what runs | needs | English | Korean. This table is the help and the dispatch.
# Needs: "change" (a word is asked for clusters that are not on this machine), "ask" the dashboard, or both.
verbs() {
  cat <<'TABLE'
reset||reset_theater|change ask|all rules of 01-initial in ctx1 and ctx2; orders and older *-circuit-breaker rules are removed|처음 상태로: 모든 규칙을 01로, 주문과 옛 규칙 삭제
setup||play_lesson 02-circuit-breaker|change ask|all rules of 02-circuit-breaker: outlierDetection, connectionPool|서킷 브레이커 설정
delay||play_lesson 03-delay-fault|change ask|all rules of 03-delay-fault: delay in movie-service-vs|영화 서비스 지연
error||play_lesson 04-error-fault|change ask|all rules of 04-error-fault: abort in user-service-vs|사용자 서비스 오류
block||play_lesson 05-block-fault|change ask|all rules of 05-block-fault: booking-service-vs to ctx1 only|예약 서비스 ctx2 차단
chaos||play_lesson 99-scenarios|change ask|all rules of 99-scenarios: delay, error and block together|복합 장애
circuit||play_circuit 06-sick-pod|change ask|all rules of 06-sick-pod; an order to one of ctx1's user pods: 500|아픈 파드 하나로 서킷 브레이커 실습
sick|POD or SERVICE [ORDER...]|order_sick|change ask|no rule: an order to a pod, or to all pods of a service, to misbehave for a while|파드를 아프게
heal|[POD or SERVICE]|heal|change|no rule: orders are cleared, all or one's|파드 치료
rollback|delay, error or block|rollback|change ask|the VirtualService of that scenario's service: back to 01|한 시나리오만 되돌리기
recover||recover|change ask|all VirtualServices back to 01; DestinationRules stay|모든 장애 복구, 브레이커는 유지
status||show_status||nothing: weights, faults, breakers, orders, pods of both clusters|현재 상태
test||measure|ask|nothing: requests, and whether shares and faults fit the rules|요청을 보내 측정
TABLE
}

usage() {
  cat <<'TEXT'
Usage: fault-injection-demo.sh [OPTION...] VERB [WORD...]

Changes what the mesh does with the theater's requests; returns when the first answer by the new rule
was seen. A lesson is a whole folder of practice/: one scenario at a time.
메시 규칙을 바꾸고, 새 규칙에 따른 첫 응답을 본 뒤에 끝납니다. 시나리오는 한 번에 하나입니다.

  verb                            objects it changes (in ctx1, unless said)
TEXT
  verbs | awk -F '|' '{ printf "  %-31s %s\n  %-31s %s\n", $1 ($2 == "" ? "" : " " $2), $5, "", $6 }'
  cat <<'TEXT'

Options:
  --lab                 clusters and dashboard of the lab that runs here (THEATER_STATE_DIR, or .theater)
  --context NAME        the kubectl context in the role of ctx1
  --remote-context NAME the one in the role of ctx2
  -n NUMBER             test: requests a service (100)
  --parallel NUMBER     test: at a time, a service (20)
  -y, --yes             change clusters that are not on this machine without asking
  -h, --help            this text

ORDER of sick: --status 500 --rate 0.5 --delay-ms 2000 --ttl 5m; without: every answer 500, 5 minutes.
Clusters are those of KUBECONFIG. The dashboard, which all but heal and status ask, is APP_URL, else
http://theater.$DOMAIN, by default the domain in k8s/settings/settings.env. SIGHT_LIMIT is how many seconds
the first answer by a new rule may take (15).

Exit: 0 done (or nothing to do), 1 failed or not as the rules say, 2 ctx1 is done and ctx2 was not reached,
64 wrong words, 69 something needed is missing, 130 interrupted (a change that was begun is finished).
TEXT
}

GO_ON="run it again; ./fault-injection-demo.sh status shows what is there"
VERB=""
WORDS=()
REQUESTS=100
PARALLEL=20
WITH_LAB=""

number_of() {
  case ${2:-} in
    ''|*[!0-9]*|0*) misused "$1 needs a number, not \"${2:-}\"" ;;
    ??????*) misused "$1 is at most 99999" ;;
  esac
  printf '%s\n' "$2"
}

read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
      -h|--help) usage; exit 0 ;;
      -y|--yes) ASSUME_YES=yes ;;
      --lab) WITH_LAB=yes ;;
      --context) CTX1=$(value_of "$@"); shift ;;
      --remote-context) CTX2=$(value_of "$@"); shift ;;
      -n) REQUESTS=$(number_of "$@"); shift ;;
      --parallel) PARALLEL=$(number_of "$@"); shift ;;
      -*)
        # The rest of sick is an order, whose words the service's own binary checks.
        if [ "$VERB" != sick ] || [ ${#WORDS[@]} -eq 0 ]; then misused "there is no option $1"; fi
        WORDS+=("$@")
        return
        ;;
      *) if [ -z "$VERB" ]; then VERB=$1; else WORDS+=("$1"); fi ;;
    esac
    shift
  done
}

# How many words a verb takes: none, one that must be there, or one that may.
check_words() {
  local pattern=$1 count=${#WORDS[@]}
  case $pattern in
    '') [ "$count" -eq 0 ] || misused "$VERB takes no further word, not \"${WORDS[*]}\"" ;;
    *'[ORDER'*) [ "$count" -gt 0 ] || misused "$VERB needs: $pattern" ;;
    \[*) [ "$count" -le 1 ] || misused "$VERB takes one word: $pattern" ;;
    *) [ "$count" -eq 1 ] || misused "$VERB takes exactly one word: $pattern" ;;
  esac
}

# prepare NEEDS, of the table.
prepare() {
  need kubectl curl awk sed sort
  if [ -n "$WITH_LAB" ]; then use_lab; fi
  announce_servers
  case $1 in *ask*) find_dashboard ;; esac
  need_context "$CTX1"
  case $1 in *change*) confirm "$VERB" "$CTX1" "$CTX2" ;; esac
  need_theater "$CTX1"
}

main() {
  local name words command needs row=""
  read_words "$@"
  [ -n "$VERB" ] || { usage >&2; exit "$MISUSED"; }
  while IFS='|' read -r name words command needs _; do
    [ "$name" != "$VERB" ] || { row=$name; break; }
  done < <(verbs)
  [ -n "$row" ] || misused "there is no verb $VERB"
  check_words "$words"
  if [ "$VERB" = rollback ]; then scenario_service "${WORDS[0]}" >/dev/null; fi
  prepare "$needs"
  # shellcheck disable=SC2086 # a command of the table is words
  $command ${WORDS[@]+"${WORDS[@]}"}
}

main "$@"
