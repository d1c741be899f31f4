# shellcheck shell=bash
# Lessons as objects: applying a folder, or a part of it, and knowing what that changed.

# shellcheck disable=SC2034 # read by the verbs
readonly FIRST_LESSON=01-initial
# Rules of the original beside our own: of two DestinationRules for one host the older silently wins.
readonly OLDER_RULES="user-service-circuit-breaker movie-service-circuit-breaker booking-service-circuit-breaker"

# expect LESSON KEY: a number of a lesson; fails when it has none.
expect() {
  local key value
  while IFS=': ' read -r key value; do
    [ "$key" != "$2" ] || { printf '%s\n' "$value"; return; }
  done <"$ROOT/practice/$1/expect.yaml"
  return 1
}

# rules_changed BEFORE WRITTEN: a line "WORD KIND NAME" for each rule that was written and is not what it was.
rules_changed() {
  awk '
    FNR == NR { before[$1 " " $2] = $3; next }
    !(($1 " " $2) in before) { print "created", $1, $2; next }
    before[$1 " " $2] != $3 { print "changed", $1, $2 }
  ' "$1" "$2" | sort
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

# Only after the new rules are there: deleting first leaves a moment without any subset.
remove_older_rules() {
  local rule found=""
  for rule in $OLDER_RULES; do
    if grep -q "^DestinationRule $rule " "$SCRATCH/theater"; then found="$found $rule"; fi
  done
  : >"$SCRATCH/removed"
  [ -n "$found" ] || return 0
  # shellcheck disable=SC2086 # one argument a rule
  kube_whole "$1" delete destinationrules -n "$NAMESPACE" --ignore-not-found $found >/dev/null || return 1
  # shellcheck disable=SC2086
  printf 'removed DestinationRule %s\n' $found >"$SCRATCH/removed"
}

# put_rules CONTEXT -k FOLDER (or -f FILE): the whole change of a theater that need_theater has found;
# note_changes tells what it did.
#
# Only a folder brings DestinationRules of its own, which make the older ones needless.
put_rules() {
  : >"$SCRATCH/removed"
  apply_rules "$@" || return 1
  if [ "$2" = -k ]; then remove_older_rules "$1" || return 1; fi
}

# What the last change did, one line a rule, in $SCRATCH/changes.
note_changes() {
  rules_changed "$SCRATCH/theater" "$SCRATCH/written" | cat - "$SCRATCH/removed" >"$SCRATCH/changes"
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
  awk '$2 == "VirtualService" { print $3 }' "$SCRATCH/changes" | sed -n 's/-service-vs$//p'
}
