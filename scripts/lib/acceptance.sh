# shellcheck shell=bash
# Whether a deployed theater works, by looking and by real requests; nothing is changed.

# What is checked | by what | what to do.
acceptance() {
  cat <<TABLE
every pod of $CTX1 is ready and has its sidecar|are_pods_whole $CTX1|kubectl get pods -n theater-msa --context $CTX1; is istio-injection enabled?
every pod of $CTX2 is ready and has its sidecar|are_pods_whole $CTX2|kubectl get pods -n theater-msa --context $CTX2
the dashboard is published|is_published|kubectl get virtualservice theater-msa -n istio-system --context $CTX1 -o yaml
a foreign Host is not answered|is_host_routed|kubectl get gateway cp-gateway -n istio-system --context $CTX1 -o yaml
pods of both clusters read Redis (ctx1 across the east-west gateway)|is_redis_reached|kubectl get pods -l app=redis -n theater-msa --context $CTX2
both clusters name the same subsets|are_subsets_equal|kubectl apply -k practice/01-initial --context $CTX2
the dashboard's account may read and not change|is_account_bounded|kubectl auth can-i --list --as system:serviceaccount:theater-msa:api-gateway -n theater-msa --context $CTX1
shares and faults fit the rules|shares_fit|./fault-injection-demo.sh status
TABLE
}

are_pods_whole() {
  local pods
  pods=$(kube "$1" get pods -n "$NAMESPACE" --no-headers 2>&1) || return 1
  printf '%s\n' "$pods" | awk '
    $3 == "Completed" || $3 == "Terminating" { next }
    { split($2, ready, "/"); seen++; if (ready[1] != ready[2] || ready[2] < 2) exit bad = 1 }
    END { exit bad || !seen }
  '
}

is_published() { [ "$(status_of "$APP/")" = 200 ] && [ "$(status_of "$APP/traffic-weights")" = 200 ]; }

is_host_routed() { [ "$(status_of "$APP/" -H 'Host: nobody.invalid')" = 404 ]; }

status_of() {
  local url=$1
  shift
  "${CURL[@]}" -o /dev/null -w '%{http_code}' --max-time 10 "$@" "$url" || true
}

# Every answer of a service is read from Redis, so both clusters' answers prove the way there. Which service
# both clusters answer is for the rules to say: one is asked after the other until both have answered.
is_redis_reached() {
  local service
  : >"$SCRATCH/reached"
  for service in $SERVICES; do
    ask "$SCRATCH/asked" "$service" "" 40 4 10
    cat "$SCRATCH/asked" >>"$SCRATCH/reached"
    awk '$1 == 200 { seen[$3] = 1 } END { exit !(seen["ctx1"] && seen["ctx2"]) }' "$SCRATCH/reached" && return
  done
  return 1
}

are_subsets_equal() {
  rules_of "$CTX1" >"$SCRATCH/rules1" && rules_of "$CTX2" >"$SCRATCH/rules2" || return 1
  [ -z "$(print_subset_differences "$SCRATCH/rules1" "$SCRATCH/rules2")" ]
}

is_account_bounded() {
  local answers
  answers=$(rights "$CTX1" --as "system:serviceaccount:$NAMESPACE:api-gateway" <<RIGHTS
list pods $NAMESPACE
watch deployments.apps $NAMESPACE
watch virtualservices.networking.istio.io $NAMESPACE
list nodes $NAMESPACE
delete pods $NAMESPACE
get secrets $NAMESPACE
update virtualservices.networking.istio.io $NAMESPACE
RIGHTS
  ) || return 1
  [ "${answers//$'\n'/ }" = "true true true true false false false" ]
}

# verify: tells every check; fails when one does not hold.
verify() {
  local what check next failed=0
  while IFS='|' read -r what check next; do
    # shellcheck disable=SC2086 # a check of the table is words
    if $check </dev/null >"$SCRATCH/told" 2>&1; then
      say "  ok       $what"
      sed 's/^/           /' "$SCRATCH/told"
    else
      say "  FAILED   $what"
      sed 's/^/           /' "$SCRATCH/told"
      say "           next: $next"
      failed=1
    fi
  done < <(acceptance)
  return "$failed"
}
