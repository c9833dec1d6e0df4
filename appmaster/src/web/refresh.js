"use strict";
// Replaces what the page shows while the application runs, and says so when nothing new comes any more.
(() => {
  const PAUSE = 2000;
  const WORDS = {
    over: "The application is over; below is the last that this page has seen of it.",
    silent: "The application master does not answer: it has ended, or YARN is starting it again. Below is the last that this page has seen of it.",
  };
  const gone = document.getElementById("gone");

  async function look() {
    let answer, page;
    try {
      answer = await fetch(location.href, { cache: "no-store" });
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return "silent";
    }
    const fresh = page.querySelector("main[data-application]");
    // The proxy sends us to the ResourceManager's own page once the application is over.
    if (!fresh) return answer.redirected || answer.status === 410 ? "over" : "silent";
    document.querySelector("main").replaceWith(fresh);
    return "running";
  }

  async function refresh() {
    const state = await look();
    const isGone = state in WORDS;
    document.body.classList.toggle("over", isGone);
    gone.hidden = !isGone;
    if (isGone) gone.querySelector("span").textContent = WORDS[state];
    if (state !== "over") setTimeout(refresh, PAUSE);
  }

  setTimeout(refresh, PAUSE);
})();
