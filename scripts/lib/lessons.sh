# shellcheck shell=bash
# Lessons as objects: applying a folder, or a part of it, and knowing what that changed.

# shellcheck disable=SC2034 # read by the verbs
readonly FIRST_LESSON=01-initial
# Rules of the original beside our own: of two DestinationRules for one host the older silently wins.
readonly OLDER_RULES="user-service-circuit-breaker movie-service-circuit-breaker booking-service-circuit-breaker"

# rules_changed BEFORE WRITTEN: a line "WORD KIND NAME" for each rule that was written and is not what it
# was. Without a process of its own: the first answer by a new rule is waiting.
rules_changed() {
  local before kind name version line=$'\n'
  before=$line$(<"$1")$line
  while read -r kind name version; do
    case $before in
      *"$line$kind $name $version$line"*) ;;
      *"$line$kind $name "*) say "changed $kind $name" ;;
      *) say "created $kind $name" ;;
    esac
  done <"$2"
}

# apply_rules CONTEXT -k FOLDER (or -f FILE): makes these rules what the cluster has, whatever was added;
# what they are now is in $SCRATCH/written.
#
# apply creates what is missing and is what the lesson teaches; it keeps fields that others added, so a
# replace follows, which changes nothing where nothing is left over.
apply_rules() {
  kube_whole "$1" apply "$2" "$3" >/dev/null || return 1
  # What it warns of, apply has just said.
  kube_whole "$1" replace --save-config "$2" "$3" -o "jsonpath=$OBJECT_LINE" >"$SCRATCH/written" 2>"$SCRATCH/said" && return
  cat "$SCRATCH/said" >&2
  return 1
}

# Only after the new rules are there: deleting first leaves a moment without any subset. What was removed,
# one line a rule, is in REMOVED.
REMOVED=""
remove_older_rules() {
  local rule found=""
  for rule in $OLDER_RULES; do
    if grep -q "^DestinationRule $rule " "$SCRATCH/theater"; then found="$found $rule"; fi
  done
  [ -n "$found" ] || return 0
  # shellcheck disable=SC2086 # one argument a rule
  kube_whole "$1" delete destinationrules -n "$NAMESPACE" --ignore-not-found $found >/dev/null || return 1
  # shellcheck disable=SC2086
  REMOVED=$(printf 'removed DestinationRule %s\n' $found)
}

# put_rules CONTEXT -k FOLDER (or -f FILE): the whole change of a theater that need_theater has found;
# note_changes tells what it did.
#
# Only a folder brings DestinationRules of its own, which make the older ones needless.
put_rules() {
  REMOVED=""
  apply_rules "$@" || return 1
  if [ "$2" = -k ]; then remove_older_rules "$1" || return 1; fi
}

# What the last change did, one line a rule, in $SCRATCH/changes.
note_changes() {
  rules_changed "$SCRATCH/theater" "$SCRATCH/written" >"$SCRATCH/changes"
  [ -z "$REMOVED" ] || say "$REMOVED" >>"$SCRATCH/changes"
}

# route_of LESSON SERVICE: the VirtualService of one service.
route_of() {
  awk -v name="$2-service-vs" '
    function flush() { if (found) printf "%s", text; text = ""; found = 0 }
    /^---/ { flush(); next }
    $1 == "name:" && $2 == name { found = 1 }
    { text = text $0 "\n" }
    END { flush() }
  ' "$ROOT/practice/$1/virtualservices.yaml"
}

# The services whose routes the last change touched.
services_changed() {
  local kind name
  while read -r _ kind name; do
    case "$kind $name" in "VirtualService "*-service-vs) say "${name%-service-vs}" ;; esac
  done <"$SCRATCH/changes"
}
