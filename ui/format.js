// Times and numbers as people read them.

let serverAhead = 0;

/** The server's clock is the one all times come from; viewers' clocks differ. */
export function setServerNow(ms) {
  serverAhead = ms - Date.now();
}

const clockFormats = {};
const agoFormats = {};

/** Time of day with milliseconds, in the viewer's zone. */
export function clock(ms, lang) {
  clockFormats[lang] ??= new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
  return clockFormats[lang].format(ms);
}

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** "2 minutes ago", in few letters. */
export function ago(ms, lang) {
  agoFormats[lang] ??= new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "narrow" });
  const seconds = Math.max(0, Math.round((Date.now() + serverAhead - ms) / 1_000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  return agoFormats[lang].format(-Math.floor(seconds / size), unit);
}

/** Milliseconds, short: 12.4 ms, 3,012 ms. */
export function millis(ms) {
  return `${ms < 100 ? Number(ms.toFixed(1)) : Math.round(ms).toLocaleString("en")} ms`;
}

/** A configured span: 3 s, 250 ms. */
export function span(ms) {
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
