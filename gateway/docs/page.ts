/** The page at /docs: the two documents, rendered by a few lines of script; nothing is fetched from elsewhere. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Stampede API</title><link rel="icon" href="data:,">
<style>
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--accent:#c2410c}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin:0 0 .2rem} h2{margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem;text-transform:capitalize}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.45rem .7rem} summary{cursor:pointer}
.m{display:inline-block;min-width:4.2rem;font:600 12px ui-monospace,monospace;color:var(--accent)}
code,pre{font:13px/1.45 ui-monospace,monospace} pre{background:var(--soft);padding:.6rem;border-radius:5px;overflow:auto}
table{border-collapse:collapse;width:100%} td{border-top:1px solid var(--line);padding:.25rem .5rem;vertical-align:top}
td:first-child{width:4rem;font-variant-numeric:tabular-nums} .lock{opacity:.6;font-size:12px;margin-left:.5rem}
</style></head><body>
<h1>Stampede API</h1><p>Generated from the schemas that validate: <a href="/openapi.json">openapi.json</a>,
<a href="/asyncapi.json">asyncapi.json</a>.</p><main id="main">Loading…</main>
<script type="module">
const get=(u)=>fetch(u).then(r=>r.json());
const el=(t,p={},...c)=>{const e=Object.assign(document.createElement(t),p);e.append(...c);return e};
const text=(s)=>s.split("\u0060").map((part,i)=>i%2?el("code",{textContent:part}):part);
const json=(v)=>el("pre",{textContent:JSON.stringify(v,null,2)});
const [api,events]=await Promise.all([get("/openapi.json"),get("/asyncapi.json")]);
const main=document.getElementById("main");main.textContent="";
const byTag=new Map();
for(const [path,methods] of Object.entries(api.paths))for(const [method,op] of Object.entries(methods)){
  const tag=op.tags[0];if(!byTag.has(tag))byTag.set(tag,[]);byTag.get(tag).push({path,method,op});}
for(const [tag,ops] of byTag){main.append(el("h2",{textContent:tag}));
  for(const {path,method,op} of ops){const box=el("details",{},el("summary",{},el("span",{className:"m",textContent:method.toUpperCase()}),
    el("code",{textContent:path})," — "+op.summary,op.security?el("span",{className:"lock",textContent:"token"}):""));
    const given=el("table");for(const p of (op.parameters??[]).filter(p=>p.in!=="path"))given.append(el("tr",{},el("td",{},el("code",{textContent:p.name})),el("td",{textContent:p.in+(p.required?", required":"")+(p.schema.description?": "+p.schema.description:"")})));
    if(given.rows.length)box.append(given);
    if(op.requestBody)box.append(el("p",{textContent:"Body"}),json(op.requestBody.content["application/json"].schema));
    const rows=el("table");for(const [status,r] of Object.entries(op.responses))rows.append(el("tr",{},el("td",{textContent:status}),el("td",{},...text(r.description))));
    box.append(rows);main.append(box);}}
for(const [name,c] of Object.entries(events.channels)){main.append(el("h2",{textContent:name==="socket"?"WebSocket /ws":"Topic "+name}),el("p",{textContent:c.description}));
  for(const [type,m] of Object.entries(c.messages))main.append(el("details",{},el("summary",{},el("code",{textContent:type})),json(m.payload)));}
main.append(el("h2",{textContent:"Schemas"}));
for(const [name,s] of Object.entries(api.components.schemas))main.append(el("details",{},el("summary",{},el("code",{textContent:name})),json(s)));
</script></body></html>
`;
