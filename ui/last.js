// The newest answer of a service, in words.

import { h, setAttribute } from "./dom.js";
import { millis, span } from "./format.js";
import { failed, injectedDelay } from "./history.js";
import { t, tOr } from "./i18n.js";

export class LastAnswer {
  constructor() {
    this.element = h("div", { class: "last", "data-role": "last" });
    this.shown = null;
  }

  render(item, fault) {
    setAttribute(this.element, "data-cluster", item?.cluster);
    setAttribute(this.element, "data-status", item?.status);
    setAttribute(this.element, "data-cause", item?.cause);
    this.element.replaceChildren(
      h("span", { class: "last-label" }, t("last")),
      ...(item ? this.words(item, fault) : [h("span", { class: "muted" }, t("last.none"))]),
    );
  }

  words(item, fault) {
    const bad = failed(item);
    return [
      h("span", { class: "chip", "data-cluster": item.cluster ?? "none" }, item.cluster ?? t("unknown")),
      h("span", { class: "chip", "data-tone": bad ? "bad" : "good" }, String(item.status)),
      h("span", { class: "last-time" }, timing(item, fault)),
      bad ? h("span", { class: "last-cause" }, cause(item)) : null,
      h("span", { class: "pod-name" }, item.pod ?? t("last.nopod")),
    ].filter(Boolean);
  }
}

function timing(item, fault) {
  const delay = injectedDelay(item, fault);
  const parts = [
    item.upstreamMs !== null && t("last.upstream", { ms: millis(item.upstreamMs) }),
    delay !== null && t("last.delay", { span: span(delay) }),
    item.retried && t("last.retried"),
  ].filter(Boolean);
  return parts.length ? `${millis(item.ms)} (${parts.join(", ")})` : millis(item.ms);
}

function cause(item) {
  const by = item.by && t(`by.${item.by}`);
  return [`${item.cause} · ${tOr("cause", item.cause)}`, by].filter(Boolean).join(" · ");
}
