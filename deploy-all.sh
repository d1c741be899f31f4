#!/usr/bin/env bash
# Deploys the theater to both clusters: see --help.
set -euo pipefail

ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib/clusters.sh"
. "$ROOT/scripts/lib/dashboard.sh"
. "$ROOT/scripts/lib/rules.sh"
. "$ROOT/scripts/lib/measure.sh"
. "$ROOT/scripts/lib/rights.sh"
. "$ROOT/scripts/lib/preflight.sh"
. "$ROOT/scripts/lib/acceptance.sh"
. "$ROOT/scripts/lib/deployment.sh"

usage() {
  cat <<'TEXT'
Usage: deploy-all.sh [OPTION...]

Checks both clusters, applies k8s/ctx2 and k8s/ctx1, waits until everything is ready, and verifies it by
real requests. Safe to repeat. Domain, registry and tag: k8s/settings/settings.env; APP_URL is where the
dashboard is reached, if not at http://theater.$DOMAIN.
두 클러스터를 점검하고, 배포하고, 준비될 때까지 기다린 뒤 실제 요청으로 확인합니다. 여러 번 실행해도 됩니다.

  --dry-run             check, and say what would be applied; change nothing
  --ctx1-only           deploy ctx1 alone (its services get ready when Redis in ctx2 is reached)
  --ctx2-only           deploy ctx2 alone
  --build               build and push the images first (scripts/build-images --push), under a TAG that no pod
                        has yet: nodes do not pull again what they have
  --verify              only verify what is deployed; reads and requests, changes nothing
  --delete              delete everything of both overlays, the data in Redis included
  --lab                 the lab that runs here (start it with: cargo lab --empty)
  --context NAME        the kubectl context in the role of ctx1
  --remote-context NAME the one in the role of ctx2
  -y, --yes             do not ask before clusters that are not on this machine are changed
  -h, --help            this text

Exit: 0 done, 1 failed, 2 ctx1 is deployed and ctx2 was not reached, 64 wrong words, 69 something needed is
missing, 130 interrupted (an apply that was begun is finished).
TEXT
}

GO_ON="run it again: it goes on where it stopped, and --delete takes everything back"
TASK=deploy
ONLY=""
DRY_RUN=""
WITH_LAB=""
BUILD=""
# Of measure, which is a part of the verification.
REQUESTS=100
PARALLEL=20

task() {
  [ "$TASK" = deploy ] || misused "--$TASK and --$1 do not go together"
  TASK=$1
}

only() {
  [ -z "$ONLY" ] || misused "--$ONLY-only and --$1-only do not go together"
  ONLY=$1
}

read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
      -h|--help) usage; exit 0 ;;
      -y|--yes) ASSUME_YES=yes ;;
      --lab) WITH_LAB=yes ;;
      --dry-run) DRY_RUN=yes ;;
      --build) BUILD=yes ;;
      --ctx1-only) only ctx1 ;;
      --ctx2-only) only ctx2 ;;
      --verify) task verify ;;
      --delete) task delete ;;
      --context) CTX1=$(value_of "$@"); shift ;;
      --remote-context) CTX2=$(value_of "$@"); shift ;;
      *) misused "there is no option $1" ;;
    esac
    shift
  done
  [ "$TASK" = deploy ] || [ -z "$BUILD" ] || misused "--$TASK builds nothing"
  [ "$TASK" != verify ] || [ -z "$ONLY$DRY_RUN" ] || misused "--verify looks at both clusters and changes nothing"
}

# Whether real requests are a part of the task.
asks() { [ "$TASK" != delete ] && [ -z "$ONLY$DRY_RUN" ]; }

prepare() {
  need kubectl curl awk sed sort
  need_kubectl_version
  if [ -n "$WITH_LAB" ]; then use_lab; fi
  announce_servers
  if asks; then find_dashboard; fi
  [ -n "$WITH_LAB" ] || [ "$(setting DOMAIN)" != example.com ] ||
    warn "k8s/settings/settings.env still says example.com: images cannot be pulled from there"
}

confirm_task() {
  local contexts=("$CTX1" "$CTX2")
  [ -z "$DRY_RUN" ] && [ "$TASK" != verify ] || return 0
  case $ONLY in
    ctx1) contexts=("$CTX1") ;;
    ctx2) contexts=("$CTX2") ;;
  esac
  if [ "$TASK" = delete ]; then confirm_deletion "${contexts[@]}"; else confirm "$TASK" "${contexts[@]}"; fi
}

# confirm_deletion CONTEXT…: it takes data with it, so it is asked for on this machine too.
confirm_deletion() {
  local context server places=""
  [ -z "$ASSUME_YES" ] || return 0
  [ -t 0 ] || fail "$MISUSED" "--delete removes the data too, and there is no terminal to ask" "add --yes"
  for context in "$@"; do
    server=$(server_of "$context") || continue
    places="$places${places:+ and }$context ($server)"
  done
  agree "Delete the theater, the namespace $NAMESPACE with all its data, from $places?"
}

# The clusters that are asked for and can be used: "context overlay" a line, ctx2 first, for Redis and the
# subsets are there. What keeps ctx2 away is told, and is no reason to leave ctx1 alone.
REMOTE_TROUBLE=""
usable() {
  : >"$SCRATCH/usable"
  if [ "$ONLY" != ctx1 ]; then
    REMOTE_TROUBLE=$(trouble_of "$CTX2")
    if [ -n "$REMOTE_TROUBLE" ] && [ "$ONLY" = ctx2 ]; then fail "$UNAVAILABLE" "$CTX2 was not reached: $REMOTE_TROUBLE"; fi
    if [ -n "$REMOTE_TROUBLE" ]; then warn "$CTX2 is left out: $REMOTE_TROUBLE"; else echo "$CTX2 ctx2" >>"$SCRATCH/usable"; fi
  fi
  if [ "$ONLY" != ctx2 ]; then
    need_cluster "$CTX1"
    echo "$CTX1 ctx1" >>"$SCRATCH/usable"
  fi
}

# for_each FUNCTION: with context and overlay of every usable cluster.
for_each() {
  local context overlay outcome=0
  while read -r context overlay <&3; do
    "$1" "$context" "$overlay" || outcome=$?
  done 3<"$SCRATCH/usable"
  return "$outcome"
}

deploy_all() {
  say "preflight"
  for_each preflight || fail "$UNAVAILABLE" "the clusters are not ready for the theater" "the lines above say what to do; nothing was changed"
  if [ -n "$BUILD" ]; then
    for_each need_new_tag
    "$ROOT/scripts/build-images" --push ${DRY_RUN:+--dry-run}
  fi
  # shellcheck disable=SC2046 # one argument a context
  give_password $(cut -d ' ' -f 1 "$SCRATCH/usable")
  say "apply"
  for_each deploy
  restart_unaware
  [ -n "$DRY_RUN" ] || await_and_verify
  [ -z "$REMOTE_TROUBLE" ] || return "$PARTLY"
}

# Without Redis in ctx2 there is little to wait for.
await_and_verify() {
  say "rollouts"
  if [ -n "$REMOTE_TROUBLE" ] || [ "$ONLY" = ctx1 ]; then
    await_rollouts "$CTX1" deployment/api-gateway
    say "  $CTX1: services get ready when they reach Redis in $CTX2"
    return
  fi
  for_each await_overlay
  [ -n "$ONLY" ] || verify_all
}

await_overlay() { await_rollouts "$1"; }

verify_all() {
  say "verify"
  await_dashboard
  verify || fail "$FAILED" "the theater does not work as it should" "the lines above say what to do"
  say "the theater is up: $APP"
}

delete_all() {
  say "delete"
  for_each undeploy
  [ -z "$REMOTE_TROUBLE" ] || return "$PARTLY"
}

main() {
  read_words "$@"
  prepare
  confirm_task
  usable
  case $TASK in
    deploy) deploy_all ;;
    verify) verify_all ;;
    delete) delete_all ;;
  esac
}

main "$@"
