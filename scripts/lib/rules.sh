# shellcheck shell=bash
# Which rules are effective, read from a cluster's API: shares, faults, breakers, and what is odd.

# rules_of CONTEXT: lines of rules.awk.
rules_of() {
  kube "$1" get virtualservices,destinationrules -n "$NAMESPACE" \
    -o "go-template-file=$ROOT/scripts/lib/rules.gotemplate" | sed '/^$/d' |
    sort -t '|' -k 1,1 -k 2,2 -k 3,3 -s |
    awk -v services="$SERVICES" -v cluster="$1" -f "$ROOT/scripts/lib/rules.awk"
}

# Rules for people: one line a service.
print_rules() {
  awk -F '|' '$1 == "rule" {
    share = $3 == "-" ? "the balancer decides" : "ctx1 " $3 " : ctx2 " $4
    fault = ($5 != "" ? "delay " $5 " on " $6 " %" : "") ($5 != "" && $7 != "" ? ", " : "") \
      ($7 != "" ? "abort " $7 " on " $8 " %" : "")
    printf "  %-8s %-22s fault: %-24s breaker: %s\n", $2, share, fault == "" ? "none" : fault, $12
    printf "  %-8s by %s/%s, %s\n", "", $9, $10, $11
  }' "$1"
}

print_warnings() {
  sed -n 's/^warning|/warning: /p' "$@"
}

# ctx2's east-west gateway lets in only the subsets that ctx2's own rules name.
print_subset_differences() {
  awk -F '|' '
    $1 != "rule" { next }
    FNR == NR { named[$2] = $13; next }
    named[$2] != "" && named[$2] != $13 {
      print "warning: " $2 "-service: ctx1 names the subsets \"" named[$2] "\", ctx2 \"" $13 \
        "\"; what ctx2 does not name is 503 from ctx1 (kubectl apply -k practice/01-initial --context ctx2)"
    }
  ' "$1" "$2"
}
