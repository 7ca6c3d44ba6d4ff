"use strict";
// House player over the browser's own, whose controls stay where this script does not run.
(() => {
  const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  const all = [...document.querySelectorAll("[data-player]")];
  let playing = null;

  const furnish = (box) => {
    const audio = box.querySelector("audio");
    const total = Number(box.dataset.duration);
    const name = box.dataset.name;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "play";
    const bar = document.createElement("input");
    Object.assign(bar, { type: "range", min: "0", max: String(total), step: "0.01", value: "0" });
    bar.setAttribute("aria-label", `Position in ${name}`);
    const time = document.createElement("span");
    time.className = "time";
    const head = box.dataset.head ? document.getElementById(box.dataset.head) : null;
    let stopAt = null;

    const show = () => {
      const at = Math.min(audio.currentTime, total);
      bar.value = String(at);
      bar.style.setProperty("--at", `${(100 * at) / total}%`);
      bar.setAttribute("aria-valuetext", `${clock(at)} of ${clock(total)}`);
      time.textContent = `${clock(at)} / ${clock(total)}`;
      if (head) head.style.left = `${(100 * at) / total}%`;
      if (stopAt !== null && audio.currentTime >= stopAt) { audio.pause(); }
    };
    const label = () => {
      button.setAttribute("aria-label", `${audio.paused ? "Play" : "Pause"} ${name}`);
      box.classList.toggle("on", !audio.paused);
    };
    const frame = () => { show(); if (!audio.paused) requestAnimationFrame(frame); };

    button.addEventListener("click", () => { stopAt = null; audio.paused ? audio.play() : audio.pause(); });
    bar.addEventListener("input", () => { stopAt = null; audio.currentTime = Number(bar.value); show(); });
    audio.addEventListener("play", () => {
      if (playing && playing !== audio) playing.pause();
      playing = audio; label(); frame();
    });
    audio.addEventListener("pause", () => { label(); show(); });
    audio.addEventListener("ended", () => { audio.currentTime = 0; label(); show(); });
    audio.removeAttribute("controls");
    box.append(button, bar, time);
    label(); show();
    box.playSpan = (start, end) => {
      const go = () => { audio.currentTime = start; stopAt = end; audio.play(); };
      if (audio.readyState >= 1) go();
      else { audio.addEventListener("loadedmetadata", go, { once: true }); audio.load(); }
    };
  };
  all.forEach(furnish);

  document.querySelectorAll("[data-span]").forEach((button) => {
    button.addEventListener("click", () => {
      const [start, end] = button.dataset.span.split(" ").map(Number);
      document.getElementById(button.dataset.of).playSpan(start, end);
    });
  });

  const opened = [];
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details:not([open])").forEach((d) => { d.open = true; opened.push(d); });
  });
  addEventListener("afterprint", () => { opened.splice(0).forEach((d) => { d.open = false; }); });
})();
