# shellcheck shell=bash
# Orders to be sick: given, listed and cleared by the services' own binaries, from inside a pod.

# order WORD…: said by a pod of any service in ctx1 that can; orders for everybody are in Redis.
order() {
  local service said=$SCRATCH/order outcome
  for service in $SERVICES; do
    service=$service-service
    outcome=0
    kube_whole "$CTX1" exec -n "$NAMESPACE" "deployment/$service-ctx1" -c "$service" -- \
      "$service" order "$@" >"$said" 2>&1 || outcome=$?
    case $outcome in
      0) cat "$said" && return ;;
      # Wrong words are wrong for every service.
      "$MISUSED") break ;;
    esac
  done
  cat "$said" >&2
  return "$outcome"
}

# "user" and "user-service" are the service, "user-service-…" is a pod of it.
service_of() {
  local service
  for service in $SERVICES; do
    case $1 in "$service"|"$service-service"|"$service-service-"*) echo "$service"; return ;; esac
  done
  fail "$MISUSED" "$1 is neither user, movie, booking nor one of their pods" "kubectl get pods -n $NAMESPACE --context $CTX1 (or $CTX2)"
}

# The words that say whom an order is for.
addressed_to() {
  local service
  case $1 in
    *-service-*) echo "--pod $1" ;;
    *) service=$(service_of "$1") && echo "--service $service-service" ;;
  esac
}

# order_sick TARGET [WORD…]: every answer 500, five minutes, where the words do not say otherwise.
order_sick() {
  local target=$1 service address outcome=0
  shift
  service=$(service_of "$target")
  address=$(addressed_to "$target")
  case " $* " in *" --status"*|*" --delay-ms"*|*" --hang"*|*" --cpu-ms"*|*" --memory-mib"*) ;; *) set -- "$@" --status 500 ;; esac
  case " $* " in *" --ttl"*) ;; *) set -- "$@" --ttl 5m ;; esac
  # shellcheck disable=SC2086 # an address is words
  changing "the order" order set $address "$@" || outcome=$?
  case $outcome in
    0) ;;
    "$MISUSED") fail "$MISUSED" "$target got no order" "the lines above say why" ;;
    *) fail "$FAILED" "$target got no order" "the lines above say why" ;;
  esac
  if tells_soon " $* "; then
    await_sick "$service" "$target" "$*"
  else
    say "given; answers do not tell it soon:"
    list_orders
  fi
}

# Whether answers tell of an order within seconds: who hangs gives none, and memory is held in silence.
tells_soon() {
  case $1 in
    *" --hang"*|*" --delay-ms"[\ =][0-9][0-9][0-9][0-9][0-9]*) return 1 ;;
    *" --status"*|*" --delay-ms"*|*" --cpu-ms"*) return 0 ;;
    *) return 1 ;;
  esac
}

# await_sick SERVICE TARGET ORDER: requests until an answer by the order is seen; what is only for ctx2 is
# asked by canaries.
await_sick() {
  local header="" addresses=""
  case "$2 $3" in
    *-ctx2-*|*"--cluster ctx2"*|*"--cluster=ctx2"*) header="x-canary: true" ;;
    *) addresses=$(ordered_addresses "$1" "$2") || true ;;
  esac
  timed until_sick "$1" "$header" "$addresses" ||
    fail "$FAILED" "the order is given, but no answer by it was seen" "./fault-injection-demo.sh status"
  say "seen: $WITNESSED ($TOOK_MS ms after kubectl); it ends by itself, or: heal"
}

# Addresses of the pods of ctx1 that got the order: the TARGET, or all of SERVICE. Pods of ctx2 have none that
# the gateway's sidecar knows: to it their cluster is one host.
ordered_addresses() {
  kube "$CTX1" get pods -n "$NAMESPACE" -l "app=$1-service" \
    -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}' |
    awk -v target="$2" -v service="$1" '
      target == service || target == service "-service" || target == $1 { printf "%s ", $2 }'
}

# until_sick SERVICE HEADER ADDRESSES: where others ask too, their requests may have had the pod taken out
# before one of ours reached it.
WITNESSED=""
until_sick() {
  local started=$SECONDS
  until ask "$SCRATCH/seen" "$1" "$2" 16 8 10 && grep -q ' sick$' "$SCRATCH/seen"; do
    # shellcheck disable=SC2086 # one argument an address
    if [ -n "$3" ] && is_one_out "$1" $3; then
      WITNESSED="the gateway's sidecar has already taken out a pod that got the order"
      return
    fi
    [ $((SECONDS - started)) -le "$SIGHT_LIMIT" ] || return 1
  done
  WITNESSED="an answer by the order"
}

# heal [TARGET]: clears the order of one, or every order.
heal() {
  local address=--all
  if [ $# -gt 0 ]; then address=$(addressed_to "$1") || exit; fi
  # shellcheck disable=SC2086
  changing "the orders" order clear $address && return
  warn "orders were not cleared; each ends by itself within 15 minutes"
  return "$FAILED"
}

list_orders() {
  if order list >"$SCRATCH/orders" 2>&1; then
    sed 's/^/  /' "$SCRATCH/orders"
  else
    say "  unknown ($(tail -n 1 "$SCRATCH/orders"))"
  fi
}

# The breaker's lesson: rules, then one of ctx1's two user pods answers 500.
play_circuit() {
  local pods pod
  # One that is leaving is not worth an order.
  pods=$(kube "$CTX1" get pods -n "$NAMESPACE" -l app=user-service \
    -o 'go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}' | sort)
  [ -n "$pods" ] || fail "$UNAVAILABLE" "$CTX1 has no pod of user-service" "kubectl get pods -n $NAMESPACE --context $CTX1"
  play_lesson "$1"
  order list >"$SCRATCH/orders" || true
  for pod in $pods; do
    # It may be ejected already, and then no answer would tell of it.
    if grep -q "^$pod" "$SCRATCH/orders"; then
      say "no change: $pod is already sick; it ends by itself, or: heal"
      return
    fi
  done
  order_sick "${pods%%$'\n'*}"
}
