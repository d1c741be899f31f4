# shellcheck shell=bash
# The verbs that change rules or give orders.

# finish LESSON: says what a change of ctx1 did and waits for the first answer by it.
finish() {
  local lesson=$1 services
  if [ ! -s "$SCRATCH/changes.$CTX1" ]; then
    say "no change: the rules of $CTX1 are already those of $lesson"
    return
  fi
  sed "s/^/$CTX1: /" "$SCRATCH/changes.$CTX1"
  services=$(services_changed "$CTX1")
  if [ -z "$services" ]; then
    say "DestinationRules do not show in answers of healthy pods: ./fault-injection-demo.sh status"
    return
  fi
  # shellcheck disable=SC2086 # one argument a service
  await_rule "$lesson" $services
}

# write_rules LESSON -k FOLDER (or -f FILE): puts them into ctx1, whole.
write_rules() {
  local lesson=$1
  shift
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

# The state after deployment, in both clusters.
reset_theater() {
  local outcome=0
  write_rules "$FIRST_LESSON" -k "$ROOT/practice/$FIRST_LESSON"
  reset_remote || outcome=$PARTLY
  heal || outcome=$PARTLY
  finish "$FIRST_LESSON"
  return "$outcome"
}

reset_remote() {
  local trouble
  trouble=$(trouble_of "$CTX2")
  if [ -n "$trouble" ]; then
    warn "$CTX2 was not reached, its rules are as they were: $trouble"
    return 1
  fi
  changing "the rules of $CTX2" put_rules "$CTX2" -k "$ROOT/practice/$FIRST_LESSON" || return 1
  sed "s/^/$CTX2: /" "$SCRATCH/changes.$CTX2"
}
