# shellcheck shell=bash
# What an account may do: many questions of `kubectl auth can-i` in one call.

# rights CONTEXT [KUBECTL OPTION…] <ROWS: "true" or "false" for each row "VERB RESOURCE NAMESPACE", in their
# order; a resource of a group is RESOURCE.GROUP.
rights() {
  local context=$1
  shift
  awk '{
    group = $2
    sub(/^[^.]*\.?/, "", group)
    sub(/\..*/, "", $2)
    printf "---\napiVersion: authorization.k8s.io/v1\nkind: SelfSubjectAccessReview\nspec:\n"
    printf "  resourceAttributes: {verb: %s, group: \"%s\", resource: %s, namespace: \"%s\"}\n", $1, group, $2, $3
  }' | kube "$context" "$@" create --validate=false -f - -o 'jsonpath={.status.allowed}{"\n"}' | sed 's/^$/false/'
}
