// The breakers of one service, as the gateway's own sidecar tells them: who is ejected, and what limits refused.

import { h, setAttribute, setText } from "./dom.js";
import { ago } from "./format.js";
import { lang, t, tOr } from "./i18n.js";

const LIMITS = ["connections", "pending", "requests", "retries"];
const REFUSALS = ["connections", "pending", "requests", "retries", "ejections"];

export class Breakers {
  constructor(service) {
    this.service = service;
    this.data = null;
    this.label = h("span", { class: "ratio-label" });
    this.state = h("span", { class: "chip", "data-role": "breaker-state" });
    this.rows = h("ul", { class: "breaker-rows" });
    this.element = h("div", { class: "breakers", "data-role": "breakers" }, h("p", { class: "breakers-head" }, this.label, this.state), this.rows);
  }

  render() {
    const { state = "unknown", reason = null, services = {} } = this.data ?? {};
    setText(this.label, t("breakers"));
    setAttribute(this.element, "data-state", state);
    setAttribute(this.state, "data-tone", { live: "good", stale: "warn" }[state] ?? "dim");
    setText(this.state, reason ? `${t(`state.${state}`)} · ${tOr("reason", reason)}` : t(`state.${state}`));
    this.rows.replaceChildren(...(services[this.service] ?? []).map(row));
  }
}

function row(breaker) {
  const { subset, hosts, limits, overflow } = breaker;
  const ejected = hosts.filter((host) => host.ejected).length;
  return h("li", { class: "breaker", "data-subset": subset ?? "", "data-ejected": ejected, "data-hosts": hosts.length },
    h("span", { class: "chip", "data-cluster": subset }, subset ?? t("breakers.all")),
    h("span", { class: "breaker-hosts" }, ...hosts.map(hostLamp)),
    h("span", { class: "breaker-count" }, t("breakers.count", { ejected, hosts: hosts.length })),
    note("limits", LIMITS.filter((name) => limits[name] !== null).map((name) => t(`breakers.limit.${name}`, { n: limits[name] }))),
    note("overflow", REFUSALS.filter((name) => overflow[name]).map((name) => t(`breakers.refused.${name}`, { n: overflow[name] }))));
}

/** A mark whose shape and text tell the same as its colour. */
function hostLamp({ address, pod, ejected, since }) {
  const word = t(ejected ? "breakers.ejected" : "breakers.in");
  const text = [pod ?? address, word, since && ago(since, lang())].filter(Boolean).join(" · ");
  return h("span", { class: "breaker-host", "data-address": address, "data-pod": pod, "data-ejected": String(ejected), title: text },
    h("span", { class: "lamp", "data-state": ejected ? "fail" : "hit", role: "img", "aria-label": text }),
    ejected ? h("span", { class: "breaker-word" }, `${pod ?? address} ${word}`) : null);
}

function note(role, texts) {
  return texts.length ? h("span", { class: "breaker-note", "data-role": role }, texts.join(" · ")) : null;
}
