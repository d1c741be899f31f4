# shellcheck shell=bash
# Applying and deleting the overlays.

# Longest wait for one Deployment: images may have to be pulled.
readonly ROLLOUT_LIMIT=300s

# need_new_tag CONTEXT: ends the script where a pod has an image of the tag that is to be built. Nodes keep
# what they pulled (imagePullPolicy is IfNotPresent), so the old code would go on, and pass for the new.
need_new_tag() {
  local pulled tag
  tag=$(setting TAG)
  pulled=$(kube "$1" get pods -n "$NAMESPACE" -o 'go-template={{range .items}}{{range .spec.containers}}of {{.name}} {{.image}}
{{end}}{{range .status.containerStatuses}}pulled {{.name}} {{.imageID}}
{{end}}{{end}}' | awk -v ours="$(setting REGISTRY)/theater-msa/" -v tag=":$tag" '
    $1 == "of" { image[$2] = $3 }
    $1 == "pulled" && NF == 3 && index(image[$2], ours) == 1 &&
      substr(image[$2], length(image[$2]) - length(tag) + 1) == tag { print image[$2] }' | sort -u) ||
    fail "$FAILED" "the pods of $1 cannot be read" "kubectl get pods -n $NAMESPACE --context $1"
  [ -z "$pulled" ] || fail "$FAILED" "nodes of $1 have ${pulled%%$'\n'*} already and would not pull it again" \
    "nothing was built; raise TAG=$tag in k8s/settings/settings.env"
}

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

# give_password CONTEXT…: the component redis-password needs its Secret in both clusters; an existing one
# stays.
give_password() {
  grep -q '^ *- .*redis-password' "$ROOT/k8s/ctx2/kustomization.yaml" || return 0
  local context lacking=""
  find_password
  for context in "$@"; do
    case " $UNREAD " in *" $context "*) unknown_password "$context" ;; esac
    case " $HOLDERS " in *" $context "*) ;; *) lacking="$lacking $context" ;; esac
  done
  [ -n "$lacking" ] || return 0
  # A new one beside an old one that could not be seen would lock the services out.
  [ -n "$HOLDERS" ] || [ -z "$UNREAD" ] || unknown_password "${UNREAD%% *}"
  [ -n "$HOLDERS" ] || PASSWORD=$(LC_ALL=C tr -dc 'a-zA-Z0-9' </dev/urandom | head -c 32 || true)
  for context in $lacking; do create_secret "$context"; done
}

create_secret() {
  if [ -n "$DRY_RUN" ]; then
    say "  $1: would create Secret redis"
    return
  fi
  kube_whole "$1" apply -f "$ROOT/k8s/base/namespace.yaml" >/dev/null
  # By standard input: arguments of processes can be read by others.
  printf '%s' "$PASSWORD" | kube_whole "$1" create secret generic redis -n "$NAMESPACE" --from-file=password=/dev/stdin >/dev/null
  say "  $1: Secret redis created"
  [ -z "$(kube "$1" get deployments -n "$NAMESPACE" -o name)" ] || echo "$1" >>"$SCRATCH/unaware"
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

# find_password: the password that is there, the contexts that have it, and those that could not be read;
# why is in $SCRATCH/unread.
PASSWORD="" HOLDERS="" UNREAD=""
find_password() {
  local context found
  for context in "$CTX1" "$CTX2"; do
    if found=$(kube "$context" get secret redis -n "$NAMESPACE" -o 'go-template={{.data.password | base64decode}}' 2>"$SCRATCH/said"); then
      [ -z "$HOLDERS" ] || [ "$found" = "$PASSWORD" ] ||
        fail "$FAILED" "the Secrets redis of $CTX1 and $CTX2 hold different passwords" \
          "Redis has that of $CTX2: kubectl delete secret redis -n $NAMESPACE --context $CTX1, and run this again"
      PASSWORD=$found HOLDERS="$HOLDERS${HOLDERS:+ }$context"
    elif ! grep -q '(NotFound): .* not found' "$SCRATCH/said"; then
      UNREAD="$UNREAD${UNREAD:+ }$context"
      say "$context $(tail -n 1 "$SCRATCH/said")" >>"$SCRATCH/unread"
    fi
  done
}

# unknown_password CONTEXT: ends the script.
unknown_password() {
  local why
  why=$(awk -v context="$1" '$1 == context { sub(/^[^ ]+ /, ""); print; exit }' "$SCRATCH/unread")
  fail "$FAILED" "it is not known whether $1 has a Secret redis: $why" \
    "no password was made; kubectl get secret redis -n $NAMESPACE --context $1"
}

# Everything of an overlay, data included.
undeploy() {
  if [ -n "$DRY_RUN" ]; then
    say "  $1: would delete everything of k8s/$2, the namespace $NAMESPACE and its data included"
    return
  fi
  changing "the deletion in $1" whole kubectl --context "$1" delete -k "$ROOT/k8s/$2" --ignore-not-found \
    --timeout="$ROLLOUT_LIMIT" >"$SCRATCH/deleted" ||
    fail "$FAILED" "k8s/$2 is not deleted whole" "run this again"
  say "  $1: $(wc -l <"$SCRATCH/deleted" | tr -d ' ') objects deleted"
}
