# shellcheck shell=bash
# The two clusters: which they are, whether they can be used, and one way to call kubectl.

# Contexts in the roles ctx1 and ctx2; options may name others.
CTX1=ctx1
CTX2=ctx2
ASSUME_YES=""
LAB_URL=""

# No single call may hang; a cluster that swallows packets is known by then.
readonly CALL_LIMIT=10s PROBE_LIMIT=5s

# kube CONTEXT ARGUMENT…
kube() {
  local context=$1
  shift
  kubectl --context "$context" --request-timeout="$CALL_LIMIT" "$@"
}

# COMMAND… out of reach of the terminal's Ctrl-C, for changes; and kube so.
whole() { (trap '' INT HUP && "$@"); }
kube_whole() { whole kube "$@"; }

# Takes kubeconfig and dashboard of the running lab.
use_lab() {
  local state
  state=$(lab_state_dir) || fail "$UNAVAILABLE" "no lab has been started here" \
    "start one with: cargo lab (or set THEATER_STATE_DIR to its --state-dir)"
  export KUBECONFIG=$state/kubeconfig
  LAB_URL=$(sed -n 's|.*\(http://[^ ]*\).*|\1|p' "$state/lock")
  [ -n "$LAB_URL" ] || fail "$UNAVAILABLE" "the lab of $state is not up yet" "wait until it has printed its dashboard"
}

lab_state_dir() {
  local folder
  for folder in "${THEATER_STATE_DIR:-}" .theater "$ROOT/.theater"; do
    if [ -n "$folder" ] && [ -f "$folder/kubeconfig" ] && [ -f "$folder/lock" ]; then
      (CDPATH='' cd -- "$folder" && pwd)
      return
    fi
  done
  return 1
}

# Scheme, host and port; the path stays out of sight: in the lab it is the credential.
server_of() {
  awk -F '\t' -v context="$1" '
    $1 == "context" && $2 == context { cluster = $3 }
    $1 == "cluster" { server[$2] = $3 }
    END {
      if (!(cluster in server)) exit 1
      split(server[cluster], part, "/")
      print part[1] "//" part[3]
    }
  ' "$SCRATCH/kubeconfig"
}

# Read once; credentials are not in it.
read_kubeconfig() {
  kubectl config view -o 'jsonpath={range .contexts[*]}context{"\t"}{.name}{"\t"}{.context.cluster}{"\n"}{end}{range .clusters[*]}cluster{"\t"}{.name}{"\t"}{.cluster.server}{"\n"}{end}' \
    >"$SCRATCH/kubeconfig" || fail "$UNAVAILABLE" "the kubeconfig cannot be read" "look at KUBECONFIG: ${KUBECONFIG:-not set}"
}

# Says which API servers are meant, before anything is asked of them.
announce_servers() {
  local context
  read_kubeconfig
  for context in "$CTX1" "$CTX2"; do
    say "$context: $(server_of "$context" || echo "no such context")"
  done
}

# confirm WHAT CONTEXT…: a cluster that is not on this machine may be someone else's, so changing it takes a
# word.
confirm() {
  local what=$1 context server servers=""
  shift
  [ -z "$ASSUME_YES" ] || return 0
  for context in "$@"; do
    server=$(server_of "$context") || continue
    if is_loopback "$server"; then continue; fi
    [ -t 0 ] || fail "$MISUSED" "$server is not on this machine, and there is no terminal to ask" "add --yes"
    servers=$servers${servers:+, }$server
  done
  [ -z "$servers" ] || agree "Change $servers ($what)?"
}

# agree QUESTION: ends the script where the answer is not yes.
agree() {
  local answer
  printf '%s [y/N] ' "$1"
  read -r answer
  case $answer in y|Y|yes) return 0 ;; *) fail "$FAILED" "nothing was changed" ;; esac
}

need_context() {
  server_of "$1" >/dev/null && return
  fail "$UNAVAILABLE" "kubectl has no context $1" \
    "kubectl config get-contexts; kubectl config rename-context YOURS $1 (or --lab, or --context)"
}

# Why a cluster does not answer; nothing when it does.
trouble_of() {
  local said
  server_of "$1" >/dev/null || {
    echo "kubectl has no context $1"
    return
  }
  said=$(kubectl --context "$1" --request-timeout="$PROBE_LIMIT" get --raw /version 2>&1 >/dev/null) && return
  printf '%s\n' "$said" | tail -n 1
}

need_cluster() {
  local trouble
  need_context "$1"
  trouble=$(trouble_of "$1")
  [ -z "$trouble" ] || fail "$UNAVAILABLE" "the API server of $1 does not answer: $trouble" \
    "kubectl cluster-info --context $1"
}

# Kind, name and version of an object, one a line.
readonly OBJECT_LINE='{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}'

# And how many connections it allows its host, where it is a DestinationRule.
readonly LIMIT_LINE='limit {.kind} {.spec.host} {.spec.trafficPolicy.connectionPool.tcp.maxConnections}{"\n"}'

# The theater of a context, by one call: its Services and rules are in $SCRATCH/theater. Only where that
# fails is it found out what is missing.
need_theater() {
  local found service
  found=$(kubectl --context "$1" --request-timeout="$PROBE_LIMIT" get services,destinationrules,virtualservices \
    -n "$NAMESPACE" -o "jsonpath={range .items[*]}$OBJECT_LINE{end}{range .items[*]}$LIMIT_LINE{end}" \
    2>"$SCRATCH/said") || diagnose "$1"
  [ -n "$found" ] || need_namespace "$1"
  for service in $SERVICES; do
    case $found in
      *"Service $service-service "*) ;;
      *) fail "$UNAVAILABLE" "$1 has no Service $service-service" "./deploy-all.sh" ;;
    esac
  done
  printf '%s\n' "$found" >"$SCRATCH/theater"
}

# Why the theater of a context could not be read; $SCRATCH/said holds what kubectl said.
diagnose() {
  local said
  said=$(tail -n 1 "$SCRATCH/said")
  need_cluster "$1"
  kube "$1" get services -n "$NAMESPACE" -o name >/dev/null 2>&1 ||
    fail "$UNAVAILABLE" "services of $1 cannot be read: $said" "kubectl auth can-i list services -n $NAMESPACE --context $1"
  fail "$UNAVAILABLE" "$1 does not show its VirtualServices and DestinationRules: $said" \
    "is Istio installed there (istioctl version --context $1), and may you read them?"
}

need_namespace() {
  kube "$1" get namespace "$NAMESPACE" >/dev/null 2>&1 ||
    fail "$UNAVAILABLE" "$1 has no namespace $NAMESPACE" "./deploy-all.sh (or kubectl apply -k k8s/ctx1 --context $1)"
}
