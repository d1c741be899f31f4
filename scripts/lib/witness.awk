# Whether answers are by a lesson: reads its questions (questions.awk), then rows of answers.awk that end
# with the question they answer, SERVICE:FEATURE. Prints the first thing that is not as the lesson says.

FNR == NR {
  if (index(" " asked " ", " " $1 " ")) question[++questions] = $0
  held_ms[$1 ":" $2] = $7
  next
}

{
  count[$7]++
  last[$7] = $0
  if ($5 == "FI") aborted[$7]++
  if ($2 >= held_ms[$7] || ($1 == 0 && $2 >= held_ms[$7] / 2 - 1)) held[$7]++
}

# A fault that the lesson has was seen, or one that it has not was not.
function judge(what, seen, of, percent) {
  if (of && (percent > 0 ? seen > 0 : !seen)) return
  tell(seen + 0 " of " of + 0 " " what ", " percent " % is the rule")
}

function judge_canary(service, answer, cluster,   part) {
  split(answer, part, " ")
  if (part[3] == cluster) return
  tell("a " service " request with x-canary was answered by " (part[3] ~ /^-?$/ ? "no pod" : part[3]) \
    " (" part[1] " " part[5] "), not by " cluster)
}

function tell(text) { print text; exit }

END {
  for (i = 1; i <= questions; i++) {
    split(question[i], of, " ")
    key = of[1] ":" of[2]
    if (of[2] == "canary") judge_canary(of[1], last[key], of[3])
    else if (of[2] == "circuit_test") judge(of[1] " requests with x-circuit-test were aborted", aborted[key], count[key], of[3])
    else judge(of[1] " requests were held back", held[key], count[key], of[3])
  }
}
