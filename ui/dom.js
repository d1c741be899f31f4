// The page's only way to make and change elements. Text stays text: nothing here parses HTML.

/** Builds an element. `on…` attributes are listeners, null and false attributes are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Sets, or for null and false removes; touches the document only when something changes. */
export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const waiting = new Set();

/** Runs a task once before the next paint, however often it was asked for. A hidden tab has no paints. */
export function beforePaint(task) {
  if (waiting.size === 0) requestAnimationFrame(runWaiting);
  waiting.add(task);
}

function runWaiting() {
  const tasks = [...waiting];
  waiting.clear();
  for (const task of tasks) task();
}
