# shellcheck shell=bash
# DestinationRules do not show in answers of healthy pods. What the gateway's sidecar has made of them
# shows at its admin port, in the limits of its clusters.

# What Istio writes where a rule sets no limit.
readonly NO_LIMIT=4294967295

# limits_of LESSON: a line "SERVICE CONNECTIONS" for each service, of what stands above its subsets.
limits_of() {
  awk -v none="$NO_LIMIT" '
    function flush() { if (service) print service, limit; service = ""; limit = none; inside = 0 }
    BEGIN { limit = none }
    /^---/ { flush() }
    $1 == "host:" { service = $2; sub(/-service.*/, "", service) }
    $1 == "subsets:" { inside = 1 }
    $1 == "maxConnections:" && !inside { limit = $2 }
    END { flush() }
  ' "$ROOT/practice/$1/destinationrules.yaml" | sort
}

# What the gateway's sidecar knows of its clusters and their hosts; nothing where its admin port tells nothing.
sidecar_clusters() {
  kube "$CTX1" exec -n "$NAMESPACE" deployment/api-gateway -c istio-proxy -- pilot-agent request GET clusters 2>/dev/null
}

# is_one_out SERVICE ADDRESS…: whether the sidecar has taken out one of these pods of it.
is_one_out() {
  local service=$1
  shift
  sidecar_clusters | awk -F '::' -v service="|$service-service.$NAMESPACE." -v addresses=" $* " '
    index($1, service) && $3 == "health_flags" && $4 ~ /failed_outlier_check/ {
      address = $2
      sub(/:[0-9]+$/, "", address)
      if (index(addresses, " " address " ")) found = 1
    }
    END { exit !found }'
}

# limits_now: limits as the sidecar has them, of subset ctx1; fails where that cannot be seen.
limits_now() {
  sidecar_clusters |
    awk -F '::' -v theater="-service.$NAMESPACE." '
      $2 != "default_priority" || $3 != "max_connections" || split($1, part, "|") != 4 || part[3] != "ctx1" { next }
      end = index(part[4], theater) {
        print substr(part[4], 1, end - 1), $4
        found = 1
      }
      END { exit !found }' | sort
}

# changes_limits LESSON: whether its limits are not those of the DestinationRules that need_theater has found.
changes_limits() {
  limits_of "$1" >"$SCRATCH/limits"
  sed -n 's/^limit DestinationRule \([a-z]*\)-service[^ ]* /\1 /p' "$SCRATCH/theater" |
    awk -v none="$NO_LIMIT" '{ print $1, $2 == "" ? none : $2 }' | sort -u >"$SCRATCH/limits.before"
  ! cmp -s "$SCRATCH/limits" "$SCRATCH/limits.before"
}

# await_policy LESSON: returns when the sidecar has the lesson's limits; 1 where that cannot be seen.
await_policy() {
  local started=$SECONDS
  limits_of "$1" >"$SCRATCH/limits"
  while limits_now >"$SCRATCH/limits.now"; do
    ! cmp -s "$SCRATCH/limits" "$SCRATCH/limits.now" || return 0
    [ $((SECONDS - started)) -le "$SIGHT_LIMIT" ] ||
      fail "$FAILED" "the rules are written, but the gateway's sidecar does not have their limits" \
        "./fault-injection-demo.sh status; does an older DestinationRule win?"
    sleep 0.1
  done
  return 1
}
