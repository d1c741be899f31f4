// One service: its lamps, its two ratios, its faults, its last answer, its breakers and its list.

import { Breakers } from "./breakers.js";
import { h, setAttribute, setText } from "./dom.js";
import { span } from "./format.js";
import { History } from "./history.js";
import { t } from "./i18n.js";
import { Lamps } from "./lamps.js";
import { LastAnswer } from "./last.js";
import { List } from "./list.js";
import { Configured, Measured } from "./ratio.js";

export class Column {
  constructor(service, names) {
    this.service = service;
    this.mesh = null;
    this.history = new History();
    this.lamps = new Lamps(service);
    this.configured = new Configured();
    this.measured = new Measured();
    this.last = new LastAnswer();
    this.breakers = new Breakers(service);
    this.list = new List(service, names);
    this.title = h("h2", { id: `${service}-title` });
    this.total = h("span", { class: "total", "data-role": "total" });
    this.faults = h("div", { class: "faults", "data-role": "faults" });
    this.warnings = h("ul", { class: "warnings", "data-role": "warnings" });
    this.element = this.build();
  }

  build() {
    return h("section", { class: "card column", "data-service": this.service, "aria-labelledby": this.title.id },
      h("header", {}, this.title, this.faults, this.total),
      h("div", { class: "traffic" },
        this.lamps.element,
        h("div", { class: "ratios" }, this.configured.element, this.measured.element),
        this.warnings,
        this.last.element,
        this.breakers.element),
      this.list.element);
  }

  /** What answers change: at most once a frame. */
  renderAnswers() {
    const { total } = this.history;
    this.lamps.render(this.history);
    this.measured.render(this.history);
    this.last.render(this.history.last, this.mesh?.fault);
    setText(this.total, t("total", { n: total.toLocaleString("en") }));
    setAttribute(this.total, "data-value", total);
  }

  renderMesh() {
    this.configured.render(this.mesh);
    this.faults.replaceChildren(...faultBadges(this.mesh?.fault));
    this.warnings.replaceChildren(...(this.mesh?.warnings ?? []).map((text) => h("li", {}, text)));
  }

  render() {
    setText(this.title, t(`service.${this.service}`));
    this.renderAnswers();
    this.renderMesh();
    this.breakers.render();
    this.list.render();
  }
}

function faultBadges(fault) {
  const badge = (kind, text) => h("span", { class: "badge", "data-fault": kind }, text);
  return [
    fault?.delay && badge("delay", t("fault.delay", { span: span(fault.delay.ms), percent: fault.delay.percent })),
    fault?.abort && badge("abort", t("fault.abort", fault.abort)),
  ].filter(Boolean);
}
