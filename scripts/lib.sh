# shellcheck shell=bash
# What the scripts share: words, exit codes, options, settings, interruption, cleaning up. Sourced, never run.
#
# ROOT is the checkout. Written for bash 3.2 (macOS), kubectl, curl 7.52 and POSIX tools. Parts with a subject
# of their own are in scripts/lib/ and are sourced by the script that needs them.

# Decimal points and byte-wise text whatever the user's language is.
export LC_ALL=C

# Exit codes, as the help texts name them; 64 and 69 are EX_USAGE and EX_UNAVAILABLE of sysexits.h.
# shellcheck disable=SC2034 # read by the scripts that source this
readonly FAILED=1 PARTLY=2 MISUSED=64 UNAVAILABLE=69 INTERRUPTED=130
# shellcheck disable=SC2034
readonly NAMESPACE=theater-msa
# shellcheck disable=SC2034
readonly SERVICES="user movie booking"

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# fail CODE WHAT NEXT: names the thing and the next step, and ends the script.
fail() {
  printf 'error: %s\n' "$2" >&2
  [ -z "${3:-}" ] || printf '  next: %s\n' "$3" >&2
  exit "$1"
}

# misused WHAT: wrong words.
misused() { fail "$MISUSED" "$1" "${0##*/} --help"; }

# value_of OPTION VALUE…: the value of an option; there has to be one.
value_of() {
  [ -n "${2:-}" ] || misused "$1 needs a value"
  printf '%s\n' "$2"
}

# header_usage: the help text of a script that has it in the comment at its top.
header_usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }

# setting NAME: of k8s/settings/settings.env, which the manifests read too.
setting() { sed -n "s/^$1=//p" "$ROOT/k8s/settings/settings.env"; }

# The folder for temporary files; gone when the script ends, however it ends.
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/theater.XXXXXX")
# What is being changed and must not be left half done; empty at other times.
CHANGING=""
INTERRUPTION=""
# What to do after an interruption, where the script knows it.
GO_ON=""

clean_up() {
  local children
  children=$(jobs -p)
  # A child that has ended by itself is no error.
  # shellcheck disable=SC2086 # one argument a process
  [ -z "$children" ] || kill $children 2>/dev/null || true
  rm -rf "$SCRATCH"
}

on_interrupt() {
  [ -n "$CHANGING" ] || interrupted
  INTERRUPTION=yes
  warn "interrupted; $CHANGING is finished first"
}

interrupted() { fail "$INTERRUPTED" "interrupted: what was begun is done, nothing else" "$GO_ON"; }

trap clean_up EXIT
trap on_interrupt INT TERM HUP
# A reader that has gone (`… | head`) would end the script without cleaning up.
trap 'exit 141' PIPE

# changing WHAT COMMAND…: runs a change to its end, and obeys a Ctrl-C only then.
changing() {
  local outcome=0
  CHANGING=$1
  shift
  "$@" || outcome=$?
  CHANGING=""
  [ -z "$INTERRUPTION" ] || interrupted
  return "$outcome"
}

# timed COMMAND…: runs it; how long it took is in TOOK_MS. No clock of bash 3.2 or POSIX tells
# milliseconds, but the keyword `time` does; descriptor 3 keeps its word apart from the command's errors.
# shellcheck disable=SC2034 # read by what is timed
TOOK_MS=0
timed() {
  local TIMEFORMAT=%3R outcome=0
  { time "$@" 2>&3 || outcome=$?; } 3>&2 2>"$SCRATCH/time"
  # shellcheck disable=SC2034
  TOOK_MS=$((10#$(tr -d . <"$SCRATCH/time")))
  return "$outcome"
}

# need TOOL…: ends the script when one is missing.
need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$UNAVAILABLE" "$tool is not installed" "$(where_to_get "$tool")"
  done
}

where_to_get() {
  case $1 in
    kubectl) echo "https://kubernetes.io/docs/tasks/tools/ ($(minimum MIN_KUBECTL) or newer)" ;;
    *) echo "install it with your system's packages, then run this again" ;;
  esac
}

# minimum NAME: a version of k8s/versions.env, the one place that says them.
minimum() { sed -n "s/^$1=//p" "$ROOT/k8s/versions.env"; }

# is_loopback URL
is_loopback() {
  local host=${1#*://}
  case ${host%%/*} in
    127.*[!0-9.:]*) return 1 ;;
    127.*|localhost|localhost:*|'[::1]'|'[::1]:'*) return 0 ;;
    *) return 1 ;;
  esac
}

# prefixed WORD: every line after it. Names of contexts may hold what sed takes for its own.
prefixed() { awk -v word="$1" '{ print word ": " $0 }'; }
