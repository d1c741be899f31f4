# shellcheck shell=bash
# The verbs that change rules or give orders.

# finish LESSON: says what a change of ctx1 did and waits for the first answer by it.
finish() {
  timed see "$1"
  [ -z "$SEEN" ] || say "seen: $SEEN ($TOOK_MS ms after kubectl)"
}

# What was seen of a change; nothing where there was none, or where it does not show.
SEEN=""
see() {
  local services
  note_changes
  if [ ! -s "$SCRATCH/changes" ]; then
    say "no change: the rules of $CTX1 are already those of $1"
    return
  fi
  tell_changes "$CTX1"
  services=$(services_changed)
  if [ -z "$services" ]; then
    if ! changes_limits "$1"; then
      say "what changed shows neither in answers of healthy pods nor in the sidecar's limits, which stay as they were"
    elif await_policy "$1"; then
      SEEN="the gateway's sidecar has the new limits"
    else
      say "DestinationRules do not show in answers of healthy pods, and the sidecar's admin port tells nothing"
    fi
    return
  fi
  # shellcheck disable=SC2086 # one argument a service
  await_rule $services
  SEEN="answers follow the new rules"
}

tell_changes() {
  local change
  while read -r change; do say "$1: $change"; done <"$SCRATCH/changes"
}

# write_rules LESSON -k FOLDER (or -f FILE): puts them into ctx1, whole.
write_rules() {
  local lesson=$1
  shift
  prepare_questions "$lesson"
  changing "the rules of $CTX1 ($lesson)" put_rules "$CTX1" "$@" ||
    fail "$FAILED" "the rules of $lesson are not all written" "run it again; ./fault-injection-demo.sh status shows what is there"
}

play_lesson() {
  write_rules "$1" -k "$ROOT/practice/$1"
  finish "$1"
}

recover() {
  write_rules "$FIRST_LESSON" -f "$ROOT/practice/$FIRST_LESSON/virtualservices.yaml"
  finish "$FIRST_LESSON"
}

# The service that a scenario makes suffer.
scenario_service() {
  case $1 in
    delay) echo movie ;;
    error) echo user ;;
    block) echo booking ;;
    *) fail "$MISUSED" "rollback knows delay, error and block, not \"$1\"" "for everything: recover, or reset" ;;
  esac
}

rollback() {
  local service
  service=$(scenario_service "$1")
  route_of "$FIRST_LESSON" "$service" >"$SCRATCH/route.yaml"
  write_rules "$FIRST_LESSON" -f "$SCRATCH/route.yaml"
  finish "$FIRST_LESSON"
}

# The state after deployment, in both clusters; ctx2 first, whose gateway must know the subsets.
reset_theater() {
  local outcome=0
  reset_remote || outcome=$PARTLY
  heal || outcome=$PARTLY
  need_theater "$CTX1"
  play_lesson "$FIRST_LESSON"
  return "$outcome"
}

reset_remote() {
  local trouble
  trouble=$(trouble_of "$CTX2")
  # In a subshell, because what is missing in ctx2 does not end the script.
  if [ -n "$trouble" ] || ! (need_theater "$CTX2"); then
    warn "the rules of $CTX2 are as they were${trouble:+: it was not reached: $trouble}"
    return 1
  fi
  changing "the rules of $CTX2" put_rules "$CTX2" -k "$ROOT/practice/$FIRST_LESSON" || return 1
  note_changes
  tell_changes "$CTX2"
}
