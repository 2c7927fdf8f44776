// <sancho-deal src="https://sancho.example.com" deal="D-1" token="..." lang="ja">: a deal's card in any page.
// Events: sancho:outcome {recommendation_id, outcome}, sancho:expired. A new token: element.token = "...".
"use strict";
(() => {
  const here = new URL(document.currentScript.src).origin;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; color-scheme: light dark; --ink: #1b1f24; --quiet: #525b66; --ours: #0b62a8; --other: #b8500b; --line: #808892; --ground: #fff; }
    @media (prefers-color-scheme: dark) { :host { --ink: #e8ecf1; --quiet: #a6b0bc; --ours: #6cb4f0; --other: #f0a060; --line: #7d8894; --ground: #12161b; } }
    .card { font: 14px/1.5 system-ui, "Hiragino Sans", "Yu Gothic UI", "Noto Sans JP", Meiryo, sans-serif; color: var(--ink); background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; max-width: 420px; font-variant-numeric: tabular-nums; }
    h2, h3 { font-size: 15px; margin: 0 0 4px; } h3 { margin-top: 12px; } p { margin: 4px 0; } .said b { font-size: 32px; } .quiet { color: var(--quiet); }
    ul { list-style: none; padding: 0; margin: 0; } li { padding: 6px 0; } .buttons { display: flex; gap: 8px; margin-top: 4px; }
    button { font: inherit; min-height: 32px; padding: 2px 12px; border: 1px solid var(--line); border-radius: 6px; background: var(--ground); color: var(--ink); cursor: pointer; }
    :focus-visible { outline: 3px solid var(--ours); outline-offset: 2px; } a { color: var(--ours); }
    svg { display: block; max-width: 100%; } .up-mark { fill: var(--ours); stroke: var(--ours); } .down-mark { fill: var(--ground); stroke: var(--other); stroke-width: 1.8; }
    @media (forced-colors: active) { .up-mark { fill: Highlight; stroke: Highlight; } .down-mark { fill: Canvas; stroke: CanvasText; } }`);
  const away = { ja: "表示できません。もう一度お試しください。", en: "This cannot be shown; try again." };

  class SanchoDeal extends HTMLElement {
    static observedAttributes = ["deal", "token", "lang", "src"];
    #root = this.attachShadow({ mode: "closed" });
    #token = "";

    constructor() {
      super();
      this.#root.adoptedStyleSheets = [sheet];
      this.#root.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-outcome]");
        if (button) this.#tell(button.dataset.step, button.dataset.outcome);
      });
    }

    connectedCallback() {
      if (this.hasAttribute("frame")) {
        this.#token = location.hash.slice(1);
        addEventListener("message", (event) => {
          if (event.source === parent && event.data?.type === "sancho:token") this.token = event.data.token;
        });
      }
      this.#show();
    }

    attributeChangedCallback(name, before, now) {
      if (name === "token") {
        if (!now) return;
        this.#token = now;
        this.removeAttribute("token"); // so that the page's own scripts find it less easily
      }
      if (this.isConnected && before !== now) this.#show();
    }

    set token(value) { this.#token = value; if (this.isConnected) this.#show(); }

    async #show(body) {
      if (!this.#token || !this.getAttribute("deal")) return null;
      const lang = this.lang === "en" ? "en" : "ja";
      const origin = this.getAttribute("src") || here;
      const headers = { "X-Sancho-Card": this.#token, "Accept-Language": lang };
      if (body) headers["Content-Type"] = "application/json";
      const asked = { headers, method: body ? "POST" : "GET", body: body && JSON.stringify(body), credentials: "omit" };
      const address = `${origin}/embed/deals/${encodeURIComponent(this.getAttribute("deal"))}`;
      let words = away[lang];
      try {
        const answer = await fetch(address, asked);
        if (answer.ok) {
          this.#root.innerHTML = await answer.text();
          for (const link of this.#root.querySelectorAll("a")) link.href = new URL(link.getAttribute("href"), origin);
          return true;
        }
        const problem = await answer.json();
        words = problem.detail;
        if (problem.code === "card_expired") this.#send("sancho:expired", {});
      } catch { /* the words say it */ }
      const said = document.createElement("section");
      said.className = "card";
      said.setAttribute("role", "alert");
      said.textContent = words;
      this.#root.replaceChildren(said);
      return false;
    }

    async #tell(step, outcome) {
      if (!(await this.#show({ recommendation_id: step, outcome }))) return;
      const again = this.#root.querySelector(`button[data-step="${CSS.escape(step)}"][data-outcome="${outcome}"]`);
      if (again) again.focus();
      this.#send("sancho:outcome", { recommendation_id: step, outcome });
    }

    #send(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
      if (this.hasAttribute("frame")) parent.postMessage({ type: name, ...detail }, "*");
    }
  }
  customElements.define("sancho-deal", SanchoDeal);
})();
