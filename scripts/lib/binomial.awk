# The exact binomial band: the counts that n fair draws with chance p leave once in a million.

# P(X = k), by logarithms so that large n neither over- nor underflows.
function chance(k, n, p) {
  if (p <= 0) return k == 0
  if (p >= 1) return k == n
  return exp(ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) + k * log(p) + (n - k) * log(1 - p))
}

function ln_factorial(n) {
  for (; known < n; known++) logs[known + 1] = logs[known] + log(known + 1)
  return n ? logs[n] : 0
}

# The smallest k whose lower tail P(X <= k) exceeds half the risk.
function first_above(n, p,   k, sum) {
  for (k = 0; k < n; k++) {
    sum += chance(k, n, p)
    if (sum > 0.0000005) break
  }
  return k
}

function band_low(n, p) { return first_above(n, p) }
function band_high(n, p) { return n - first_above(n, 1 - p) }
