// The top of the page: title, language, state of the stream, missed answers, and what the marks mean.

import { h, setAttribute, setText } from "./dom.js";
import { LANGUAGES, lang, t } from "./i18n.js";

export class Header {
  constructor(onLang) {
    this.state = "connecting";
    this.missed = null;
    this.title = h("h1");
    this.subtitle = h("p", { class: "subtitle" });
    this.stream = h("span", { class: "stream", role: "status", "data-role": "connection" });
    this.buttons = Object.entries(LANGUAGES).map(([code, name]) => h("button", { type: "button", lang: code, "data-lang": code, onclick: () => onLang(code) }, name));
    this.langs = h("div", { class: "langs", role: "group" }, ...this.buttons);
    this.legend = h("div", { class: "legend", role: "note" });
    this.gap = h("p", { class: "gap", role: "status", "data-role": "gap", hidden: "" });
    this.element = h("header", { class: "masthead" },
      h("div", { class: "brand" }, this.title, this.subtitle),
      h("div", { class: "tools" }, this.stream, this.langs),
      this.legend);
  }

  setState(state) {
    this.state = state;
    this.render();
  }

  /** Answers that happened and were not shown: said, not hidden. */
  addMissed(n, time) {
    this.missed = { n: (this.missed?.n ?? 0) + n, time };
    this.render();
  }

  render() {
    document.title = t("title");
    setText(this.title, t("title"));
    setText(this.subtitle, t("subtitle"));
    setText(this.stream, t(`stream.${this.state}`));
    setAttribute(this.stream, "data-state", this.state);
    setAttribute(this.langs, "aria-label", t("language"));
    for (const button of this.buttons) setAttribute(button, "aria-pressed", String(button.dataset.lang === lang()));
    setAttribute(this.legend, "aria-label", t("legend"));
    this.legend.replaceChildren(...legend());
    this.gap.hidden = this.missed === null;
    if (this.missed) setText(this.gap, t("gap", this.missed));
  }
}

function legend() {
  const mark = (name) => h("span", { class: "legend-mark" }, h("span", { class: "lamp", "data-state": name, "aria-hidden": "true" }), t(`mark.${name}`));
  return [...["hit", "miss", "fail", "unknown"].map(mark), h("span", { class: "legend-newest" }, t("newest"))];
}
