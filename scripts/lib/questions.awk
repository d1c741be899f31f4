# What to ask in order to know a lesson by its answers: reads every lesson's expect.yaml and prints a row a
# question, for the shell and for witness.awk:
#
#   SERVICE FEATURE WANTED CLIENTS REQUESTS SECONDS HELD_MS
#
# REQUESTS of each of so many clients, each given up after SECONDS. A fault that the lesson has is asked for
# a FEW times, and again until it shows. One that it has not must not show, so often as it takes to see the
# strongest of any lesson, but for one case in ten thousand.

BEGIN { FS = ": *" }

/^#/ || NF < 2 { next }
FILENAME == own { wanted[$1] = $2 }
$2 + 0 > strongest[$1] { strongest[$1] = $2 + 0 }

# How many requests it takes to see a fault of so many percent.
function enough(percent) {
  return percent <= 0 || percent >= 100 ? 1 : whole(log(overlook) / log(1 - percent / 100))
}

function whole(number) { return int(number) + (number > int(number)) }

function ask(service, feature, key, clients, requests, seconds, held_ms) {
  print service, feature, wanted[key], clients, requests, seconds, held_ms + 0
}

# A request that is to be held back is waited for; one that must not be is given up half way.
function ask_delay(service,   key, held_ms) {
  key = service "_delay_percent"
  if (!(key in wanted)) return
  held_ms = strongest[service "_delay_ms"]
  if (wanted[key] > 0) ask(service, "delay", key, few, 1, held_ms / 1000 + limit, held_ms)
  else ask(service, "delay", key, few, whole(enough(strongest[key]) / few), held_ms / 2000, held_ms)
}

function ask_circuit_test(service,   key) {
  key = service "_circuit_test_abort_percent"
  if (key in wanted) ask(service, "circuit_test", key, 1, wanted[key] > 0 ? few : enough(strongest[key]), limit)
}

END {
  count = split(services, service, " ")
  for (i = 1; i <= count; i++) {
    ask(service[i], "canary", service[i] "_canary_cluster", 1, 1, limit)
    ask_circuit_test(service[i])
    ask_delay(service[i])
  }
}
