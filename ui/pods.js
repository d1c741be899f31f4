// The pods of one cluster, by service, as its Kubernetes API and the pods' own answers tell.

import { h, setAttribute, setText } from "./dom.js";
import { ago } from "./format.js";
import { lang, t, tOr } from "./i18n.js";

/** The order of the page; others follow by name. */
const ORDER = ["user-service", "movie-service", "booking-service", "api-gateway", "redis"];

export class Cluster {
  constructor(name) {
    this.name = name;
    this.data = null;
    this.answered = new Map();
    this.cards = new Map();
    this.ages = [];
    this.state = h("span", { class: "chip", "data-role": "state" });
    this.seen = h("span", { class: "muted" });
    this.nodes = h("div", { class: "nodes", "data-role": "nodes" });
    this.groups = h("div", { class: "groups", "data-role": "pods" });
    this.element = h("section", { class: "card cluster", "data-cluster": name, "aria-label": name },
      h("header", {}, h("h3", {}, name.toUpperCase()), this.state, this.seen),
      this.nodes, this.groups);
  }

  /** A pod that answers is alive, whatever its cluster's API says or cannot say. */
  answer({ pod, t: at }) {
    this.answered.set(pod, at);
  }

  render() {
    const { state = "unknown", reason = null, pods = [], nodes = [], deployments = [] } = this.data ?? {};
    const label = reason ? `${t(`state.${state}`)} · ${tOr("reason", reason)}` : t(`state.${state}`);
    setAttribute(this.element, "data-state", state);
    setAttribute(this.state, "data-tone", { live: "good", stale: "warn" }[state] ?? "dim");
    setText(this.state, label);
    this.ages = [];
    this.cards.clear();
    this.nodes.replaceChildren(...nodes.map(nodeChip));
    this.groups.replaceChildren(...this.groupsOf(pods, nodes, deployments));
    this.tick();
  }

  groupsOf(pods, nodes, deployments) {
    const zones = new Map(nodes.map(({ name, zone }) => [name, zone]));
    const services = [...new Set(pods.map((pod) => pod.service))].sort(byOrder);
    if (services.length === 0) return [h("p", { class: "muted" }, t("pods.none"))];
    return services.map((service) => {
      const own = pods.filter((pod) => pod.service === service).sort((a, b) => a.name.localeCompare(b.name));
      return h("div", { class: "group", "data-service": service },
        h("h4", {}, service ?? t("unknown"), readiness(service, this.name, deployments)),
        h("div", { class: "pods" }, ...own.map((pod) => this.card(pod, zones.get(pod.node)))));
    });
  }

  card(pod, zone) {
    const tone = toneOf(pod);
    const state = fact("pod.state", pod.reason ?? pod.phase ?? t("pod.answersonly"));
    setAttribute(state.lastChild, "class", "chip");
    setAttribute(state.lastChild, "data-tone", tone);
    const card = h("article", { class: "pod", "data-pod": pod.name, "data-ready": String(pod.isReady), "data-tone": tone },
      h("p", { class: "pod-name" }, pod.name),
      h("dl", {},
        state,
        fact("pod.ready", pod.ready),
        fact("pod.restarts", pod.restarts),
        fact("pod.node", pod.node && [pod.node, zone].filter(Boolean).join(" · ")),
        this.age("pod.started", () => pod.startedAt),
        this.age("pod.answered", () => latest(pod.lastAnswer, this.answered.get(pod.name)))));
    this.cards.set(pod.name, card);
    return card;
  }

  /** A fact that grows older by itself. */
  age(label, time) {
    const element = fact(label, null);
    this.ages.push({ element, time });
    return element;
  }

  tick() {
    for (const { element, time } of this.ages) {
      const at = time();
      element.hidden = !at;
      setText(element.lastChild, at ? ago(at, lang()) : "");
    }
    const seen = this.data?.lastSeen;
    setText(this.seen, seen ? `${t("seen")} ${ago(seen, lang())}` : "");
  }

  /** Lights the cards of the pods that have just answered. */
  beat(names) {
    for (const name of names) {
      const card = this.cards.get(name);
      // Two names for one animation: the other name starts it anew without measuring the page.
      if (card) card.dataset.beat = card.dataset.beat === "a" ? "b" : "a";
    }
  }
}

function byOrder(a, b) {
  const rank = (service) => (ORDER.indexOf(service) + ORDER.length + 1) % (ORDER.length + 1);
  return rank(a) - rank(b) || String(a).localeCompare(String(b));
}

function toneOf(pod) {
  if (pod.isReady) return "good";
  return pod.phase === null ? "dim" : pod.phase === "Failed" || pod.reason ? "bad" : "warn";
}

function latest(...times) {
  return Math.max(...times.map((time) => time ?? 0)) || null;
}

/** What nobody knows is left out. */
function fact(label, value) {
  const attributes = { class: "fact", "data-fact": label, hidden: (value ?? null) === null ? "" : null };
  return h("div", attributes, h("dt", {}, t(label)), h("dd", {}, String(value ?? "")));
}

function readiness(service, cluster, deployments) {
  const found = deployments.find(({ name }) => name === service || name === `${service}-${cluster}`);
  return found ? h("span", { class: "muted" }, ` ${found.ready}/${found.replicas}`) : null;
}

function nodeChip({ name, zone, ready }) {
  const word = t(ready ? "nodes.ready" : "nodes.notready");
  return h("span", { class: "node", "data-tone": ready ? "good" : "bad", title: word }, [name, zone, ready ? null : word].filter(Boolean).join(" · "));
}
