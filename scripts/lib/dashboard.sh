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

# Seconds that ingress and name service may need after a rollout.
readonly PUBLISHED_LIMIT=30

# Waits until the dashboard answers; ends the script where it does not.
await_dashboard() {
  local status started=$SECONDS
  until
    status=$("${CURL[@]}" -o /dev/null -w '%{http_code}' --max-time 5 "$APP/traffic-weights") || true
    [ "$status" = 200 ]
  do
    [ $((SECONDS - started)) -lt "$PUBLISHED_LIMIT" ] ||
      fail "$UNAVAILABLE" "the dashboard $APP answers ${status/000/nothing} to /traffic-weights" \
        "kubectl get pods -n $NAMESPACE --context $CTX1; is APP_URL or DOMAIN right?"
    sleep 1
  done
}

# ask FILE SERVICE HEADER COUNT CLIENTS LIMIT: COUNT requests by CLIENTS at a time, LIMIT seconds each.
# HEADER may be empty. FILE gets one row an answer; see answers.awk.
#
# Each client is one curl with one connection, a child of the script itself, so that it ends with it.
# The range is in the fragment, which is not sent: that many requests for one address.
ask() {
  local file=$1 url="$APP/${2}s/?limit=1" header=${3:-Accept: application/json} count=$4 clients=$5 limit=$6
  local marker="answer-$$-$RANDOM" client share
  [ "$clients" -le "$count" ] || clients=$count
  for ((client = 0; client < clients; client++)); do
    share=$((count / clients + (client < count % clients)))
    "${CURL[@]}" -i --max-time "$limit" -H "$header" \
      -w "\n$marker %{http_code} %{time_total}\n" "$url#[1-$share]" >"$file.$client" 2>/dev/null &
  done
  # A request that failed says so in its row.
  wait || true
  awk -v marker="$marker" -f "$ROOT/scripts/lib/answers.awk" "$file".* >"$file"
  rm -f "$file".*
}
