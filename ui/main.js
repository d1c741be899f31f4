// The dashboard: events in, page out.
//
// For tests and scripts, stable whatever the looks:
//   [data-role=connection]            data-state: connecting | live | disconnected
//   [data-role=gap]                   shown when the server had to leave answers out
//   section[data-service=user]        also movie, booking; inside it:
//     .lamp                           data-service, data-cluster, data-state: hit | miss | fail | unknown | off; newest last
//     [data-role=configured]          data-source: virtualservice | none | default | waiting; data-ctx1, data-ctx2
//     [data-role=measured]            data-ctx1, data-ctx2 (percent), data-n
//     [data-role=total]               data-value
//     [data-role=last]                data-cluster, data-status, data-cause
//     [data-role=faults] .badge       data-fault: delay | abort
//     [data-role=warnings] li
//     [data-role=breakers]            data-state: live | stale | unknown
//       .breaker                      data-port, data-subset, data-ejected, data-hosts
//         .breaker-host               data-address, data-pod, data-ejected: true | false
//     [data-role=refresh], [data-role=error], [data-role=list] .item (data-id)
//   section.cluster[data-cluster=ctx1]   data-state: live | stale | unknown; inside it:
//     [data-role=nodes] .node
//     [data-role=pods] .pod           data-pod, data-ready

import { Column } from "./column.js";
import { beforePaint, h, setText } from "./dom.js";
import { listen } from "./events.js";
import { clock, setServerNow } from "./format.js";
import { Header } from "./header.js";
import { CLUSTERS } from "./history.js";
import { lang, preferredLang, rememberLang, t, useLang } from "./i18n.js";
import { Cluster } from "./pods.js";

const SERVICES = ["user", "movie", "booking"];
/** Ages on the page are written in seconds. */
const TICK_MS = 1_000;

const config = JSON.parse(document.getElementById("config").textContent);
const names = new Map();
const columns = Object.fromEntries(SERVICES.map((service) => [service, new Column(service, names)]));
const clusters = Object.fromEntries(CLUSTERS.map((name) => [name, new Cluster(name)]));
const header = new Header(switchLang);
const clustersTitle = h("h2", { class: "clusters-title" });

function build() {
  const elements = (parts) => Object.values(parts).map((part) => part.element);
  document.body.append(
    header.element,
    h("main", {},
      header.gap,
      h("div", { class: "columns" }, ...elements(columns)),
      clustersTitle,
      h("div", { class: "clusters" }, ...elements(clusters))));
}

function renderAll() {
  header.render();
  setText(clustersTitle, t("clusters"));
  for (const part of [...Object.values(columns), ...Object.values(clusters)]) part.render();
}

function switchLang(code) {
  rememberLang(code);
  useLang(code);
  renderAll();
}

// Events

const answered = new Set();

const on = {
  hello({ now, services, mesh, clusters: all, breakers }) {
    setServerNow(now);
    each(services, columns, (column, { history, total }) => column.history.reset(history, total));
    beforePaint(renderAnswers);
    on.mesh({ mesh });
    on.pods({ clusters: all });
    on.breaker({ breakers });
    loadLists();
  },

  answers({ answers, totals }) {
    for (const item of answers) if (item.service in columns) accept(item);
    each(totals, columns, (column, total) => { column.history.total = total; });
    beforePaint(renderAnswers);
  },

  mesh({ mesh }) {
    each(mesh, columns, (column, rules) => { column.mesh = rules; });
    beforePaint(renderMesh);
  },

  pods({ clusters: all }) {
    each(all, clusters, (cluster, data) => { cluster.data = data; });
    beforePaint(renderClusters);
  },

  breaker({ breakers }) {
    for (const column of Object.values(columns)) column.breakers.data = breakers;
    beforePaint(renderBreakers);
  },

  gap({ missed }) {
    header.addMissed(missed, clock(Date.now(), lang()));
  },
};

/** What a newer server may tell beyond our three columns and two clusters has no place here. */
function each(payload, parts, apply) {
  for (const [name, part] of Object.entries(parts)) if (name in payload) apply(part, payload[name]);
}

function accept(item) {
  columns[item.service].history.add(item);
  if (item.pod && item.cluster in clusters) {
    clusters[item.cluster].answer(item);
    answered.add(item.pod);
  }
  const unknown = t("unknown");
  console.info(t("routed", { service: `${item.service}-service`, cluster: item.cluster ?? unknown, pod: item.pod ?? unknown }));
}

let asked = false;

/** Once the stream is there, so that these answers are told like all others, or has failed: the lists need no stream. */
function loadLists() {
  if (asked) return;
  asked = true;
  for (const { list } of Object.values(columns)) list.load();
}

function onState(state) {
  header.setState(state);
  if (state === "disconnected") loadLists();
}

function renderAnswers() {
  for (const column of Object.values(columns)) column.renderAnswers();
  for (const cluster of Object.values(clusters)) cluster.beat(answered);
  answered.clear();
}

function renderMesh() {
  for (const column of Object.values(columns)) column.renderMesh();
}

function renderBreakers() {
  for (const { breakers } of Object.values(columns)) breakers.render();
}

function renderClusters() {
  for (const cluster of Object.values(clusters)) cluster.render();
}

function tick() {
  if (document.hidden) return;
  for (const cluster of Object.values(clusters)) cluster.tick();
  for (const { breakers } of Object.values(columns)) breakers.tick();
}

useLang(preferredLang(config));
build();
renderAll();
setInterval(tick, TICK_MS);
for (const { list } of Object.values(columns)) list.onLoaded = () => columns.booking.list.render();
listen("/events", on, onState);
