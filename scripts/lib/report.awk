# Sums up the answers of one service (rows of answers.awk) and judges them by its rule (rules.awk), which
# comes first. Needs binomial.awk. Says "outside" on its last line when a figure does not fit.
#
# Input is sorted by milliseconds, the second column.

function judge(what, found, n, percent,   low, high, fits) {
  if (n == 0 || percent == "" || percent == "-") return
  low = band_low(n, percent / 100)
  high = band_high(n, percent / 100)
  fits = found >= low && found <= high
  if (!fits) outside = 1
  printf "  %-8s %-9s %d of %d = %.1f %%, the rule says %s %%: %s (%d to %d)\n", service, what, found, n, \
    100 * found / n, percent, fits ? "fits" : "DOES NOT FIT", low, high
}

function listed(counts,   key, text) {
  for (key in counts) text = text (text == "" ? "" : " ") key ":" counts[key]
  return text
}

function at(part) { return n ? times[int((n - 1) * part) + 1] : 0 }

# Istio: 3s, 0.5s, 1500ms.
function milliseconds(duration) { return duration ~ /ms$/ ? duration + 0 : duration * 1000 }

FNR == NR {
  split($0, rule, "|")
  service = rule[2]
  next
}
{
  times[++n] = $2
  clusters[$3]++
  statuses[$1]++
  causes[$5]++
  if ($6 == "sick") sick++
  else if ($5 != "ok" && $5 != "FI") failed++
  if (rule[5] != "" && $2 >= milliseconds(rule[5])) held++
}

END {
  printf "  %-8s %5d %5d %5d %5d   %-16s %-16s %8.1f %8.1f\n", service, n, clusters["ctx1"], clusters["ctx2"], \
    clusters["-"], listed(statuses), listed(causes), at(0.5), at(0.95)
  if (sick) printf "  %-8s %d of %d answers by an order to be sick\n", service, sick, n
  judge("ctx1", clusters["ctx1"], clusters["ctx1"] + clusters["ctx2"], rule[3])
  judge("aborted", causes["FI"], n, rule[8] == "" && causes["FI"] ? 0 : rule[8])
  judge("delayed", held, n, rule[6])
  judge("failed", failed, n, failed ? 0 : "")
  if (outside) print "outside"
}
