# shellcheck shell=bash
# Applying and deleting the overlays.

# Longest wait for one Deployment: images may have to be pulled.
readonly ROLLOUT_LIMIT=300s

# deploy CONTEXT OVERLAY: applies it; safe to repeat.
deploy() {
  if [ -n "$DRY_RUN" ]; then
    kube "$1" apply -k "$ROOT/k8s/$2" --dry-run=client | prefixed "  $1"
    return
  fi
  changing "the theater in $1" kube_whole "$1" apply -k "$ROOT/k8s/$2" >"$SCRATCH/applied" ||
    fail "$FAILED" "k8s/$2 is not applied whole" "the lines above say why; it is safe to run this again"
  summary "$1" "$SCRATCH/applied"
}

# How many objects were created, configured, unchanged.
summary() {
  awk '{ count[$NF]++ } END { for (word in count) { printf "%s%d %s", comma, count[word], word; comma = ", " } print "" }' "$2" |
    prefixed "  $1"
}

# await_rollouts CONTEXT [DEPLOYMENT…]: all, or these. A watch, so without the limit of single calls.
await_rollouts() {
  local context=$1 deployment all
  shift
  if [ $# -eq 0 ]; then
    all=$(kube "$context" get deployments -n "$NAMESPACE" -o name) ||
      fail "$FAILED" "the Deployments of $context cannot be read" "kubectl get deployments -n $NAMESPACE --context $context"
    # shellcheck disable=SC2086 # one argument a Deployment
    set -- $all
  fi
  for deployment in "$@"; do
    kubectl --context "$context" rollout status "$deployment" -n "$NAMESPACE" --timeout="$ROLLOUT_LIMIT" | prefixed "  $context" ||
      fail "$FAILED" "$deployment of $context does not come up" \
        "kubectl describe pods -n $NAMESPACE --context $context; kubectl get events -n $NAMESPACE --context $context"
  done
}

# The component redis-password needs its Secret in both clusters; an existing one stays.
give_password() {
  grep -q '^ *- .*redis-password' "$ROOT/k8s/ctx2/kustomization.yaml" || return 0
  local context password
  password=$(known_password) || password=$(LC_ALL=C tr -dc 'a-zA-Z0-9' </dev/urandom | head -c 32 || true)
  for context in "$@"; do
    kube "$context" get secret redis -n "$NAMESPACE" >/dev/null 2>&1 && continue
    if [ -n "$DRY_RUN" ]; then
      say "  $context: would create Secret redis"
      continue
    fi
    kube_whole "$context" apply -f "$ROOT/k8s/base/namespace.yaml" >/dev/null
    # By standard input: arguments of processes can be read by others.
    printf '%s' "$password" | kube_whole "$context" create secret generic redis -n "$NAMESPACE" --from-file=password=/dev/stdin >/dev/null
    say "  $context: Secret redis created"
    [ -z "$(kube "$context" get deployments -n "$NAMESPACE" -o name)" ] || echo "$context" >>"$SCRATCH/unaware"
  done
}

# A pod reads variables when it starts: one that ran before the Secret was made knows no password.
restart_unaware() {
  local context
  [ -s "$SCRATCH/unaware" ] || return 0
  while read -r context <&3; do
    changing "the pods of $context" kube_whole "$context" rollout restart deployment -n "$NAMESPACE" >/dev/null ||
      fail "$FAILED" "the pods of $context do not know the password" "kubectl rollout restart deployment -n $NAMESPACE --context $context"
    say "  $context: pods are started again with the password"
  done 3<"$SCRATCH/unaware"
}

# Both clusters must have the same.
known_password() {
  local context found
  for context in "$CTX1" "$CTX2"; do
    found=$(kube "$context" get secret redis -n "$NAMESPACE" -o 'go-template={{.data.password | base64decode}}' 2>/dev/null) || continue
    printf '%s' "$found"
    return
  done
  return 1
}

# Everything of an overlay, data included.
undeploy() {
  if [ -n "$DRY_RUN" ]; then
    say "  $1: would delete everything of k8s/$2, the namespace $NAMESPACE and its data included"
    return
  fi
  kubectl --context "$1" delete -k "$ROOT/k8s/$2" --ignore-not-found --timeout="$ROLLOUT_LIMIT" >"$SCRATCH/deleted" ||
    fail "$FAILED" "k8s/$2 is not deleted whole" "run this again"
  say "  $1: $(wc -l <"$SCRATCH/deleted" | tr -d ' ') objects deleted"
}
