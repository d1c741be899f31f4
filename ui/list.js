// What a service holds, asked for by the button: one click is one request, and one lamp.

import { h, setAttribute } from "./dom.js";
import { span } from "./format.js";
import { t } from "./i18n.js";

/** Longer than any lesson's delay; the mesh itself gives up connecting after 30 s. */
const PATIENCE_MS = 45_000;
/** Characters of an error answer worth showing. */
const ERROR_TEXT = 200;

const SHAPES = {
  user: (user) => [user.name, user.email],
  movie: (movie) => [movie.title, `${movie.genre} | ${movie.year}`],
  booking: (booking, names) => [
    `${names.get(`user:${booking.userId}`) ?? booking.userId} · ${names.get(`movie:${booking.movieId}`) ?? booking.movieId}`,
    t("seats", { n: booking.seats }),
  ],
};

export class List {
  /** `names` ("user:1" → name) is shared: bookings show the names that the other lists have loaded. */
  constructor(service, names) {
    this.service = service;
    this.names = names;
    this.asked = 0;
    this.records = null;
    this.more = false;
    this.failure = null;
    this.onLoaded = () => {};
    this.button = h("button", { type: "button", class: "refresh", "data-role": "refresh", onclick: () => this.load() });
    this.items = h("ul", { class: "items", "data-role": "list" });
    this.notice = h("p", { class: "notice", role: "alert", "data-role": "error", hidden: "" });
    this.element = h("div", { class: "list" }, this.button, this.notice, this.items);
  }

  /** Clicks may overlap; the answer to the newest click is the one that is shown. */
  async load() {
    const mine = ++this.asked;
    setAttribute(this.items, "aria-busy", "true");
    const outcome = await ask(`/${this.service}s/`);
    if (mine !== this.asked) return;
    setAttribute(this.items, "aria-busy", null);
    this.failure = outcome.failure ?? null;
    if (outcome.records) this.accept(outcome);
    this.render();
  }

  accept({ records, more }) {
    this.records = records;
    this.more = more;
    for (const { id, name, title } of records) this.names.set(`${this.service}:${id}`, name ?? title);
    this.onLoaded();
  }

  render() {
    this.button.textContent = t("refresh");
    this.notice.hidden = this.failure === null;
    this.notice.textContent = this.failure === null ? "" : `${t("list.failed")}: ${this.failure()}`;
    this.items.replaceChildren(...this.rows());
  }

  rows() {
    if (this.records === null) return this.failure ? [] : [h("li", { class: "muted" }, t("loading"))];
    if (this.records.length === 0) return [h("li", { class: "muted" }, t(`empty.${this.service}`))];
    const rows = this.records.map((record) => this.row(record));
    if (this.more) rows.push(h("li", { class: "muted" }, t("list.more", { n: this.records.length })));
    return rows;
  }

  row(record) {
    const [title, detail] = SHAPES[this.service](record, this.names);
    return h("li", { class: "item", "data-id": record.id }, h("strong", {}, String(title)), h("span", {}, detail));
  }
}

/** `{records, more}` or `{failure}`: a function, because the words depend on the language of the moment. */
async function ask(path) {
  try {
    const response = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = await response.text();
    if (!response.ok) return { failure: () => `${response.status} ${reasonIn(text)}` };
    const records = JSON.parse(text);
    if (!Array.isArray(records)) return { failure: () => `${response.status}, not a list: ${text.slice(0, ERROR_TEXT)}` };
    return { records, more: /rel="?next/.test(response.headers.get("link") ?? "") };
  } catch (error) {
    return { failure: () => describe(error) };
  }
}

/** Of a problem+json (RFC 9457) its detail, else the text as it came. */
function reasonIn(text) {
  try {
    const problem = JSON.parse(text);
    return problem.detail ?? problem.title ?? text.slice(0, ERROR_TEXT);
  } catch {
    return text.slice(0, ERROR_TEXT);
  }
}

function describe(error) {
  if (error.name === "TimeoutError") return t("list.timeout", { span: span(PATIENCE_MS) });
  if (error instanceof SyntaxError) return `JSON: ${error.message}`;
  return t("list.unreachable");
}
