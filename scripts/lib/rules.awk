# Reads the sorted lines of rules.gotemplate and says which rules are effective for each service:
#
#   rule|SERVICE|CTX1|CTX2|DELAY|OF|ABORT|OF|VIRTUALSERVICE|RULE|DESTINATIONRULE|BREAKER|SUBSETS
#   warning|TEXT
#
# CTX1 and CTX2 are percentages, "-" where the balancer decides. Of several objects for a host the oldest
# wins (Istio); input is sorted by age. The rule without a condition is what ordinary requests get.

function short(host) { sub(/\..*/, "", host); return host }

function shares(service, targets,   count, list, i, parts, to, total, of) {
  count = split(targets, list, " ")
  for (i = 1; i <= count; i++) {
    split(list[i], parts, "=")
    split(parts[1], to, "/")
    if (count == 1) parts[2] = 1
    total += parts[2]
    if (to[2] == "-") return "-|-"
    if (short(to[1]) == service) of[to[2]] += parts[2]
  }
  if (!total) return "-|-"
  return sprintf("%g|%g", 100 * of["ctx1"] / total, 100 * of["ctx2"] / total)
}

function breaker(errors, interval, ejection, most) {
  if (errors == "" && interval == "" && ejection == "") return "none"
  return errors " errors, looks every " interval ", out for " ejection ", at most " most " %"
}

function warn(text) { print "warning|" cluster ": " text }

BEGIN { FS = "|" }

{ host = short($4) }

$1 == "route" && !(host in route) { route[host] = $3 }
$1 == "route" && $3 != route[host] && !told[$3]++ {
  warn("VirtualService " $3 " has no effect: " route[host] " is older and rules " host)
}
$1 == "route" && $3 == route[host] && $6 == "none" && !(host in rule) {
  rule[host] = shares(host, $11) "|" $7 "|" $8 "|" $9 "|" $10 "|" $3 "|" $5
}
$1 == "policy" && !(host in policy) {
  policy[host] = $3 "|" breaker($6, $7, $8, $9) "|" $5
  first[host] = $3
  next
}
$1 == "policy" {
  warn("two DestinationRules for " host ": " first[host] " is older and wins over " $3 \
    " (kubectl delete dr THE_WRONG_ONE -n theater-msa)")
}

END {
  count = split(services, list, " ")
  for (i = 1; i <= count; i++) {
    host = list[i] "-service"
    if (!(host in route)) warn("no VirtualService for " host ": the balancer decides")
    else if (!(host in rule)) warn("every rule of " route[host] " has a condition: other requests get 404 (NR)")
    if (!(host in policy)) warn("no DestinationRule for " host ": subsets are not defined, routes to them answer 503 (NC)")
    print "rule|" list[i] "|" (host in rule ? rule[host] : "-|-||||||-") "|" (host in policy ? policy[host] : "-|none|")
  }
}
