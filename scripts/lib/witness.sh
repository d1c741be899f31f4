# shellcheck shell=bash
# The first answer by a new rule: what an answer can tell of a lesson, and waiting for it.
#
# A lesson shows in three ways, each a key of its expect.yaml: where canaries go, whether circuit tests
# are aborted, whether requests are held back. DestinationRules do not show in answers of healthy pods.

readonly FEATURES="canary circuit_test delay"
# Seconds. Real meshes need 0.06 to 0.42; what is not seen by then has another cause.
readonly SIGHT_LIMIT=${SIGHT_LIMIT:-15}
# Chance that a fault of the strength of the lessons is overlooked.
readonly OVERLOOK=0.000001

feature_key() {
  case $2 in
    canary) echo "$1_canary_cluster" ;;
    circuit_test) echo "$1_circuit_test_abort_percent" ;;
    delay) echo "$1_delay_percent" ;;
  esac
}

# The largest number that any lesson has for a key.
strongest() {
  awk -F ': *' -v key="$1" '$1 == key && $2 + 0 > most { most = $2 } END { print most + 0 }' "$ROOT"/practice/*/expect.yaml
}

# How many requests it takes to see a fault of so many percent, but for one case in a million.
enough() {
  awk -v percent="$1" -v overlook="$OVERLOOK" 'BEGIN {
    if (percent <= 0 || percent >= 100) { print 1; exit }
    exact = log(overlook) / log(1 - percent / 100)
    print int(exact) + (exact > int(exact))
  }'
}

# shows LESSON SERVICE FEATURE: whether answers are by the lesson's rule; what they were is in OBSERVED.
OBSERVED=""
shows() {
  local wanted
  wanted=$(expect "$1" "$(feature_key "$2" "$3")") || return 0
  "shows_$3" "$1" "$2" "$wanted"
}

shows_canary() {
  local status cluster cause
  ask "$SCRATCH/seen" "$2" "x-canary: true" 1 1 5
  read -r status _ cluster _ cause _ <"$SCRATCH/seen"
  OBSERVED="a $2 request with x-canary was answered by ${cluster/#-/no pod} ($status $cause), not by $3"
  [ "$cluster" = "$3" ]
}

shows_circuit_test() {
  local aborted count
  count=$(enough "$(strongest "$(feature_key "$2" circuit_test)")")
  ask "$SCRATCH/seen" "$2" "x-circuit-test: true" "$count" 1 5
  aborted=$(awk '$5 == "FI"' "$SCRATCH/seen" | wc -l)
  OBSERVED="$((aborted)) of $count $2 requests with x-circuit-test were aborted, $3 % is the rule"
  fits_rule "$aborted" "$3"
}

# A request that is to be held back is waited for; one that must not be is given up half way.
shows_delay() {
  local held count longest
  longest=$(strongest "$2_delay_ms")
  count=$(enough "$(strongest "$2_delay_percent")")
  if [ "$3" -gt 0 ]; then
    ask "$SCRATCH/seen" "$2" "" "$count" "$count" "$((longest / 1000 + 5))"
  else
    ask "$SCRATCH/seen" "$2" "" "$count" "$count" "$(awk -v ms="$longest" 'BEGIN { print ms / 2000 }')"
  fi
  held=$(awk -v ms="$longest" '$2 >= ms || ($1 == 0 && $2 >= ms / 2 - 1)' "$SCRATCH/seen" | wc -l)
  OBSERVED="$((held)) of $count $2 requests were held back, $3 % is the rule"
  fits_rule "$held" "$3"
}

# A fault that the rule has was seen, or one that it has not was not.
fits_rule() {
  if [ "$2" -gt 0 ]; then [ "$1" -gt 0 ]; else [ "$1" -eq 0 ]; fi
}

shows_all() {
  local service feature lesson=$1
  shift
  for service in "$@"; do
    for feature in $FEATURES; do
      shows "$lesson" "$service" "$feature" || return 1
    done
  done
}

# await_rule LESSON SERVICE…: returns when answers of these services are by the lesson's rules.
await_rule() {
  local started=$SECONDS
  until shows_all "$@"; do
    if [ $((SECONDS - started)) -gt "$SIGHT_LIMIT" ]; then
      fail "$FAILED" "the rules are written, but answers do not follow them: $OBSERVED" \
        "./fault-injection-demo.sh status; are all pods ready, and is istiod of $CTX1 running?"
    fi
    sleep 0.02
  done
}
