/*
 * The panel of a live run: an anywidget module.
 *
 * It draws `state` (see nbproof.notebook.live.state_of) whenever that changes, and counts the seconds by itself
 * in between.  Elements are kept and only what changed is touched, so that a selection or a screen reader's
 * place survives four updates a second.  Text goes in by textContent only.
 */

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 56;
const SILENT_MS = 30_000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

function svgElement(tag, className) {
  const made = document.createElementNS(SVG, tag);
  made.setAttribute('class', className);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** 4.2 s, 3:07, 1:02:09 */
export function elapsedText(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.floor(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const two = number => String(number).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return `${minutes}:${two(whole % 60)}`;
  }
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

export function numberText(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : '';
}

/**
 * Where points lie in the box: a path for each stretch without a gap.  null is a gap, the infinities lie at the
 * edges; a single point is a dot, a course without a range lies in the middle.
 */
export function paths(points) {
  const finite = points.map(point => point[1]).filter(value => typeof value === 'number');
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const steps = points.map(point => point[0]);
  const ordered = steps.every((step, place) => place === 0 || step > steps[place - 1]);
  const first = ordered ? steps[0] : 0;
  const span = (ordered ? steps[steps.length - 1] - first : points.length - 1) || 1;
  let path = '';
  let gap = true;
  points.forEach(([step, value], place) => {
    if (value === null) {
      gap = true;
      return;
    }
    const across = points.length === 1 ? 0.5 : ((ordered ? step : place) - first) / span;
    const level =
      value === 'Infinity' ? 1 : value === '-Infinity' ? 0 : high > low ? (value - low) / (high - low) : 0.5;
    const x = (2 + across * (WIDTH - 4)).toFixed(1);
    const y = (4 + (1 - level) * (HEIGHT - 8)).toFixed(1);
    path += gap ? `M${x} ${y}h0` : `L${x} ${y}`;
    gap = false;
  });
  return { path, low, high };
}

class Metric {
  constructor(name) {
    this.node = element('div', 'nbproof-run-metric');
    const head = element('div', 'nbproof-run-metric-head');
    const label = element('span', 'nbproof-run-metric-name', name);
    label.title = name;
    this.value = element('span', 'nbproof-run-metric-value');
    head.append(label, this.value);
    this.chart = svgElement('svg', 'nbproof-run-chart');
    this.chart.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.chart.setAttribute('preserveAspectRatio', 'none');
    this.chart.setAttribute('role', 'img');
    const axis = svgElement('line', 'nbproof-run-axis');
    for (const [key, value] of Object.entries({ x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT })) {
      axis.setAttribute(key, value);
    }
    this.course = svgElement('path', 'nbproof-run-course');
    this.chart.append(axis, this.course);
    const ends = element('div', 'nbproof-run-ends');
    this.range = element('span', '');
    this.step = element('span', '');
    ends.append(this.range, this.step);
    this.node.append(head, this.chart, ends);
    this.name = name;
  }

  draw(metric) {
    setText(this.value, metric.text);
    setText(this.step, `step ${metric.step}`);
    this.chart.style.display = metric.points.length ? '' : 'none';
    if (!metric.points.length) {
      return;
    }
    const { path, low, high } = paths(metric.points);
    this.course.setAttribute('d', path);
    const range = high > low ? `${numberText(low)} – ${numberText(high)}` : '';
    setText(this.range, range);
    this.chart.setAttribute('aria-label', `${this.name}: ${metric.text} at step ${metric.step}. ${range}`);
  }
}

class Panel {
  constructor(root) {
    this.node = element('section', 'nbproof-run');
    const head = element('div', 'nbproof-run-head');
    this.name = element('span', 'nbproof-run-name');
    this.id = element('span', 'nbproof-run-id');
    this.experiment = element('span', 'nbproof-run-dim');
    this.status = element('span', 'nbproof-run-status');
    this.status.setAttribute('role', 'status');
    this.elapsed = element('span', 'nbproof-run-elapsed');
    head.append(this.name, this.id, this.experiment, this.status, this.elapsed);
    this.alert = element('div', 'nbproof-run-alert');
    this.alert.setAttribute('role', 'alert');
    this.empty = element('div', 'nbproof-run-empty', 'Nothing is logged yet.');
    this.charts = element('div', 'nbproof-run-charts');
    this.more = element('div', 'nbproof-run-empty');
    this.params = element('div', 'nbproof-run-chips');
    this.params.setAttribute('role', 'list');
    this.params.setAttribute('aria-label', 'Params');
    this.tags = element('div', 'nbproof-run-chips');
    this.tags.setAttribute('role', 'list');
    this.tags.setAttribute('aria-label', 'Tags');
    this.node.append(head, this.alert, this.empty, this.charts, this.more, this.params, this.tags);
    this.metrics = new Map();
    this.state = {};
    this.heard = Date.now();
    root.append(this.node);
  }

  draw(state) {
    this.state = state;
    this.heard = Date.now();
    setText(this.name, state.name ?? '');
    setText(this.id, state.id ?? '');
    setText(this.experiment, state.experiment ?? '');
    setText(this.status, state.status ?? '');
    this.status.dataset.status = state.status ?? '';
    this.node.setAttribute('aria-label', `Run ${state.name}`);
    setText(this.alert, state.unacknowledged ? `${state.unacknowledged} log calls could not be recorded` : '');
    const metrics = state.metrics ?? [];
    for (const metric of metrics) {
      let drawn = this.metrics.get(metric.name);
      if (!drawn) {
        drawn = new Metric(metric.name);
        this.metrics.set(metric.name, drawn);
        this.charts.append(drawn.node);
      }
      drawn.draw(metric);
    }
    this.empty.style.display = metrics.length || (state.params ?? []).length ? 'none' : '';
    setText(this.more, state.more_metrics ? `and ${state.more_metrics} more metrics` : '');
    this.chips(this.params, state.params ?? [], state.more_params);
    this.chips(this.tags, state.tags ?? [], 0);
    this.tick();
  }

  chips(list, pairs, more) {
    const key = JSON.stringify([pairs, more]);
    if (list.dataset.shown === key) {
      return;
    }
    list.dataset.shown = key;
    list.replaceChildren(
      ...pairs.map(([name, value]) => {
        const chip = element('div', 'nbproof-run-chip');
        chip.setAttribute('role', 'listitem');
        const shown = element('span', 'nbproof-run-value', value);
        shown.title = value;
        chip.append(element('span', 'nbproof-run-dim', name), shown);
        return chip;
      })
    );
    if (more) {
      list.append(element('div', 'nbproof-run-dim', `and ${more} more`));
    }
  }

  tick() {
    const running = this.state.status === 'running';
    const silent = Date.now() - this.heard;
    const elapsed = (this.state.elapsed_ms ?? 0) + (running ? silent : 0);
    if (running && silent > SILENT_MS) {
      setText(this.elapsed, `nothing heard for ${elapsedText(silent)}`);
    } else {
      setText(this.elapsed, elapsedText(elapsed));
    }
  }
}

export default {
  render({ model, el }) {
    const panel = new Panel(el);
    const draw = () => panel.draw(model.get('state'));
    draw();
    model.on('change:state', draw);
    const timer = setInterval(() => panel.tick(), 500);
    return () => {
      clearInterval(timer);
      model.off('change:state', draw);
    };
  }
};
