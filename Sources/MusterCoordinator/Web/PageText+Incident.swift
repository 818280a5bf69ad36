extension PageText {
    static let incident = #"""
        <p class="facts"><span class="badge {{status}}">{{status}}</span>
        {{#facts}}<span>{{.}}</span>{{/facts}}</p>
        <h1>{{title}}</h1>
        {{#blast}}
        <section class="card blast" aria-label="Blast radius">
        <p class="figure">{{headline}}</p>
        <p>{{range}}</p>
        <p class="muted">{{coverage}}</p>
        </section>
        {{/blast}}
        {{#plans}}
        <section class="card plan" aria-label="Plan that waits for approval">
        <h2>Waits for approval</h2>
        <p>{{summary}}</p>
        <dl>
        <dt>Does</dt><dd><code>{{action}}</code></dd>
        <dt>On</dt><dd>{{hosts}}</dd>
        <dt>Taken back by</dt><dd><code>{{rollback}}</code></dd>
        <dt>Lapses</dt><dd>{{expires}}</dd>
        <dt>Id</dt><dd><code>{{planID}}</code></dd>
        </dl>
        <ul>{{#why}}<li>{{.}}</li>{{/why}}</ul>
        <p>Approve from a shell, with your own key:</p>
        <pre>{{command}}</pre>
        </section>
        {{/plans}}
        {{#ranking}}
        <section aria-label="Hypotheses">
        <h2>Most likely cause <span class="badge">{{verdict}}</span></h2>
        <p>{{headline}}</p>
        {{#hypotheses}}
        <div class="card">
        <p><strong>{{percent}}</strong> {{theory}}</p>
        <meter min="0" max="100" value="{{value}}">{{percent}}</meter>
        {{#hasEvidence}}<ul>{{#evidence}}<li>{{.}}</li>{{/evidence}}
        {{#against}}<li class="against">Against: {{.}}</li>{{/against}}</ul>{{/hasEvidence}}
        </div>
        {{/hypotheses}}
        <p class="muted">{{rankingCoverage}}</p>
        <ul class="muted">{{#unseen}}<li>{{.}}</li>{{/unseen}}{{#wouldChange}}<li>{{.}}</li>{{/wouldChange}}</ul>
        </section>
        {{/ranking}}
        {{#hasPast}}
        <section aria-label="Past incidents">
        <h2>Like before</h2>
        <ul class="card plain">{{#past}}<li>{{.}}</li>{{/past}}</ul>
        </section>
        {{/hasPast}}
        {{#hasContext}}
        <section aria-label="Context">
        <h2>Context</h2>
        <ul class="card plain">{{#contextLines}}<li>{{.}}</li>{{/contextLines}}</ul>
        </section>
        {{/hasContext}}
        {{#hasHealth}}
        <section aria-label="Hosts">
        <h2>Sick and healthy</h2>
        <div class="scroll"><table>
        <thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Requests</th>
        <th scope="col">Errors</th><th scope="col">What it has</th></tr></thead>
        <tbody>{{#health}}<tr class="{{state}}"><th scope="row">{{hostName}}</th><td>{{state}}</td>
        <td class="number">{{requests}}</td><td class="number">{{errors}}</td><td>{{traits}}</td></tr>{{/health}}
        </tbody></table></div>
        </section>
        {{/hasHealth}}
        {{#hasActions}}
        <section aria-label="Actions">
        <h2>Actions</h2>
        <ul class="card plain">{{#actions}}<li>{{.}}</li>{{/actions}}</ul>
        </section>
        {{/hasActions}}
        {{#closeID}}
        <section aria-label="Close">
        <h2>Close it</h2>
        <form class="card close" method="post" action="/incidents/{{closeID}}/close">
        <label for="kind">What was the cause?</label>
        <select id="kind" name="kind">
        <option value="">(not said: nothing is learned)</option>
        {{#kinds}}<option value="{{kindValue}}"{{#isFirstKind}} selected{{/isFirstKind}}>{{kindValue}}</option>{{/kinds}}
        <option value="false-alarm">nothing: a false alarm</option>
        </select>
        <label for="cause">In words</label>
        <input id="cause" name="cause" maxlength="256" autocomplete="off">
        <label for="place">Service or host where it was, if not the one above</label>
        <input id="place" name="place" maxlength="128" autocomplete="off">
        <label for="fix">What fixed it, if no runbook did</label>
        <input id="fix" name="fix" maxlength="256" autocomplete="off">
        <label for="grade">How well did the first hypothesis fit?</label>
        <select id="grade" name="grade"><option value="">as it follows from the cause</option>
        <option>exact</option><option>partly</option><option>wrong</option><option>none</option></select>
        <button type="submit">Close</button>
        </form>
        </section>
        {{/closeID}}
        <section aria-label="Timeline">
        <h2>Timeline <span class="muted">UTC</span></h2>
        {{#postMortem}}<p><a href="/incidents/{{postMortem}}/postmortem">Post-mortem</a></p>{{/postMortem}}
        <ol class="timeline">
        {{#timeline}}<li><time datetime="{{at}}">{{clock}}</time><span class="kind">{{kind}}</span>
        <span>{{entry}}</span></li>{{/timeline}}
        </ol>
        </section>
        """#
}
