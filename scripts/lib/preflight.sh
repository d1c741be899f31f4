# shellcheck shell=bash
# What a cluster must have before the theater is deployed: every check is a row, all are told at once.

# checks CONTEXT ROLE: cluster | what must be | the check | what to do.
checks() {
  cat <<TABLE
both|Kubernetes $(minimum MIN_KUBERNETES) or newer|is_new_enough|upgrade the cluster
both|rights to deploy|may_deploy|sign in as an administrator of $1: kubectl auth can-i --list --context $1
both|nodes labelled with their cluster's name|has_labelled_nodes|scripts/label-nodes $1=$2
both|Istio $(minimum MIN_ISTIO) or newer|has_istio|install or upgrade Istio in $1: https://istio.io/latest/docs/setup/
both|an east-west gateway|has_east_west|the Service istio-eastwestgateway in istio-system (Istio: multi-primary, multi-network)
ctx1|the shared Gateway cp-gateway|has_gateway|create it in istio-system, or use the component own-gateway
ctx2|a default StorageClass|has_storage|mark one as default, or use the component redis-without-volume
TABLE
}

# version_at_least FOUND WANTED, by the first two numbers.
version_at_least() {
  awk -v found="$1" -v wanted="$2" 'BEGIN {
    gsub(/[^0-9.]/, "", found)
    split(found, f, ".")
    split(wanted, w, ".")
    exit !(f[1] + 0 > w[1] + 0 || (f[1] + 0 == w[1] + 0 && f[2] + 0 >= w[2] + 0))
  }'
}

is_new_enough() {
  local version
  # What it warns of (a skew of versions) is no concern here.
  version=$(kube "$1" version -o yaml 2>/dev/null | awk '$1 == "serverVersion:" { server = 1 } server && $1 == "gitVersion:" { print $2 }')
  version_at_least "$version" "$(minimum MIN_KUBERNETES)"
}

# may_deploy CONTEXT OVERLAY: to create and to patch whatever the overlay holds, its components' objects too.
may_deploy() {
  rights_needed "$2" >"$SCRATCH/rights" || return 1
  rights "$1" <"$SCRATCH/rights" >"$SCRATCH/answers" || return 1
  BASIS=$(awk 'FNR == NR { answer[NR] = $0; next } answer[FNR] != "true" { print "may not " $1 " " $2 " in " ($3 == "" ? "the cluster" : $3); exit }' \
    "$SCRATCH/answers" "$SCRATCH/rights")
  [ -z "$BASIS" ]
}

# rights_needed OVERLAY: a right a line, as `rights` reads them. Resources are named after their kinds as
# Kubernetes guesses them, which is right for all that are rendered here (Ingress, NetworkPolicy, Gateway …).
rights_needed() {
  kubectl kustomize "$ROOT/k8s/$1" | awk '
    function plural(kind) {
      if (kind ~ /s$/) return kind "es"
      if (kind ~ /[^aeiou]y$/) return substr(kind, 1, length(kind) - 1) "ies"
      return kind "s"
    }
    function flush(   resource) {
      if (kind == "") return
      resource = plural(tolower(kind)) (group == "" ? "" : "." group)
      print "create", resource, namespace
      print "patch", resource, namespace
      kind = group = namespace = ""
    }
    /^---/ { flush() }
    /^[a-zA-Z]/ { section = $1 }
    $1 == "apiVersion:" && section == $1 && split($2, part, "/") == 2 { group = part[1] }
    $1 == "kind:" && section == $1 { kind = $2 }
    section == "metadata:" && /^  namespace: / { namespace = $2 }
    END { flush() }
  ' | sort -u || return 1
  if grep -q '^ *- .*redis-password' "$ROOT/k8s/ctx2/kustomization.yaml"; then
    printf '%s\n' "get secrets $NAMESPACE" "create secrets $NAMESPACE"
  fi
}

# Labels carry the cluster's role, whatever the context is called.
has_labelled_nodes() { [ -n "$(kube "$1" get nodes -l "cluster-name=$2" -o name)" ]; }

# The control plane's own word where it may be read, else what came with the oldest version that will do.
has_istio() {
  local version
  kube "$1" get --raw /apis/networking.istio.io/v1 2>/dev/null | grep -q '"destinationrules"' || return 1
  version=$(istiod_version "$1")
  if [ -z "$version" ]; then
    BASIS="by networking.istio.io/v1, which came with it; istiod's version is not told"
    return
  fi
  BASIS="istiod is $version"
  version_at_least "$version" "$(minimum MIN_ISTIO)"
}

# Of the Deployment's label (Istio 1.24 and later), else of its image's tag.
istiod_version() {
  kube "$1" get deployments -n istio-system -l app=istiod \
    -o 'jsonpath={range .items[*]}{.metadata.labels.app\.kubernetes\.io/version} {.spec.template.spec.containers[0].image}{"\n"}{end}' 2>/dev/null |
    awk '{ for (i = 1; i <= NF; i++) if (match($i, /[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.-]+)?$/)) { print substr($i, RSTART, RLENGTH); exit } }'
}

has_east_west() { kube "$1" get service istio-eastwestgateway -n istio-system -o name >/dev/null 2>&1; }

# The overlay may bring a Gateway of its own.
has_gateway() {
  grep -q '^ *- .*own-gateway' "$ROOT/k8s/$2/kustomization.yaml" ||
    kube "$1" get gateways.networking.istio.io cp-gateway -n istio-system -o name >/dev/null 2>&1
}

has_storage() {
  grep -q '^ *- .*redis-without-volume' "$ROOT/k8s/$2/kustomization.yaml" ||
    kube "$1" get storageclasses -o jsonpath='{.items[*].metadata.annotations}' | grep -q 'is-default-class":"true"'
}

need_kubectl_version() {
  local version
  version=$(kubectl version --client -o yaml | awk '$1 == "gitVersion:" { print $2 }')
  version_at_least "$version" "$(minimum MIN_KUBECTL)" ||
    fail "$UNAVAILABLE" "kubectl $version is too old for these manifests" "install $(minimum MIN_KUBECTL) or newer"
}

# On what a check's word rests, where that is worth saying.
BASIS=""

# preflight CONTEXT ROLE: tells every check; fails when one does not hold.
preflight() {
  local role what check next missing=0
  while IFS='|' read -r role what check next; do
    [ "$role" = both ] || [ "$role" = "$2" ] || continue
    BASIS=""
    if "$check" "$1" "$2" </dev/null; then
      say "  ok       $1: $what${BASIS:+ ($BASIS)}"
    else
      say "  MISSING  $1: $what${BASIS:+ ($BASIS)}"
      say "           next: $next"
      missing=1
    fi
  done < <(checks "$1" "$2")
  return "$missing"
}
