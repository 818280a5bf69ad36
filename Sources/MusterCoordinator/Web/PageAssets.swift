/// What pages load besides themselves; all from here, nothing from elsewhere.
enum PageAssets {
    static let icon = #"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#b3321f"/>
        <path d="M7 24V9l9 9 9-9v15" fill="none" stroke="#fff" stroke-width="3.4" stroke-linejoin="round"/></svg>
        """#

    /// Loads the page again and puts the new content in place of the old, where it differs.
    static let script = #"""
        "use strict";
        (() => {
          const main = document.querySelector("main[data-live]");
          const sign = document.getElementById("live");
          if (!main || !sign) return;
          let wait = 2000;
          // What somebody is writing must not be lost.
          let writing = false;
          main.addEventListener("input", () => { writing = true; });
          const refresh = async () => {
            try {
              const response = await fetch(location.pathname, { cache: "no-store", redirect: "error" });
              if (!response.ok) throw new Error(String(response.status));
              const page = new DOMParser().parseFromString(await response.text(), "text/html");
              const next = page.querySelector("main");
              if (!next) throw new Error("no content");
              if (!writing && next.innerHTML !== main.innerHTML) main.replaceChildren(...next.childNodes);
              sign.textContent = writing ? "paused while you write" : "live";
              sign.className = "live on";
              wait = 2000;
              if (!next.hasAttribute("data-live")) { sign.textContent = "closed"; return; }
            } catch {
              sign.textContent = "connection lost, trying again";
              sign.className = "live off";
              wait = Math.min(wait * 2, 30000);
            }
            setTimeout(refresh, document.hidden ? Math.max(wait, 10000) : wait);
          };
          setTimeout(refresh, wait);
        })();
        """#

    static let style = #"""
        :root { color-scheme: light dark; --back: #f6f5f3; --card: #fff; --text: #1c1b1a; --muted: #5f5b57;
          --line: #dedad5; --accent: #a52c1a; --good: #1f6b3a; --warn: #8a5300; --code: #efedea; }
        @media (prefers-color-scheme: dark) { :root { --back: #161514; --card: #211f1e; --text: #eceae7;
          --muted: #a8a29c; --line: #3a3634; --accent: #ff8a73; --good: #7fd39b; --warn: #f0b65b; --code: #2c2927; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--back); color: var(--text);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        .skip { position: absolute; left: -999px; } .skip:focus { left: 8px; top: 8px; background: var(--card); }
        .bar { display: flex; align-items: center; gap: 16px; padding: 10px 16px; background: var(--card);
          border-bottom: 1px solid var(--line); }
        .bar form { margin-left: auto; display: flex; gap: 12px; align-items: center; }
        .brand { font-weight: 700; color: var(--text); text-decoration: none; }
        nav { display: flex; gap: 12px; }
        .live { font-size: 13px; color: var(--muted); } .live.on { color: var(--good); } .live.off { color: var(--accent); }
        .who, .muted { color: var(--muted); }
        main { max-width: 60rem; margin: 0 auto; padding: 16px; }
        h1 { font-size: 1.5rem; line-height: 1.25; margin: .4em 0 .6em; overflow-wrap: anywhere; }
        h2 { font-size: 1.05rem; margin: 1.6em 0 .5em; }
        a { color: var(--accent); } a:focus-visible, button:focus-visible, input:focus-visible {
          outline: 2px solid var(--accent); outline-offset: 2px; }
        p, li, dd, td { overflow-wrap: anywhere; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px;
          margin: 0 0 12px; }
        .card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
        .plain { padding-left: 32px; }
        .list { list-style: none; margin: 0; padding: 0; }
        .row { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: baseline; color: inherit; text-decoration: none; }
        .row:hover { border-color: var(--accent); }
        .grow { flex: 1 1 16rem; min-width: 0; } .grow > * { display: block; overflow-wrap: anywhere; }
        .facts { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: baseline; margin: 0; color: var(--muted); }
        .badge { font-size: 13px; font-weight: 600; border: 1px solid currentColor; border-radius: 999px; padding: 0 9px;
          white-space: nowrap; color: var(--muted); }
        .badge.open, .badge.investigating, .badge.sick { color: var(--accent); }
        .badge.awaiting-approval, .badge.mitigating { color: var(--warn); }
        .badge.resolved, .badge.closed, .badge.well { color: var(--good); }
        .figure { font-size: 1.2rem; font-weight: 600; }
        .plan { border-color: var(--warn); border-width: 2px; } .plan h2 { margin-top: 0; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 14px; } dt { color: var(--muted); } dd { margin: 0; }
        code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .9em; }
        pre { background: var(--code); border-radius: 8px; padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
        .document { background: var(--card); }
        meter { width: 100%; height: 10px; } .against { color: var(--muted); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; background: var(--card); font-size: .93em; }
        th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
        th { overflow-wrap: normal; } th[scope=row], .state { white-space: nowrap; }
        .number { text-align: right; font-variant-numeric: tabular-nums; } tr.sick td, tr.sick th { color: var(--accent); }
        tr.unseen td { color: var(--muted); }
        .timeline { list-style: none; padding: 0; margin: 0; }
        .timeline li { display: grid; grid-template-columns: 5.2rem 11rem 1fr; gap: 2px 10px; padding: 6px 0;
          border-bottom: 1px solid var(--line); }
        .timeline time { font-variant-numeric: tabular-nums; color: var(--muted); } .kind { color: var(--muted); font-size: .9em; }
        @media (max-width: 40rem) { .timeline li { grid-template-columns: 5.2rem 1fr; }
          .timeline li > :last-child { grid-column: 1 / -1; } }
        .login { max-width: 26rem; } .login label { display: block; font-weight: 600; }
        .close { max-width: 40rem; } .close label { display: block; font-weight: 600; margin-top: 8px; }
        .close button { margin-top: 12px; }
        input, select { width: 100%; font: inherit; padding: 8px 10px; border: 1px solid var(--muted); border-radius: 8px;
          background: var(--back); color: inherit; }
        button { font: inherit; padding: 5px 14px; border: 1px solid var(--muted); border-radius: 8px; background: var(--card);
          color: inherit; cursor: pointer; }
        .problem { color: var(--accent); font-weight: 600; }
        """#
}
