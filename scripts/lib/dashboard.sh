# shellcheck shell=bash
# Requests through the published address, many at a time, and what their answers were.

# Where the dashboard is, without a slash at the end, and the curl that asks there.
APP=""
CURL=()

find_dashboard() {
  if [ -n "$LAB_URL" ]; then
    APP=$LAB_URL
  elif [ -n "${APP_URL:-}" ]; then
    APP=${APP_URL%/}
  elif [ -n "${DOMAIN:-}" ]; then
    APP=http://theater.$DOMAIN
  else
    fail "$MISUSED" "it is not known where the dashboard is" "export APP_URL=http://… or DOMAIN=…, or add --lab"
  fi
  # No configuration file of the user bends it; proxies are for addresses that are not this machine.
  CURL=(curl -q -s)
  if is_loopback "$APP"; then CURL=(curl -q -s --noproxy '*'); fi
}

need_dashboard() {
  local status
  status=$("${CURL[@]}" -o /dev/null -w '%{http_code}' --max-time 5 "$APP/traffic-weights") || true
  [ "$status" = 200 ] || fail "$UNAVAILABLE" "the dashboard $APP answers ${status/000/nothing} to /traffic-weights" \
    "kubectl get pods -n $NAMESPACE --context $CTX1; is APP_URL or DOMAIN right?"
}

# ask FILE SERVICE HEADER COUNT CLIENTS LIMIT: COUNT requests by CLIENTS at a time, LIMIT seconds each.
# HEADER may be empty. FILE gets one row an answer; see answers.awk.
#
# Each client is one curl with one connection, a child of the script itself, so that it ends with it.
# The range is in the fragment, which is not sent: that many requests for one address.
ask() {
  local file=$1 url="$APP/${2}s/?limit=1" header=$3 count=$4 clients=$5 limit=$6
  local marker="answer-$$-$RANDOM" client share
  [ "$clients" -le "$count" ] || clients=$count
  if [ "$clients" -eq 1 ]; then
    answers_of "$url" "$count" "$header" "$limit" "$marker" >"$file"
    return
  fi
  for ((client = 0; client < clients; client++)); do
    share=$((count / clients + (client < count % clients)))
    answers_of "$url" "$share" "$header" "$limit" "$marker" >"$file.$client" &
  done
  # A request that failed has said so in its row.
  wait || true
  cat "$file".* >"$file"
  rm -f "$file".*
}

# answers_of URL COUNT HEADER LIMIT MARKER: rows of one client. A request that failed says so in its row.
answers_of() {
  "${CURL[@]}" -i --max-time "$4" -H "${3:-Accept: application/json}" \
    -w "\n$5 %{http_code} %{time_total}\n" "$1#[1-$2]" 2>/dev/null |
    awk -v marker="$5" -f "$ROOT/scripts/lib/answers.awk" || true
}
