"use strict";
// One transport for two recordings: a change of sides lands on the corresponding moment of the alignment.
(() => {
  const data = document.getElementById("alignment");
  const deck = document.getElementById("deck");
  if (!data || !deck) return;
  const facts = JSON.parse(data.textContent);
  const sound = { a: document.getElementById("sound-a"), b: document.getElementById("sound-b") };
  if (!sound.a && !sound.b) return;
  const other = { a: "b", b: "a" };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const byId = (id) => document.getElementById(id);
  const go = byId("go"), seeker = byId("seeker"), loop = byId("loop"), times = byId("times"), said = byId("said");
  const ribbons = [...document.querySelectorAll(".ribbon")];
  const clock = (s) => {
    const tenths = Math.round(10 * s);
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  };

  let side = sound.a ? "a" : "b";
  let chosen = null;      // index of the span that was asked for
  let until = null;       // second of the side that is heard at which to stop or begin again

  // Seconds of a recording and of its listening copy, whose windows lie end to end.
  const toCopy = (name, second) => {
    let before = 0;
    for (const [start, end] of facts.sides[name].windows) {
      if (second < start) return before;
      if (second <= end) return before + second - start;
      before += end - start;
    }
    return Math.max(0, before - 0.01);
  };
  const toRecording = (name, at) => {
    let rest = at, last = 0;
    for (const [start, end] of facts.sides[name].windows) {
      if (rest < end - start) return start + rest;
      rest -= end - start;
      last = end;
    }
    return last;
  };

  // The same rules as linernotes.reports.version_page.warp.
  const along = (path, second, from) => {
    const i = from === "a" ? 0 : 1, j = 1 - i, n = path.length - 1;
    const slope = (path[n][j] - path[0][j]) / Math.max(path[n][i] - path[0][i], 1e-9);
    if (second < path[0][i]) return path[0][j] + (second - path[0][i]) * slope;
    if (second > path[n][i]) return path[n][j] + (second - path[n][i]) * slope;
    let k = 0;
    while (k < n - 1 && path[k + 1][i] <= second) k += 1;
    const run = path[k + 1][i] - path[k][i];
    return path[k][j] + (run > 0 ? (second - path[k][i]) / run : 0) * (path[k + 1][j] - path[k][j]);
  };
  const across = (second, from) => {
    const i = from === "a" ? 0 : 1;
    const order = chosen === null ? facts.followed : [chosen, ...facts.followed];
    let best = null;
    for (const index of order) {
      const path = facts.segments[index].path;
      const away = Math.max(path[0][i] - second, second - path[path.length - 1][i], 0);
      if (best === null || away < best.away) best = { away, index };
    }
    if (best === null) return { second, index: null, inside: false };
    const there = along(facts.segments[best.index].path, second, from);
    const clipped = Math.min(Math.max(there, 0), facts.sides[other[from]].duration);
    return { second: clipped, index: best.index, inside: best.away === 0 };
  };

  const now = () => toRecording(side, sound[side].currentTime);
  const playing = () => !sound[side].paused;
  const seek = (name, second) => {
    const audio = sound[name];
    if (!audio) return;
    const put = () => { audio.currentTime = toCopy(name, second); };
    if (audio.readyState >= 1) put();
    else { audio.addEventListener("loadedmetadata", put, { once: true }); audio.load(); }
  };

  const show = () => {
    const at = now(), there = across(at, side);
    const seconds = side === "a" ? { a: at, b: there.second } : { b: at, a: there.second };
    seeker.max = String(facts.sides[side].duration);
    seeker.value = String(at);
    seeker.setAttribute("aria-valuetext", `${clock(at)} of ${side.toUpperCase()}`);
    const x = {};
    for (const name of ["a", "b"]) {
      x[name] = String(facts.left + seconds[name] * facts.sides[name].scale);
      const head = byId(`head-${name}`), cross = byId(`cross-${name}`);
      head.setAttribute("x1", x[name]);
      head.setAttribute("x2", x[name]);
      const place = String(Number(cross.dataset.origin) + seconds[name] * Number(cross.dataset.scale));
      for (const end of name === "a" ? ["x1", "x2"] : ["y1", "y2"]) cross.setAttribute(end, place);
    }
    document.querySelectorAll(".moment").forEach((line) => { line.setAttribute("x1", x.a); line.setAttribute("x2", x.b); });
    const where = there.index === null ? "" : there.inside ? facts.segments[there.index].name : "outside the aligned spans";
    times.textContent = `A ${clock(seconds.a)} ↔ B ${clock(seconds.b)}${where ? `, ${where}` : ""}`;
    ribbons.forEach((one) => one.classList.toggle("on", Number(one.dataset.segment) === (chosen ?? (there.inside ? there.index : -1))));
  };
  const label = () => {
    deck.classList.toggle("playing", playing());
    go.setAttribute("aria-label", playing() ? "Pause" : `Play ${side.toUpperCase()}`);
    deck.querySelectorAll("[data-side]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.side === side)));
  };
  const guard = () => {
    if (until === null || !playing() || now() < until) return;
    const path = facts.segments[chosen].path;
    if (loop.getAttribute("aria-pressed") === "true") seek(side, path[0][side === "a" ? 0 : 1]);
    else { until = null; sound[side].pause(); }
  };
  const frame = () => {
    guard();
    show();
    if (playing()) still ? setTimeout(frame, 250) : requestAnimationFrame(frame);
  };

  const changeTo = (name) => {
    if (name === side || !sound[name]) return;
    const was = sound[side], there = across(now(), side), runs = playing();
    seek(name, there.second);
    side = name;
    if (until !== null) {
      const path = facts.segments[chosen].path;
      until = path[path.length - 1][side === "a" ? 0 : 1];
    }
    if (runs) sound[side].play().finally(() => was.pause());
    said.textContent = `Now ${name.toUpperCase()}, ${clock(there.second)}.`;
    label();
    show();
  };
  const playSpan = (index) => {
    const path = facts.segments[index].path;
    chosen = index;
    seek("a", path[0][0]);
    seek("b", path[0][1]);
    until = path[path.length - 1][side === "a" ? 0 : 1];
    sound[side].play();
    said.textContent = `${facts.segments[index].name}.`;
    show();
  };
  const jump = (second) => {
    chosen = null;
    until = null;
    seek(side, Math.min(Math.max(second, 0), facts.sides[side].duration));
    show();
  };
  const neighbour = (step) => {
    const starts = facts.segments.map((one, index) => [one.path[0][side === "a" ? 0 : 1], index]).sort((p, q) => p[0] - q[0] || p[1] - q[1]);
    if (!starts.length) return;
    const current = starts.findIndex((one) => one[1] === chosen);
    let next = current + step;
    if (current < 0) {
      next = step > 0 ? starts.findIndex((one) => one[0] > now()) : starts.findLastIndex((one) => one[0] < now());
      if (next < 0) next = step > 0 ? 0 : starts.length - 1;
    }
    playSpan(starts[(next + starts.length) % starts.length][1]);
  };
  const toggle = () => { playing() ? sound[side].pause() : sound[side].play(); };
  const repeat = () => {
    const on = loop.getAttribute("aria-pressed") !== "true";
    loop.setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (chosen === null) chosen = across(now(), side).index;
    if (chosen === null) return;
    const path = facts.segments[chosen].path;
    until = path[path.length - 1][side === "a" ? 0 : 1];
  };

  go.addEventListener("click", toggle);
  loop.addEventListener("click", repeat);
  byId("before").addEventListener("click", () => neighbour(-1));
  byId("after").addEventListener("click", () => neighbour(1));
  seeker.addEventListener("input", () => jump(Number(seeker.value)));
  deck.querySelectorAll("[data-side]").forEach((one) => one.addEventListener("click", () => changeTo(one.dataset.side)));
  document.querySelectorAll("[data-segment]").forEach((one) => {
    if (one.classList.contains("ribbon")) one.setAttribute("role", "button");
    one.addEventListener("click", (event) => { event.preventDefault(); playSpan(Number(one.dataset.segment)); });
    one.addEventListener("keydown", (event) => {
      if (event.key === " " && one.classList.contains("ribbon")) { event.preventDefault(); event.stopPropagation(); playSpan(Number(one.dataset.segment)); }
    });
  });
  document.querySelectorAll("[data-seek]").forEach((one) => one.addEventListener("click", (event) => {
    const name = one.dataset.seek, box = one.getBoundingClientRect();
    const second = ((event.clientX - box.left) / box.width) * facts.sides[name].duration;
    if (sound[name] && name !== side) { const runs = playing(), was = sound[side]; side = name; if (runs) { was.pause(); sound[name].play(); } }
    jump(name === side ? second : across(second, name).second);
    label();
  }));
  // Single letters count only while the focus is within the picture, the tables or the player.
  document.querySelectorAll("[data-keys]").forEach((box) => box.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const onSlider = event.target.type === "range";
    const act = {
      a: () => changeTo("a"), b: () => changeTo("b"), x: () => changeTo(other[side]), l: repeat, k: toggle,
      ArrowLeft: onSlider ? null : () => jump(now() - 2), ArrowRight: onSlider ? null : () => jump(now() + 2),
    }[event.key];
    if (!act || event.target.classList.contains("scroll") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    act();
  }));

  document.addEventListener("play", (event) => {   // whatever begins to sound, everything else is silent
    const ours = event.target === sound.a || event.target === sound.b;
    document.querySelectorAll("audio").forEach((one) => {
      if (one !== event.target && !one.paused && !(ours && (one === sound.a || one === sound.b))) one.pause();
    });
  }, true);
  Object.values(sound).forEach((audio) => {
    if (!audio) return;
    audio.removeAttribute("controls");
    audio.addEventListener("play", () => { label(); frame(); });
    audio.addEventListener("pause", () => { label(); show(); });
    audio.addEventListener("timeupdate", guard);
    audio.addEventListener("seeked", show);
  });
  deck.hidden = false;
  document.documentElement.classList.add("scripted");
  label();
  show();
})();
