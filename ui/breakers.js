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
    this.lamps = [];
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
    const breakers = services[this.service] ?? [];
    const ports = new Set(breakers.map(({ port }) => port));
    const shown = breakers.map((breaker) => ({ breaker, lamps: breaker.hosts.map(hostLamp) }));
    this.rows.replaceChildren(...shown.map(({ breaker, lamps }) => row(breaker, lamps, ports.size > 1)));
    this.lamps = shown.flatMap(({ lamps }) => lamps);
    this.tick();
  }

  /** Says anew how long hosts have been away. */
  tick() {
    for (const { element, lamp, host } of this.lamps) {
      const text = told(host);
      setAttribute(element, "title", text);
      setAttribute(lamp, "aria-label", text);
    }
  }
}

function row(breaker, lamps, namesPort) {
  const { port, subset, hosts, limits, overflow } = breaker;
  const ejected = hosts.filter((host) => host.ejected).length;
  const name = subset ?? t("breakers.all");
  return h("li", { class: "breaker", "data-port": port, "data-subset": subset ?? "", "data-ejected": ejected, "data-hosts": hosts.length },
    h("span", { class: "chip", "data-cluster": subset }, namesPort ? `${name} :${port}` : name),
    h("span", { class: "breaker-hosts" }, ...lamps.map(({ element }) => element)),
    h("span", { class: "breaker-count" }, t("breakers.count", { ejected, hosts: hosts.length })),
    note("limits", LIMITS.filter((name) => limits[name] !== null).map((name) => t(`breakers.limit.${name}`, { n: limits[name] }))),
    note("overflow", REFUSALS.filter((name) => overflow[name]).map((name) => t(`breakers.refused.${name}`, { n: overflow[name] }))));
}

/** A mark whose shape and text tell the same as its colour. */
function hostLamp(host) {
  const { address, pod, ejected } = host;
  const lamp = h("span", { class: "lamp", "data-state": ejected ? "fail" : "hit", role: "img" });
  const word = ejected ? h("span", { class: "breaker-word" }, `${pod ?? address} ${t("breakers.ejected")}`) : null;
  const element = h("span", { class: "breaker-host", "data-address": address, "data-pod": pod, "data-ejected": String(ejected) }, lamp, word);
  return { element, lamp, host };
}

function told({ address, pod, ejected, since }) {
  const word = t(ejected ? "breakers.ejected" : "breakers.in");
  return [pod ?? address, word, since && ago(since, lang())].filter(Boolean).join(" · ");
}

function note(role, texts) {
  return texts.length ? h("span", { class: "breaker-note", "data-role": role }, texts.join(" · ")) : null;
}
