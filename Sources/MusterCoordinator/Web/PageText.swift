/// The text of the templates.
///
/// Text of strangers stands between tags only, never inside one: attributes hold ids, numbers and our own words.
enum PageText {
    static let layout = #"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="same-origin">
        <meta name="color-scheme" content="light dark">
        <title>{{pageTitle}} · Muster</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/style.css">
        {{#isLive}}<noscript><meta http-equiv="refresh" content="10"></noscript>
        <script src="/live.js" defer></script>{{/isLive}}
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="bar">
        <a class="brand" href="/">Muster</a>
        {{#viewer}}<nav><a href="/">Incidents</a> <a href="/fleet">Hosts</a></nav>{{/viewer}}
        {{#isLive}}<span class="live" id="live" role="status"></span>{{/isLive}}
        {{#viewer}}<form method="post" action="/logout"><span class="who">{{viewer}}</span>
        <button type="submit">Log out</button></form>{{/viewer}}
        </header>
        <main id="main"{{#isLive}} data-live{{/isLive}}>
        {{{body}}}
        </main>
        </body>
        </html>
        """#

    static let login = #"""
        <h1>Log in</h1>
        {{#problem}}<p class="problem" role="alert">{{problem}}</p>{{/problem}}
        <form class="card login" method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus
        spellcheck="false" aria-describedby="hint">
        <p id="hint" class="muted">An administrator makes one with
        <code>muster operator create NAME --role viewer</code>.</p>
        <button type="submit">Log in</button>
        </form>
        """#

    static let incidents = #"""
        <h1>Incidents</h1>
        {{^rows}}<p class="muted">No incident yet. They appear here as alerts arrive.</p>{{/rows}}
        <ul class="list">
        {{#rows}}
        <li><a class="card row" href="/incidents/{{id}}">
        <span class="badge {{status}}">{{status}}</span>
        <span class="grow"><strong>{{name}}</strong>
        <span class="muted">{{subtitle}}</span>
        {{#cause}}<span>{{cause}}</span>{{/cause}}</span>
        <time class="muted" datetime="{{openedAt}}">{{opened}}</time>
        </a></li>
        {{/rows}}
        </ul>
        """#

    static let fleet = #"""
        <h1>Hosts</h1>
        {{^rows}}<p class="muted">No host has joined yet.</p>{{/rows}}
        <p class="muted">{{summary}}</p>
        <ul class="list">
        {{#rows}}
        <li><div class="card row">
        <span class="badge {{badge}}">{{badge}}</span>
        <span class="grow"><strong>{{host}}</strong>
        <span class="muted">{{subtitle}}</span>
        {{#lines}}<span>{{.}}</span>{{/lines}}</span>
        <span class="muted">{{seen}}</span>
        </div></li>
        {{/rows}}
        </ul>
        """#

    static let document = #"""
        <p><a href="/incidents/{{id}}">Back to the incident</a></p>
        <h1>{{heading}}</h1>
        <pre class="card document">{{text}}</pre>
        """#
}
