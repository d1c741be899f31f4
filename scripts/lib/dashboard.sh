# shellcheck shell=bash
# Requests through the published address, many at a time, and what their answers were.

# Where the dashboard is, without a slash at the end; the curl that asks there, and what it must be told
# again after each --next.
APP=""
CURL=()
EACH=()

# find_dashboard: ends the script where nobody said it. The domain is the one that was deployed; the one in
# the example belongs to somebody else and is never asked.
find_dashboard() {
  local domain=${DOMAIN:-$(setting DOMAIN)}
  if [ -n "$LAB_URL" ]; then
    APP=$LAB_URL
  elif [ -n "${APP_URL:-}" ]; then
    APP=${APP_URL%/}
  elif [ -n "$domain" ] && [ "$domain" != example.com ]; then
    APP=http://theater.$domain
  else
    fail "$MISUSED" "it is not known where the dashboard is" \
      "set DOMAIN in k8s/settings/settings.env, or export APP_URL=http://… or DOMAIN=…, or add --lab"
  fi
  CURL=(curl -q -s)
  EACH=(-i)
  if is_loopback "$APP"; then
    CURL+=(--noproxy '*')
    EACH+=(--noproxy '*')
  fi
  say "dashboard: $APP"
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

# Ends an answer in what curl prints, and tells it apart from any body.
readonly MARKER="answer-$$-$RANDOM"

# batch SERVICE HEADER COUNT LIMIT [LABEL]: curl's words for COUNT requests, one after the other, LIMIT
# seconds each, are in BATCH. HEADER may be empty; rows of the answers end with the LABEL.
#
# The range is in the fragment, which is not sent: that many requests for one address.
BATCH=()
batch() {
  BATCH=("${EACH[@]}" --max-time "$4" -H "${2:-Accept: application/json}"
    -w "\n$MARKER %{http_code} %{time_total} ${5:-}\n" "$APP/${1}s/?limit=1#[1-$3]")
}

# client FILE CURL'S-WORDS…: a child of the script itself, so that it ends with it, and `wait` knows it.
client() {
  local file=$1
  shift
  "${CURL[@]}" "$@" >"$file" 2>/dev/null &
}

# answers FILE…: a row for each answer that clients got; see answers.awk.
answers() { awk -v marker="$MARKER" -f "$ROOT/scripts/lib/answers.awk" "$@"; }

# ask FILE SERVICE HEADER COUNT CLIENTS LIMIT: COUNT requests by CLIENTS at a time, LIMIT seconds each, one
# connection a client. FILE gets the rows.
ask() {
  local file=$1 count=$4 clients=$5 client
  [ "$clients" -le "$count" ] || clients=$count
  for ((client = 0; client < clients; client++)); do
    batch "$2" "$3" $((count / clients + (client < count % clients))) "$6"
    client "$file.$client" "${BATCH[@]}"
  done
  # A request that failed says so in its row.
  wait || true
  answers "$file".* >"$file"
  rm -f "$file".*
}
