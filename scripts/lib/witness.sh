# shellcheck shell=bash
# The first answer by a new rule: what an answer can tell of a lesson, and waiting for it.
#
# A lesson shows in three ways, each a key of its expect.yaml: where canaries go, whether circuit tests
# are aborted, whether requests are held back. DestinationRules do not show in answers of healthy pods.
#
# What can be known before a change is worked out before it, and each process costs milliseconds: after it
# there is one curl for all that is answered at once, a few for what may be held back, and one awk.

# Seconds. Real meshes need 0.06 to 0.42; what is not seen by then has another cause.
readonly SIGHT_LIMIT=${SIGHT_LIMIT:-15}
# Chance that a fault of the strength of the lessons is overlooked.
readonly OVERLOOK=0.0001
# Seconds for an answer that nothing holds back.
readonly ANSWER_LIMIT=5
# Requests that look for a fault, and clients that look whether one is gone: more of them are done sooner,
# but start later.
readonly FEW=2

# prepare_questions LESSON: what will be asked, in $SCRATCH/questions; see questions.awk.
prepare_questions() {
  awk -v own="$ROOT/practice/$1/expect.yaml" -v services="$SERVICES" -v overlook="$OVERLOOK" \
    -v limit="$ANSWER_LIMIT" -v few="$FEW" -f "$ROOT/scripts/lib/questions.awk" \
    "$ROOT"/practice/*/expect.yaml >"$SCRATCH/questions"
}

# header_of FEATURE: by which such requests are known, in HEADER; most need none.
HEADER=""
header_of() {
  case $1 in
    canary) HEADER="x-canary: true" ;;
    circuit_test) HEADER="x-circuit-test: true" ;;
    *) HEADER="" ;;
  esac
}

# ask_questions SERVICE…: what answers tell of these services, in $SCRATCH/told.*
ask_questions() {
  local service feature clients requests seconds at_once=()
  while read -r service feature _ clients requests seconds _; do
    case " $* " in *" $service "*) ;; *) continue ;; esac
    header_of "$feature"
    batch "$service" "$HEADER" "$requests" "$seconds" "$service:$feature"
    if [ "$feature" = delay ]; then
      # What is held back must not hold back the others; one that must not be is enough.
      for ((; clients > 0; clients--)); do client "$SCRATCH/told.$clients" --fail-early "${BATCH[@]}"; done
    else
      at_once+=(${at_once[@]+--next} "${BATCH[@]}")
    fi
  done <"$SCRATCH/questions"
  client "$SCRATCH/told.0" "${at_once[@]}"
  wait || true
}

# follow SERVICE…: whether these services answer by the lesson's rules; if not, OBSERVED says what was seen.
OBSERVED=""
follow() {
  ask_questions "$@"
  OBSERVED=$(answers "$SCRATCH"/told.* | awk -v asked="$*" -f "$ROOT/scripts/lib/witness.awk" "$SCRATCH/questions" -)
  [ -z "$OBSERVED" ]
}

# await_rule SERVICE…: returns when answers of these services are by the rules of the lesson whose questions
# were prepared.
await_rule() {
  local started=$SECONDS
  until follow "$@"; do
    if [ $((SECONDS - started)) -gt "$SIGHT_LIMIT" ]; then
      fail "$FAILED" "the rules are written, but answers do not follow them: $OBSERVED" \
        "./fault-injection-demo.sh status; are all pods ready, and is istiod of $CTX1 running?"
    fi
    sleep 0.02
  done
}
