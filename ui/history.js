// What the last answers of one service say. No document, no clock: numbers in, numbers out.

/** Answers that the measured ratio looks back on, as on the server. */
export const KEPT = 100;
export const CLUSTERS = ["ctx1", "ctx2"];

/** The last answers of one service, oldest first. */
export class History {
  items = [];
  total = 0;

  reset(items, total) {
    this.items = items.slice(-KEPT);
    this.total = total;
  }

  add(item) {
    this.items.push(item);
    if (this.items.length > KEPT) this.items.shift();
  }

  get last() {
    return this.items.at(-1) ?? null;
  }

  /** The item `age` answers before the newest, or null. */
  at(age) {
    return this.items[this.items.length - 1 - age] ?? null;
  }

  /** Percent by cluster. An answer without a cluster came from no pod and takes no part. */
  share() {
    const of = (cluster) => this.items.filter((item) => item.cluster === cluster).length;
    const [ctx1, ctx2] = CLUSTERS.map(of);
    const n = ctx1 + ctx2;
    const percent = n === 0 ? 0 : Math.round((100 * ctx1) / n);
    return { n, ctx1: percent, ctx2: n === 0 ? 0 : 100 - percent };
  }
}

export function failed(item) {
  return item.status >= 500 || item.cause !== "ok";
}

/** The mark that an answer leaves in the row of a cluster. */
export function markOf(item, cluster) {
  if (item === null) return "off";
  if (!CLUSTERS.includes(item.cluster)) return "unknown";
  if (item.cluster !== cluster) return "miss";
  return failed(item) ? "fail" : "hit";
}

/**
 * The delay that the mesh put before the request, in ms, or null. Only where a delay is configured
 * and the time before the pod is at least as long; anything else would be a guess.
 */
export function injectedDelay(item, fault) {
  if (!fault?.delay || item.upstreamMs === null) return null;
  return item.ms - item.upstreamMs >= fault.delay.ms ? fault.delay.ms : null;
}
