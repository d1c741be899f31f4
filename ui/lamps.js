// Two rows of lamps: each answer is one lamp in both, the newest on the right.

import { h, setAttribute } from "./dom.js";
import { clock, millis } from "./format.js";
import { CLUSTERS, markOf } from "./history.js";
import { lang, t, tOr } from "./i18n.js";

/** Lamps in a row. */
const SHOWN = 16;

export class Lamps {
  constructor(service) {
    this.rows = CLUSTERS.map((cluster) => new Row(service, cluster));
    this.element = h("div", { class: "lamps" }, ...this.rows.map((row) => row.element));
  }

  render(history) {
    for (const row of this.rows) row.render(history);
  }
}

class Row {
  constructor(service, cluster) {
    this.cluster = cluster;
    this.lamps = Array.from({ length: SHOWN }, () => h("span", { class: "lamp", role: "img", "data-service": service, "data-cluster": cluster }));
    this.strip = h("span", { class: "strip", role: "group" }, ...this.lamps);
    this.element = h("div", { class: "row", "data-cluster": cluster }, h("span", { class: "cluster-name" }, cluster.toUpperCase()), this.strip);
  }

  render(history) {
    setAttribute(this.strip, "aria-label", `${this.cluster}, ${t("newest")}`);
    this.lamps.forEach((lamp, index) => this.show(lamp, history.at(SHOWN - 1 - index)));
  }

  show(lamp, item) {
    const mark = markOf(item, this.cluster);
    const text = item ? `${t(`mark.${mark}`)} · ${describe(item)}` : t("mark.off");
    setAttribute(lamp, "data-state", mark);
    setAttribute(lamp, "title", text);
    setAttribute(lamp, "aria-label", text);
  }
}

// Each answer is described once and shown up to 32 times while it moves along.
let described = new WeakMap();
let describedIn = null;

function describe(item) {
  if (describedIn !== lang()) {
    described = new WeakMap();
    describedIn = lang();
  }
  if (!described.has(item)) described.set(item, description(item));
  return described.get(item);
}

function description(item) {
  const { t: at, cluster, pod, status, ms, cause } = item;
  return [clock(at, lang()), cluster ?? "–", pod ?? t("last.nopod"), status, millis(ms), `${cause} ${tOr("cause", cause)}`].join(" · ");
}
