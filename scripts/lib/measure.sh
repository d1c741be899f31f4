# shellcheck shell=bash
# The verbs that only look: test and status.

measure() {
  shares_fit || fail "$FAILED" "answers do not follow the rules" "./fault-injection-demo.sh status"
}

# Prints every figure; fails when one is outside its band twice.
shares_fit() {
  local service outside=0
  say "$REQUESTS requests a service, $PARALLEL at a time"
  rules_of "$CTX1" >"$SCRATCH/rules"
  print_warnings "$SCRATCH/rules"
  say "  service   sent  ctx1  ctx2  none   statuses         causes             p50 ms   p95 ms"
  for service in $SERVICES; do
    # A fair draw is outside once in a million; twice is a defect.
    judged "$service" || judged "$service" || outside=1
  done
  return "$outside"
}

judged() {
  grep "^rule|$1|" "$SCRATCH/rules" >"$SCRATCH/rule"
  ask "$SCRATCH/answers" "$1" "" "$REQUESTS" "$PARALLEL" 30
  sort -n -k 2,2 "$SCRATCH/answers" >"$SCRATCH/sorted"
  awk -f "$ROOT/scripts/lib/binomial.awk" -f "$ROOT/scripts/lib/report.awk" \
    "$SCRATCH/rule" "$SCRATCH/sorted" >"$SCRATCH/report"
  sed '/^outside$/d' "$SCRATCH/report"
  ! grep -q '^outside$' "$SCRATCH/report"
}

show_status() {
  local trouble
  rules_of "$CTX1" >"$SCRATCH/rules1"
  say "rules ($CTX1, which the gateway's sidecar obeys):"
  print_rules "$SCRATCH/rules1"
  print_warnings "$SCRATCH/rules1"
  say "orders to be sick:"
  list_orders
  show_pods "$CTX1"
  trouble=$(trouble_of "$CTX2")
  if [ -n "$trouble" ]; then
    say "$CTX2: unknown ($trouble)"
    return "$PARTLY"
  fi
  show_pods "$CTX2"
  rules_of "$CTX2" >"$SCRATCH/rules2"
  print_warnings "$SCRATCH/rules2"
  print_subset_differences "$SCRATCH/rules1" "$SCRATCH/rules2"
}

show_pods() {
  say "pods of $1:"
  kube "$1" get pods -n "$NAMESPACE" -o wide | awk '{ print "  " $0 }'
}
