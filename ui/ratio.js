// Two figures under each other: what the rules ask for, and what the last answers were.

import { h, setAttribute, setText } from "./dom.js";
import { KEPT } from "./history.js";
import { t, tOr } from "./i18n.js";

class Ratio {
  constructor(role) {
    this.label = h("span", { class: "ratio-label" });
    this.value = h("span", { class: "ratio-value" });
    this.note = h("p", { class: "ratio-note" });
    this.parts = ["ctx1", "ctx2", "other"].map((cluster) => h("span", { class: "part", "data-cluster": cluster }));
    this.bar = h("span", { class: "bar", "aria-hidden": "true" }, ...this.parts);
    this.element = h("div", { class: "ratio", "data-role": role }, this.label, this.value, this.bar, this.note);
  }

  show({ label, value, widths, note }) {
    setText(this.label, label);
    setText(this.value, value);
    setText(this.note, note);
    this.parts.forEach((part, index) => part.style.setProperty("flex-grow", widths[index] ?? 0));
  }
}

/** The weights of the effective VirtualService. */
export class Configured extends Ratio {
  constructor() {
    super("configured");
  }

  render(mesh) {
    const { source = "waiting", ctx1 = null, ctx2 = null, others = [] } = mesh ?? {};
    const known = ctx1 !== null && ctx2 !== null;
    setAttribute(this.element, "data-source", source);
    setAttribute(this.element, "data-ctx1", ctx1);
    setAttribute(this.element, "data-ctx2", ctx2);
    this.show({
      label: t("configured"),
      value: known ? `${ctx1} : ${ctx2}` : t(source === "waiting" ? "source.waiting" : "source.none"),
      widths: [ctx1, ctx2, others.reduce((sum, { weight }) => sum + weight, 0)],
      note: this.noteOf(mesh),
    });
  }

  noteOf(mesh) {
    if (!mesh) return "";
    const where = [mesh.object, mesh.rule].filter(Boolean).join(" › ");
    const others = mesh.others.map(({ subset, weight }) => `${subset} ${weight}`).join(", ");
    return [
      mesh.source === "default" ? t("source.default") : where,
      others && t("others", { list: others }),
      mesh.reason && tOr("reason", mesh.reason),
    ].filter(Boolean).join(" · ");
  }
}

/** The share of each cluster among the last answers that came from a known one. */
export class Measured extends Ratio {
  constructor() {
    super("measured");
  }

  render(history) {
    const { n, ctx1, ctx2 } = history.share();
    const nowhere = history.items.length - n;
    setAttribute(this.element, "data-ctx1", n ? ctx1 : null);
    setAttribute(this.element, "data-ctx2", n ? ctx2 : null);
    setAttribute(this.element, "data-n", n);
    this.show({
      label: t("measured"),
      value: n ? `${ctx1} : ${ctx2}` : t("measured.none"),
      widths: [ctx1, ctx2, 0],
      note: n + nowhere === 0 ? "" : t(nowhere ? "measured.noteNowhere" : "measured.note", { n, kept: KEPT, nowhere }),
    });
  }
}
