/* Steps through a recorded graph, forward and back. Everything shown is computed here, from the
   recorded operations; what was recorded is held against it first. */
"use strict";
(() => {
  // ── tensors: {shape, data}, entries in rows ────────────────────────────────────────────────
  const size = (shape) => shape.reduce((product, n) => product * n, 1);
  const scalar = (number) => ({ shape: [], data: [number] });
  /** As it travels: JSON has no NaN and no ∞. */
  const number = (x) => (typeof x === "number" ? x : { nan: NaN, inf: Infinity, "-inf": -Infinity }[x]);
  const read = (t) => t && { shape: t.shape, data: t.data.map(number) };
  const like = (t, f) => ({ shape: t.shape, data: t.data.map(f) });

  /** The shape that two operands are broadcast to. */
  function broadcast(a, b) {
    const long = a.length >= b.length ? a : b, short = a.length >= b.length ? b : a;
    const skip = long.length - short.length;
    return long.map((n, i) => (i < skip ? n : Math.max(n, short[i - skip])));
  }

  /** Where entry i of a broadcast shape comes from in a tensor of `shape`. */
  function source(i, whole, shape) {
    let index = 0, stride = 1;
    for (let d = whole.length - 1, k = shape.length - 1; k >= 0; d--, k--) {
      const at = i % whole[d];
      i = Math.floor(i / whole[d]);
      if (shape[k] > 1) index += at * stride;
      stride *= shape[k];
    }
    return index;
  }

  function zip(a, b, f) {
    const shape = broadcast(a.shape, b.shape);
    const data = Array.from({ length: size(shape) },
      (_, i) => f(a.data[source(i, shape, a.shape)], b.data[source(i, shape, b.shape)]));
    return { shape, data };
  }

  /** g in the shape of `to`: what was broadcast is summed. */
  function fit(g, to) {
    const data = new Array(size(to.shape)).fill(0);
    const whole = broadcast(g.shape, to.shape);
    for (let i = 0; i < size(whole); i++)
      data[source(i, whole, to.shape)] += g.data[source(i, whole, g.shape)];
    return { shape: to.shape, data };
  }

  const times = (a, b) => zip(a, b, (x, y) => x * y);
  const transposed = (a) => {
    const [m, n] = a.shape;
    return { shape: [n, m], data: Array.from({ length: n * m }, (_, i) => a.data[(i % m) * n + Math.floor(i / m)]) };
  };
  function product(a, b) {
    const m = a.shape.length === 2 ? a.shape[0] : 1, n = b.shape.length === 2 ? b.shape[1] : 1;
    const inner = b.shape[0], data = new Array(m * n).fill(0);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < inner; k++) data[i * n + j] += a.data[i * inner + k] * b.data[k * n + j];
    return { shape: [...(a.shape.length === 2 ? [m] : []), ...(b.shape.length === 2 ? [n] : [])], data };
  }
  const matrix = (t, asRow) => (t.shape.length === 2 ? t
    : { shape: asRow ? [1, t.data.length] : [t.data.length, 1], data: t.data });
  const outer = (a, b) => product(matrix(a, false), matrix(b, true));

  // ── the operations: value, and what each operand gets when g arrives ────────────────────────
  const one = (f, slope) => ({
    value: (x) => like(x, f),
    back: [(g, out, x) => ({ shape: x.shape, data: x.data.map((v, i) => g.data[i] * slope(v, out.data[i])) })],
  });
  const two = (f, ...slopes) => ({
    value: (a, b) => zip(a, b, f),
    back: slopes.map((slope) => (g, out, a, b) => times(g, zip(a, b, slope))),
  });
  /** The sum, or the mean, of squared differences. */
  function squares(mean) {
    const count = (r) => (mean ? r.data.length : 1), residual = (a, b) => zip(a, b, (x, y) => x - y);
    const back = (sign) => (g, out, a, b) => {
      const r = residual(a, b);
      return like(r, (x) => (sign * 2 * g.data[0] * x) / count(r));
    };
    return {
      value: (a, b) => {
        const r = residual(a, b);
        return scalar(r.data.reduce((sum, x) => sum + x * x, 0) / count(r));
      },
      back: [back(1), back(-1)],
    };
  }
  /** A sum or mean over the axes that the numbers after x name, over all without one. */
  const reduction = (mean) => ({
    value: (x, ...axes) => reduced(x, axes.map((a) => a.data[0]), mean),
    back: [(g, out, x) => {
      const count = mean ? x.data.length / Math.max(out.data.length, 1) : 1;
      const kept = keepDims(x, out, g);
      return like(zip(x, kept, (_, y) => y), (v) => v / count);
    }],
  });
  function reduced(x, axes, mean) {
    if (axes.length > 1) throw new Error("several axes");
    if (!axes.length) {
      const total = x.data.reduce((sum, v) => sum + v, 0);
      return scalar(mean ? total / x.data.length : total);
    }
    const axis = (axes[0] + x.shape.length) % x.shape.length;
    const kept = x.shape.map((n, d) => (d === axis ? 1 : n));
    const sum = fit(x, { shape: kept });
    const shape = x.shape.filter((_, d) => d !== axis);
    return { shape, data: mean ? sum.data.map((v) => v / x.shape[axis]) : sum.data };
  }
  function keepDims(x, out, g) {
    if (out.shape.length === x.shape.length || !out.shape.length) return g;
    const rest = [...out.shape];
    const shape = x.shape.map((n) => (rest[0] === n ? rest.shift() : 1));
    return { shape, data: g.data };
  }
  const matmul = {
    value: product,
    back: [
      (g, out, a, b) => a.shape.length === 1
        ? (b.shape.length === 1 ? times(g, b) : product(b, g))
        : (b.shape.length === 1 ? outer(g, b) : product(g, transposed(b))),
      (g, out, a, b) => a.shape.length === 1
        ? (b.shape.length === 1 ? times(g, a) : outer(a, g))
        : product(transposed(a), g),
    ],
  };
  const OPERATIONS = {
    add: two((a, b) => a + b, () => 1, () => 1),
    sub: two((a, b) => a - b, () => 1, () => -1),
    mul: two((a, b) => a * b, (a, b) => b, (a) => a),
    div: two((a, b) => a / b, (a, b) => 1 / b, (a, b) => -a / (b * b)),
    pow: two((a, n) => a ** n, (a, n) => n * a ** (n - 1), (a, n) => a ** n * Math.log(a)),
    neg: one((x) => -x, () => -1),
    exp: one(Math.exp, (x, out) => out),
    log: one(Math.log, (x) => 1 / x),
    sqrt: one(Math.sqrt, (x, out) => 1 / (2 * out)),
    abs: one(Math.abs, (x) => Math.sign(x)),
    sigmoid: one((z) => 1 / (1 + Math.exp(-z)), (z, out) => out * (1 - out)),
    tanh: one(Math.tanh, (z, out) => 1 - out * out),
    relu: one((z) => Math.max(z, 0), (z) => (z > 0 ? 1 : 0)),
    square: one((x) => x * x, (x) => 2 * x),
    reciprocal: one((x) => 1 / x, (x) => -1 / (x * x)),
    matmul,
    outer: { value: outer, back: [(g, out, a, b) => product(g, b), (g, out, a) => product(transposed(g), a)] },
    sum: reduction(false),
    mean: reduction(true),
    mse_loss: squares(true),
    mse_sum: squares(false),
    linear: {
      value: (x, w, b) => (b ? zip(product(x, transposed(w)), b, (p, q) => p + q) : product(x, transposed(w))),
      back: [
        (g, out, x, w) => product(g, w),
        (g, out, x) => (x.shape.length === 1 ? outer(g, x) : product(transposed(g), x)),
        (g) => g,
      ],
    },
  };
  const OPERAND = 1000000; // entries of a moved value: operand · OPERAND + entry

  /** The recorded graph at work: values from the leaves on, gradients from the end back. */
  class Graph {
    constructor(nodes) {
      this.nodes = nodes;
      this.end = nodes.length - 1;
      this.values = nodes.map((node) => node.value);
      this.known = true;
      this.run();
      this.known = this.known && nodes.every((node, i) => same(this.values[i], node.value) &&
        (!node.grad || same(this.grads[i] || null, node.grad)));
      if (!this.known) {
        this.run();
        this.silence();
      }
    }

    /** Nothing is written of an operation that gives other numbers here than were recorded. */
    silence() {
      const strange = new Set(this.nodes.map((_, i) => i).filter((i) => !this.repeats(i)));
      this.nodes.forEach((node, i) => {
        if (node.shown && this.through(i).some((k) => strange.has(k))) {
          node.formula = "";
          node.strange = true;
        }
      });
    }

    /** Whether node i alone comes to what was recorded. */
    repeats(i) {
      this.known = true;
      const value = this.value(this.nodes[i], i), right = this.known && same(value, this.nodes[i].value);
      this.known = false;
      return right;
    }

    /** Node i and the hidden ones between it and those shown before it. */
    through(i) {
      const hidden = this.nodes[i].operands.filter((p) => typeof p === "number" && !this.nodes[p].shown);
      return [i, ...hidden.flatMap((p) => this.through(p))];
    }

    operands(node) {
      return node.operands.map((p) => (typeof p === "number" ? this.values[p] : scalar(number(p.number))));
    }

    /** Compute everything again; recorded numbers stay where an operation is not known here. */
    run() {
      if (this.known) this.nodes.forEach((node, i) => { this.values[i] = this.value(node, i); });
      else this.values = this.nodes.map((node) => node.value);
      this.grads = {};
      if (!this.known) this.nodes.forEach((node, i) => { if (node.grad) this.grads[i] = node.grad; });
      else this.grads = this.back(this.end, like(this.values[this.end], () => 1), () => true);
    }

    value(node, i) {
      try {
        if (!node.row) return this.values[i];
        const operands = this.operands(node);
        if (node.row === "move") {
          const data = node.places.map((p) => operands[Math.floor(p / OPERAND)].data[p % OPERAND]);
          return { shape: node.value.shape, data };
        }
        return { ...OPERATIONS[node.row].value(...operands), shape: node.value.shape };
      } catch { this.known = false; return node.value; }
    }

    /** What arrives at the nodes when g arrives at `start`; it goes on through those that `passes`. */
    back(start, g, passes) {
      const grads = { [start]: g };
      for (let i = start; i >= 0; i--) {
        if (!grads[i] || (i !== start && !passes(i))) continue;
        const node = this.nodes[i];
        node.operands.forEach((p, k) => {
          if (typeof p !== "number" || !this.nodes[p].flows || !node.flows) return;
          const part = this.handed(node, i, k, grads[i], this.values[p]);
          grads[p] = grads[p] ? zip(grads[p], part, (a, b) => a + b) : part;
        });
      }
      return grads;
    }

    handed(node, i, k, g, to) {
      if (node.row === "move") {
        const data = new Array(to.data.length).fill(0);
        node.places.forEach((p, entry) => { if (Math.floor(p / OPERAND) === k) data[p % OPERAND] += g.data[entry]; });
        return { shape: to.shape, data };
      }
      try {
        return fit(OPERATIONS[node.row].back[k](g, this.values[i], ...this.operands(node)), to);
      } catch { this.known = false; return like(to, () => NaN); }
    }

    /** What a shown node hands to a shown node behind it when g arrives, over those between. */
    way(child, parent, g) {
      const passes = (i) => !this.nodes[i].shown;
      return this.back(child, g, passes)[parent];
    }
  }

  function same(a, b) {
    if (!a || !b) return a === b || !b;
    const scale = b.data.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 1e-300);
    const alike = (v, w) => Object.is(v, w) || Math.abs(v - w) <= 1e-11 * scale;
    return a.data.length === b.data.length && a.data.every((v, i) => alike(v, b.data[i]));
  }

  // ── numbers and formulas as text ────────────────────────────────────────────────────────────
  const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  function written(x, digits = 4) {
    if (x === undefined || Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    if (x === 0) return "0";
    const magnitude = Math.abs(x);
    if (magnitude >= 1e-4 && magnitude < 10 ** Math.max(digits, 6)) return String(Number(x.toPrecision(digits))).replace("-", "−");
    const [front, power] = x.toExponential(digits - 1).split("e");
    return `${Number(front)}·10${[...power.replace("+", "")].map((c) => RAISED[c]).join("")}`.replace("-", "−");
  }
  /** A tensor as lines: a number, a vector in one line, a matrix in several, a large one in short. */
  function lines(t, digits) {
    const all = t.data.map((x) => written(x, digits));
    if (all.length < 2) return [all.length ? all[0] : `nothing, shape (${t.shape.join(", ")})`];
    if (all.length > 8) return [`${t.shape.join("×")}: ${all[0]} … ${all[all.length - 1]}`];
    const n = t.shape[t.shape.length - 1];
    const rows = Array.from({ length: all.length / n }, (_, i) => all.slice(i * n, (i + 1) * n).join(", "));
    return rows.map((row) => (n > 1 ? `(${row})` : row));
  }
  const inline = (t, digits) => {
    const rows = lines(t, digits);
    return rows.length > 1 ? `(${rows.join(", ")})` : rows[0];
  };
  /** Whether the first bracket is closed by the last. */
  const bracketed = (text) => {
    let depth = 0;
    return text[0] === "(" && [...text].every((c, i) => (depth += (c === "(") - (c === ")")) > 0 || i === text.length - 1);
  };
  /** In brackets where it would run into what stands before or after it. */
  const held = (text, before, after) => {
    const product = /[·/]/.test(text) && (/Σ $/.test(before) || /^[²³^ᵀ]/.test(after));
    const power = /[²³]$/.test(text), base = power ? text.slice(0, -1) : text;
    const loose = ((product || /^−|[ ]/.test(text)) && !bracketed(base)) || (power && /^[²³^]/.test(after));
    const alone = (!before || /[(,]\s*$|[=] $/.test(before)) && (!after || /^[),]/.test(after));
    return loose && !alone ? `(${text})` : text;
  };

  // ── the page ────────────────────────────────────────────────────────────────────────────────
  const SVG = "http://www.w3.org/2000/svg";
  function element(name, attributes = {}, ...children) {
    const made = attributes.svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (key !== "svg" && value !== null) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  const svg = (name, attributes = {}, ...children) => element(name, { svg: true, ...attributes }, ...children);

  class Steps {
    constructor(root, story) {
      this.root = root;
      this.story = story;
      for (const node of story.nodes)
        for (const kind of ["value", "grad", "yours", "right"]) node[kind] = read(node[kind]);
      this.graph = new Graph(story.nodes);
      this.changed = false;
      this.steps = this.list();
      this.at = story.ended ? this.steps.length - 1 : 0;
      this.build();
      this.show();
    }

    node(i) { return this.story.nodes[i]; }
    gradName(i) {
      const { name } = this.node(i);
      return `∂${this.story.root}/∂${/[−·^@/ ²³]/.test(name) && name.length > 1 ? `(${name})` : name}`;
    }

    list() {
      const shown = this.story.nodes.map((_, i) => i).filter((i) => this.node(i).shown);
      const forward = shown.filter((i) => !this.node(i).source);
      const backward = shown.filter((i) => this.node(i).grad && !this.node(i).data).reverse();
      return [{ kind: "start" }, ...forward.map((node) => ({ kind: "forward", node })),
        ...backward.map((node) => ({ kind: "backward", node }))];
    }

    reached(kind, i) {
      if (kind === "forward" && this.node(i).source) return true;
      return this.steps.findIndex((step) => step.kind === kind && step.node === i) <= this.at &&
        this.steps.some((step) => step.kind === kind && step.node === i);
    }

    /** A formula with its places filled: by names, or by numbers. */
    filled(template, how, child) {
      return template.replace(/⟦(g|\d+)(?::(\d+))?⟧/g, (place, which, entry, offset, whole) => {
        const before = whole.slice(0, offset), after = whole.slice(offset + place.length);
        const index = which === "g" ? child : Number(which);
        const ending = entry === undefined ? "" : `[${Number(entry) + 1}]`;
        const grad = which !== "g" ? "" : /^[ᵀ²³]/.test(after) ? `(${this.gradName(index)})` : this.gradName(index);
        if (how === "names")
          return grad ? grad + ending : held(this.node(index).name + ending, before, after);
        const value = which === "g" ? this.graph.grads[index] : this.graph.values[index];
        const part = entry === undefined ? value : scalar(value.data[entry]);
        if (part.data.length > 8) return grad || this.node(index).name;
        return held(inline(part), before, after);
      });
    }

    /** The sentences of a step. */
    sentences(step) {
      if (step.kind === "start")
        return [`The inputs are there. Go forward: each node computes its value from those before it. Then back: each node gets its gradient, upstream gradient · local slope.`];
      const node = this.node(step.node);
      if (step.kind === "forward") {
        const value = inline(this.graph.values[step.node], 6);
        if (!node.formula) return [`${node.name} = ${value}`];
        const name = node.name === this.filled(node.formula, "names") ? "" : `${node.name} = `;
        const formulas = [...new Set([this.filled(node.formula, "names"), this.filled(node.formula, "numbers")])];
        return [`${name}${[...formulas, value].join(" = ")}`]
          .concat(node.cut ? ["Autograd did not record this: no gradient flows back through it."] : []);
      }
      return this.backwardSentences(step.node);
    }

    backwardSentences(i) {
      const node = this.node(i), grad = inline(this.graph.grads[i], 6);
      if (i === this.graph.end) return [`${this.gradName(i)} = 1: where the way back begins.`];
      const ways = this.ways(i);
      const symbols = ways.map((way) => way.symbols), numbers = ways.map((way) => way.numbers);
      const text = [];
      if (ways.length > 1) {
        text.push(`${node.name} reaches ${this.story.root} in ${ways.length} ways; what comes back is added up:`);
        for (const way of ways) text.push(`through ${this.node(way.child).name}: ${way.strange ? way.symbols : this.chain(way)}`);
        const parts = ways.map((way) => (way.strange ? `what ${this.node(way.child).name} hands back` : held(inline(way.value, 6), "x", "x")));
        text.push(`${this.gradName(i)} = ${parts.join(" + ")} = ${grad}`);
      } else {
        const middle = !ways[0].strange && /[·@⊗+/]/.test(symbols[0].replace(/∂[^·@⊗+]*/, "")) && symbols[0] !== numbers[0] ? [symbols[0], numbers[0]] : [symbols[0]];
        text.push([this.gradName(i), ...middle, grad].join(" = "));
      }
      const yours = this.yours(i);
      if (yours) text.push(`✗ ${yours}`);
      if (this.slipsAt(i)) text.push(`✗ ${this.story.slip}`);
      return text;
    }

    /** A product in names, in numbers, and what it comes to. */
    chain(way) {
      return [...new Set([way.symbols, way.numbers, inline(way.value, 6)])].join(" = ");
    }

    /** The nodes that hand something back to node i, with what they hand. */
    ways(i) {
      return Object.entries(this.node(i).ways).map(([child, template]) => {
        const c = Number(child), g = this.graph.grads[c];
        const strange = this.node(c).strange;
        const value = (!strange && this.graph.way(c, i, g)) || like(this.graph.grads[i], () => NaN);
        return {
          child: c, value, strange,
          symbols: template && !strange ? this.filled(template, "names", c) : `what ${this.node(c).name} hands back`,
          numbers: template && !strange ? this.filled(template, "numbers", c) : inline(value, 6),
        };
      });
    }

    /** The right number and the student's own, where these differ; null where they agree. */
    wrong(i, entry = null, digits = 6) {
      const { yours, right } = this.node(i), pick = (t) => (entry === null || t.data.length === 1 ? t : scalar(t.data[entry]));
      if (this.changed || (!yours && !right)) return null;
      const pair = [right || this.graph.grads[i], yours || this.graph.grads[i]].map((t) => inline(pick(t), digits));
      return pair[0] === pair[1] ? null : { right: pair[0], yours: pair[1] };
    }

    /** The same as a sentence. */
    yours(i) {
      const wrong = this.wrong(i);
      const first = this.firstWrong() === i ? " This is the first one that is wrong on the way back." : "";
      return wrong ? `${this.story.whose} gives ${wrong.yours} here; it should be ${wrong.right}.${first}` : "";
    }

    /** Whether the slip that gives the student's numbers is made at node i. */
    slipsAt(i) { return this.node(i).slip && !this.changed; }

    firstWrong() {
      const step = this.steps.find((s) => s.kind === "backward" && (this.node(s.node).yours || this.node(s.node).right));
      return step ? step.node : -1;
    }

    // ── what is on the page ──
    build() {
      const part = (name) => this.root.querySelector(`[data-part="${name}"]`);
      this.parts = Object.fromEntries(["picture", "views", "say", "heading", "slider", "predict", "ask", "guess", "answer", "inputs", "table", "play", "training"].map((n) => [n, part(n)]));
      this.root.querySelectorAll("[data-do]").forEach((button) =>
        button.addEventListener("click", () => this.act(button.dataset.do)));
      this.parts.slider.max = this.steps.length - 1;
      this.parts.slider.addEventListener("input", () => this.go(Number(this.parts.slider.value)));
      this.root.addEventListener("keydown", (event) => this.key(event));
      this.parts.predict.addEventListener("submit", (event) => { event.preventDefault(); this.predict(); });
      this.fields();
      this.story.views.forEach((view, k) => {
        const button = element("button", { type: "button", "aria-pressed": String(k === 0) }, view.name);
        button.addEventListener("click", () => this.look(k));
        if (this.story.views.length > 1) this.parts.views.append(button);
      });
      this.look(0);
    }

    look(k) {
      [...this.parts.views.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === k)));
      this.view = new View(this, this.story.views[k]);
      this.parts.picture.replaceChildren(this.view.drawn);
      this.view.show();
    }

    act(what) {
      const last = this.steps.length - 1;
      const to = { first: 0, back: this.at - 1, next: this.at + 1, last }[what];
      if (what === "reset") this.reset();
      else this.go(to);
    }

    key(event) {
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== this.parts.slider) return;
      const what = { ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last" }[event.key];
      if (!what || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.act(what);
    }

    go(to) {
      this.at = Math.max(0, Math.min(this.steps.length - 1, to));
      this.parts.guess.value = "";
      this.parts.answer.textContent = "";
      this.show();
    }

    show() {
      const step = this.steps[this.at], count = (kind) => this.steps.filter((s) => s.kind === kind);
      const place = (kind) => `${count(kind).indexOf(step) + 1} of ${count(kind).length}`;
      this.parts.heading.textContent = {
        start: "Start", forward: `Forward, ${place("forward")}`, backward: `Back, ${place("backward")}`,
      }[step.kind];
      this.parts.say.replaceChildren(...this.sentences(step).map((text) =>
        element("p", text.startsWith("✗") ? { class: "wrong" } : {}, text)));
      this.parts.slider.value = this.at;
      this.parts.slider.setAttribute("aria-valuetext", this.parts.heading.textContent);
      this.root.querySelectorAll("[data-do=first],[data-do=back]").forEach((b) => b.setAttribute("aria-disabled", this.at === 0));
      this.root.querySelectorAll("[data-do=next],[data-do=last]").forEach((b) => b.setAttribute("aria-disabled", this.at === this.steps.length - 1));
      const next = this.steps[this.at + 1];
      this.asked = next && next.kind === "backward" && next.node !== this.graph.end ? next.node : null;
      this.parts.predict.hidden = this.asked === null;
      if (this.asked !== null) this.parts.ask.textContent = `Predict first: ${this.gradName(this.asked)}${this.entryAsked()} =`;
      this.tabulate();
      this.view.show();
    }

    entryAsked() {
      const { shape, data } = this.graph.grads[this.asked];
      return data.length > 1 ? `[${shape.map(() => 1).join(",")}]` : "";
    }

    // ── predictions ──
    predict() {
      const guess = Number(this.parts.guess.value.trim().replace("−", "-").replace(",", "."));
      if (!this.parts.guess.value.trim() || Number.isNaN(guess)) {
        this.parts.answer.textContent = "Type a number, such as −0.25.";
        return;
      }
      const right = this.graph.grads[this.asked].data[0];
      if (near(guess, right)) {
        this.go(this.at + 1);
        this.parts.answer.textContent = `Right: ${written(right, 6)}.`;
        (this.parts.predict.hidden ? this.root : this.parts.guess).focus();
      } else this.parts.answer.textContent = `${written(guess, 6)} is not it. ${this.slip(guess)} Try again, or go on to see it.`;
    }

    /** The slip that gives the same number, in the checker's words. */
    slip(guess) {
      const i = this.asked, right = this.graph.grads[i].data[0], words = this.story.general;
      const ways = this.ways(i).filter((way) => !way.strange), upstream = ways.map((way) => this.graph.grads[way.child].data[0]);
      const unit = (way) => this.graph.way(way.child, i, like(this.graph.grads[way.child], () => 1)).data[0];
      const candidates = [];
      if (!this.changed) candidates.push(...this.node(i).slips.map((slip) => [slip.value.data[0], slip.words]));
      if (ways.length > 1) ways.forEach((way) => candidates.push(
        [way.value.data[0], `that is what comes through ${this.node(way.child).name} alone; there are ${ways.length} ways`],
        [right - way.value.data[0], `what comes through ${this.node(way.child).name} is left out`]));
      candidates.push([upstream.reduce((a, b) => a + b, 0), "that is the upstream gradient alone: the local slope is left out"]);
      if (this.graph.known) candidates.push([ways.reduce((sum, way) => sum + unit(way), 0), words.upstream_ignored]);
      candidates.push([-right, words.negated], [right / 2, words.halved], [right * 2, words.doubled],
        [this.graph.values[i].data[0], `that is the value of ${this.node(i).name}, not its gradient`]);
      const found = candidates.find(([value]) => near(guess, value) && !near(value, right));
      return found ? `It fits this: ${found[1]}.` : "Upstream gradient · local slope: what arrives, and what does this operation do to it?";
    }

    // ── inputs ──
    fields() {
      const editable = this.story.nodes.map((_, i) => i).filter((i) => this.node(i).editable && this.node(i).name);
      if (!this.graph.known || !editable.length) {
        this.parts.inputs.append(element("p", {}, "The inputs cannot be changed here: the page does not know every operation of this graph."));
        return;
      }
      for (const i of editable) this.node(i).value.data.forEach((number, entry, all) => {
        const { shape } = this.node(i).value;
        const at = all.length === 1 ? "" : shape.length === 2 ? `[${Math.floor(entry / shape[1]) + 1},${(entry % shape[1]) + 1}]` : `[${entry + 1}]`;
        const own = this.story.nodes.some((other) => other.shown && other.name === `${this.node(i).name}${entry + 1}`);
        const name = own ? `${this.node(i).name}${entry + 1}` : `${this.node(i).name}${at}`;
        const reach = Math.max(2, 2 * Math.abs(number));
        const field = element("input", { type: "number", step: "any", value: number, "data-node": i, "data-entry": entry });
        const slider = element("input", { type: "range", step: reach / 100, min: number - reach, max: number + reach, value: number, "aria-label": `${name}, slider` });
        slider.value = number;
        field.addEventListener("input", () => { slider.value = field.value; this.change(i, entry, field.value); });
        slider.addEventListener("input", () => { field.value = Number(Number(slider.value).toPrecision(6)); this.change(i, entry, field.value); });
        this.parts.inputs.append(element("label", {}, `${name} `, field), slider);
      });
      const button = element("button", { type: "button" }, "as recorded");
      button.addEventListener("click", () => this.reset());
      this.parts.inputs.append(button);
    }

    change(i, entry, text) {
      const number = Number(text);
      if (text === "" || !Number.isFinite(number)) return;
      const data = [...this.graph.values[i].data];
      data[entry] = number;
      this.graph.values[i] = { shape: this.graph.values[i].shape, data };
      this.changed = this.story.nodes.some((node, k) => node.editable && !node.value.data.every((x, e) => x === this.graph.values[k].data[e]));
      this.graph.run();
      this.show();
    }

    reset() {
      this.parts.inputs.querySelectorAll("input[type=number]").forEach((field) => {
        const number = this.node(Number(field.dataset.node)).value.data[Number(field.dataset.entry)];
        field.value = number;
        field.parentElement.nextElementSibling.value = number;
      });
      this.graph.values = this.story.nodes.map((node) => node.value);
      this.changed = false;
      this.graph.run();
      this.show();
    }

    // ── the same as a table ──
    tabulate() {
      const rows = this.story.nodes.map((node, i) => ({ node, i })).filter(({ node }) => node.shown).map(({ node, i }) => {
        const value = this.reached("forward", i), grad = node.grad && !node.data && this.reached("backward", i);
        const cells = [element("th", { scope: "row" }, node.name),
          element("td", value ? { "data-value": JSON.stringify(this.graph.values[i].data) } : {}, value ? inline(this.graph.values[i], 6) : "…"),
          element("td", grad ? { "data-grad": JSON.stringify(this.graph.grads[i].data) } : {}, grad ? inline(this.graph.grads[i], 6) : node.data ? "data" : node.cut ? "none" : "…"),
          element("td", {}, grad ? this.yours(i) : "")];
        return element("tr", { "data-node": i }, ...cells);
      });
      this.parts.table.replaceChildren(...rows);
    }
  }

  const near = (a, b) => Math.abs(a - b) <= 2e-3 * Math.max(Math.abs(b), 1e-9);

  /** The picture: boxes and edges, lit as the steps go. */
  class View {
    constructor(steps, view) {
      this.steps = steps;
      this.view = view;
      const [width, height] = view.size;
      this.drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
      this.lines = svg("g");
      this.drawn.append(this.lines);
      for (const edge of view.edges) {
        edge.drawn = svg("path", { d: curve(edge.points), class: "edge" });
        this.lines.append(edge.drawn);
      }
      for (const box of view.boxes) {
        box.drawn = svg("g", { class: box.weight ? "box weight" : "box" },
          svg("rect", { x: box.x, y: box.y, width: box.w, height: box.h, rx: 8 }));
        box.text = svg("g");
        box.badge = svg("g", { class: "badge" }, svg("rect", { x: box.x + box.w / 2 - 32, y: box.y - 15, width: 64, height: 16 }),
          svg("text", { x: box.x + box.w / 2, y: box.y - 7 }, "✗ here"));
        box.drawn.append(box.text);
        this.drawn.append(box.drawn);
      }
    }

    show() {
      const { steps } = this, step = steps.steps[steps.at];
      const beside = new Set(step.kind === "backward" ? Object.keys(steps.node(step.node).ways).map(Number)
        : step.kind === "forward" ? this.before(step.node) : []);
      for (const edge of this.view.edges) {
        const [from, to] = step.kind === "backward" ? [edge.from, edge.to] : [edge.to, edge.from];
        const lit = from.includes(step.node) && to.some((i) => beside.has(i));
        if (lit) this.lines.append(edge.drawn); // above the others
        edge.drawn.setAttribute("class", `edge${lit ? " lit" : ""}${edge.cut ? " cut" : ""}${lit && step.kind === "backward" ? " back" : ""}`);
      }
      for (const box of this.view.boxes) {
        const lit = box.rows.some((row) => row.node === step.node);
        const wrong = box.rows.some((row) => steps.wrong(row.node, row.entry) && steps.reached("backward", row.node));
        const source = box.rows.every((row) => steps.node(row.node).source);
        const classes = [["box", true], ["weight", box.weight], ["lit", lit], ["back", lit && step.kind === "backward"], ["near", box.rows.some((row) => beside.has(row.node))],
          ["wrong", wrong], ["cut", box.rows.some((row) => steps.node(row.node).cut)], ["source", source],
          ["waits", !box.rows.some((row) => steps.reached("forward", row.node))]];
        box.drawn.setAttribute("class", classes.filter(([, is]) => is).map(([name]) => name).join(" "));
        this.write(box, step);
        if (box.rows.some((row) => steps.slipsAt(row.node) && steps.reached("backward", row.node))) box.drawn.append(box.badge);
        else box.badge.remove();
        if (lit) this.scroll(box);
      }
    }

    before(i) {
      const { story } = this.steps, found = [];
      const walk = (k) => story.nodes[k].operands.forEach((p) => {
        if (typeof p !== "number") return;
        if (story.nodes[p].shown) found.push(p); else walk(p);
      });
      walk(i);
      return found;
    }

    write(box, step) {
      const { steps } = this, texts = [];
      for (const row of box.rows) {
        const node = steps.node(row.node), now = row.node === step.node;
        const pick = (t) => (row.entry === null ? t : scalar(t.data[row.entry]));
        const label = `${now ? "▸ " : ""}${row.label}`;
        const values = steps.reached("forward", row.node) ? lines(pick(steps.graph.values[row.node])) : ["·"];
        if (box.weight) texts.push([`${label} = ${values[0]}`, "name"]);
        else texts.push([label, "name"], ...values.map((t) => [t, "value"]));
        if (node.data || (!node.grad && !node.cut)) continue;
        if (node.cut) texts.push(["no gradient", "quiet"]);
        else if (steps.reached("backward", row.node)) {
          const wrong = steps.wrong(row.node, row.entry, 4);
          if (wrong) texts.push([`✗ ∂ ${wrong.right}, not ${wrong.yours}`, "grad"]);
          else lines(pick(steps.graph.grads[row.node])).forEach((t, k) => texts.push([`${k ? "  " : "∂ "}${t}`, "grad"]));
        } else texts.push(["∂ ·", "quiet"]);
      }
      const top = box.y + box.h / 2 - (texts.length - 1) * 9;
      box.text.replaceChildren(...texts.map(([text, kind], k) => {
        const written = svg("text", { x: box.x + box.w / 2, y: top + 18 * k, class: kind }, text);
        if (text.length * 8 > box.w - 6) { written.setAttribute("textLength", box.w - 10); written.setAttribute("lengthAdjust", "spacingAndGlyphs"); }
        return written;
      }));
    }

    scroll(box) {
      const frame = this.steps.parts.picture;
      const scale = this.drawn.getBoundingClientRect().width / this.view.size[0] || 1;
      frame.scrollTo({ left: (box.x + box.w / 2) * scale - frame.clientWidth / 2, top: (box.y + box.h / 2) * scale - frame.clientHeight / 2 });
    }
  }

  function curve(points) {
    return points.map(([x, y], i) => {
      if (!i) return `M${x} ${y}`;
      const [px, py] = points[i - 1], middle = (px + x) / 2;
      return points.length === 2 && Math.abs(x - px) > 100 ? `L${x} ${y}` : `C${middle} ${py} ${middle} ${y} ${x} ${y}`;
    }).join("");
  }

  // ── a training, played ──────────────────────────────────────────────────────────────────────
  class Training {
    constructor(root, training) {
      this.root = root;
      this.data = training;
      const part = (name) => root.querySelector(`[data-part="${name}"]`);
      this.slider = part("epoch");
      this.says = part("epoch-says");
      this.button = part("run");
      const figures = part("curves");
      this.slider.max = training.epochs.length - 1;
      this.slider.addEventListener("input", () => { this.stop(); this.show(); });
      this.button.addEventListener("click", () => (this.timer ? this.stop() : this.run()));
      const more = [training.right.length && "dashed: as it should be, in exact arithmetic", training.floor && `dotted: ${training.floor[1]}`].filter(Boolean);
      this.losses = this.plot(figures, [`loss (log scale) over ${training.unit}s`, ...more].join("; "));
      this.drawLosses();
      if (training.path && training.path.points) {
        const { axes, others } = training.path, best = others.join(", ");
        this.path = this.plot(figures, `path over the mean loss: ${axes.join(" →, ")} ↑; ★ least loss` +
          (best ? `. The contours have the best ${best} at every place; the path has its own ${best}, so it may climb.` : ""));
        this.drawPath();
      }
      this.show();
    }

    plot(where, caption) {
      const drawn = svg("svg", { viewBox: "0 0 340 240", "aria-hidden": "true" });
      where.append(element("figure", {}, drawn, element("figcaption", {}, caption)));
      return drawn;
    }

    drawLosses() {
      const { epochs, losses, right, floor } = this.data;
      const logs = [...losses, ...right].filter((x) => x > 0 && x < 1e12).map(Math.log10);
      const low = Math.min(...logs, floor ? Math.log10(floor[0]) : Infinity), high = Math.min(Math.max(...logs), Math.log10(losses[0] || 1) + 3);
      const last = epochs[epochs.length - 1] || 1;
      this.toLoss = (epoch, loss) => [72 + 258 * (epoch / last), 215 - 200 * ((Math.log10(loss) - low) / (high - low || 1))];
      const line = (values, kind) => {
        const points = values.map((loss, i) => (loss > 0 && Math.log10(loss) <= high ? this.toLoss(epochs[i], loss).join(" ") : null)).filter(Boolean);
        this.losses.append(svg("polyline", { points: points.join(" "), class: kind }));
      };
      if (floor) {
        const y = this.toLoss(0, floor[0])[1];
        this.losses.append(svg("line", { x1: 72, x2: 330, y1: y, y2: y, class: "floor" }));
      }
      if (right.length) line(right, "right");
      line(losses, "curve");
      this.losses.append(svg("path", { d: "M72 10V215H330", class: "axis" }));
      for (const [y, value] of [[215, low], [15, high]])
        this.losses.append(svg("text", { x: 62, y, class: "tick end" }, written(10 ** value, 2)));
      this.losses.append(svg("text", { x: 72, y: 229, class: "tick" }, "0"), svg("text", { x: 330, y: 229, class: "tick end" }, String(last)));
      this.dot = svg("circle", { r: 5, class: "dot" });
      this.losses.append(this.dot);
    }

    drawPath() {
      const { points, minimum, curvature } = this.data.path;
      const range = (k) => {
        const all = [...points.map((p) => p[k]), minimum[k]], low = Math.min(...all), high = Math.max(...all);
        const margin = 0.15 * (high - low) || 1;
        return [low - margin, high + margin];
      };
      const [x, y] = [range(0), range(1)];
      this.toPlane = (p) => [48 + 282 * ((p[0] - x[0]) / (x[1] - x[0])), 215 - 205 * ((p[1] - y[0]) / (y[1] - y[0]))];
      const plane = svg("svg", { x: 48, y: 10, width: 282, height: 205, viewBox: "48 10 282 205" });
      this.path.append(plane, svg("path", { d: "M48 10V215H330", class: "axis" }));
      for (const [at, value] of [[207, y[0]], [16, y[1]]]) this.path.append(svg("text", { x: 42, y: at, class: "tick end" }, written(value, 2)));
      this.path.append(svg("text", { x: 48, y: 229, class: "tick" }, written(x[0], 2)), svg("text", { x: 330, y: 229, class: "tick end" }, written(x[1], 2)));
      const [[a, b], [, d]] = curvature;
      const start = [points[0][0] - minimum[0], points[0][1] - minimum[1]];
      const height = a * start[0] ** 2 + 2 * b * start[0] * start[1] + d * start[1] ** 2;
      for (let k = -5; k <= 2; k++) { // contours at heights 4 times apart
        const level = height * 4 ** k, root = Math.sqrt(a * d - b * b);
        const ring = Array.from({ length: 121 }, (_, i) => {
          const t = (i / 60) * Math.PI, v = Math.sqrt(level);
          const dy = (Math.sin(t) * v * Math.sqrt(a)) / root, dx = (Math.cos(t) * v) / Math.sqrt(a) - (b / a) * dy;
          return this.toPlane([minimum[0] + dx, minimum[1] + dy]).map((n) => n.toFixed(1)).join(" ");
        });
        plane.append(svg("polyline", { points: ring.join(" "), class: "contour" }));
      }
      this.line = svg("polyline", { class: "curve" });
      const [mx, my] = this.toPlane(minimum);
      this.place = svg("circle", { r: 5, class: "dot" });
      this.path.append(this.line, svg("text", { x: mx, y: my, class: "star" }, "★"), this.place);
    }

    show() {
      const i = Number(this.slider.value), { epochs, losses, unit, path } = this.data;
      const ended = i >= losses.length, loss = ended ? this.data.last : losses[i], epoch = ended ? epochs[i] : epochs[i] + 1;
      const where = path && path.points && path.points[i];
      const at = where ? `: (${path.axes.join(", ")}) = (${where.map((x) => written(x)).join(", ")})` : "";
      const says = loss === null ? "no longer a number" : written(loss);
      this.says.textContent = `after ${epochs[i]} ${unit}s${at}; loss of ${unit} ${epoch}: ${says}`;
      this.slider.setAttribute("aria-valuetext", this.says.textContent);
      if (loss > 0) {
        const [cx, cy] = this.toLoss(epochs[i], loss);
        this.dot.setAttribute("cx", cx);
        this.dot.setAttribute("cy", Math.max(cy, 5));
      }
      if (where) {
        this.line.setAttribute("points", path.points.slice(0, i + 1).map((p) => this.toPlane(p).join(" ")).join(" "));
        const [cx, cy] = this.toPlane(where);
        this.place.setAttribute("cx", cx);
        this.place.setAttribute("cy", cy);
      }
    }

    run() {
      const last = Number(this.slider.max), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (Number(this.slider.value) >= last) this.slider.value = 0;
      this.button.textContent = "❚❚ stop";
      this.timer = setInterval(() => {
        this.slider.value = Math.min(last, Number(this.slider.value) + (calm ? Math.ceil(last / 8) : 1));
        this.show();
        if (Number(this.slider.value) >= last) this.stop();
      }, calm ? 1000 : 60);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.button.textContent = "▶ play";
    }
  }

  // On a page of its own the keys work at once.
  const first = document.querySelector("main.steps > .step-through");
  for (const root of document.querySelectorAll(".step-through:not([data-ready])")) {
    root.dataset.ready = "yes";
    const story = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    root.steps = new Steps(root, story);
    const training = root.querySelector("[data-part='training']");
    if (training && story.training && story.training.epochs) new Training(training, story.training);
  }
  if (first) first.focus({ preventScroll: true });
})();
