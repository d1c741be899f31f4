# Reads what curl -i printed, answers separated by a marker line of its -w option, and prints a row each:
#
#   STATUS MILLISECONDS CLUSTER POD CAUSE SICK [LABEL]
#
# "-" stands for what no pod said; SICK is "sick" where the answer came by an order (X-Chaos). A LABEL is
# what the marker line ends with.
# Causes are named as by mesh::cause, as far as an answer that passed the ingress still tells them.

function begin() { in_body = signed = overloaded = 0; cluster = pod = sick = "-"; body = "" }

function header(line,   at, name, value) {
  at = index(line, ":")
  name = tolower(substr(line, 1, at - 1))
  value = substr(line, at + 1)
  gsub(/^[ \t]+|[ \t\r]+$/, "", value)
  if (name == "x-service-cluster") cluster = value
  else if (name == "x-pod-name") pod = value
  else if (name == "x-service-name") signed = 1
  else if (name == "x-chaos") sick = "sick"
  else if (name == "x-envoy-overloaded") overloaded = 1
}

# Envoy's own texts; anything signed by a service is the application's.
function cause(status) {
  if (status == 0) return "unreached"
  if (signed) return status < 500 ? "ok" : "app"
  if (body == "fault filter abort") return "FI"
  if (status == 503 && body == "no healthy upstream") return "UH"
  if (status == 504 && body == "upstream request timeout") return "UT"
  if (status == 503 && body ~ /^upstream connect error or disconnect\/reset before headers\. /) return of_reset()
  if (status == 503 && overloaded) return "UO"
  if (body == "" && status == 404) return "NR"
  if (body == "" && status == 503) return "NC"
  return "unknown"
}

function of_reset() {
  if (body ~ /reset reason: (remote connection failure|connection timeout)/) return "UF"
  if (body ~ /reset reason: connection termination/) return "UC"
  if (body ~ /reset reason: overflow/) return "UO"
  return "unknown"
}

BEGIN { begin() }

$1 == marker {
  printf "%d %.1f %s %s %s %s%s\n", $2, $3 * 1000, cluster, pod, cause($2 + 0), sick, $4 == "" ? "" : " " $4
  begin()
  next
}
in_body { body = body == "" ? $0 : body "\n" $0; next }
/^\r?$/ { in_body = 1; next }
{ header($0) }
