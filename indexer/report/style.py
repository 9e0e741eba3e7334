"""The look of the HTML report. Its colours are those of the demo's charts (`app/view_models/charts.py`), in light and in dark."""

STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf8; --card: #ffffff; --ink: #1d1f23; --soft: #5c636b; --rule: #e3e1dc;
  --false: #d9480f; --level: #868e96; --quality: #0f9488; --bound: #5f3dc4; --other: #b8bfc6; --heat: 217 72 15;
  --second: #e8890c; --third: #a16207; }
@media (prefers-color-scheme: dark) { :root { --ground: #15171a; --card: #1d2024; --ink: #eceef0; --soft: #a2aab2; --rule: #33383e;
  --false: #ff7a3d; --level: #8c959e; --quality: #2cc4b6; --bound: #a48bff; --other: #59616a; --heat: 235 88 28;
  --second: #f5ac45; --third: #cf9a3b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 30px; line-height: 1.15; margin: 0 0 4px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 44px 0 4px; padding-top: 18px; border-top: 1px solid var(--rule); }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 6px 0; max-width: 78ch; }
.soft, figcaption, caption, .card small { color: var(--soft); }
.lead { font-size: 18px; margin: 18px 0; }
.lead b { color: var(--false); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin: 18px 0 8px; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 14px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; }
.tile dd.value { font-size: 28px; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile dd.meaning { font-size: 12.5px; line-height: 1.35; color: var(--soft); }
.tile.hot dd.value { color: var(--false); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px 28px; align-items: start; }
figure { margin: 12px 0; }
figure.chart { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 10px 12px 6px; }
figcaption { font-size: 13.5px; }
svg { display: block; width: 100%; height: auto; max-width: 640px; font: 11.5px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); } svg text.title { fill: var(--soft); } svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--soft); }
svg .curve { fill: none; stroke-width: 2.5; }
svg .false { stroke: var(--false); fill: var(--false); } svg .second { stroke: var(--second); fill: var(--second); }
svg .third { stroke: var(--third); fill: var(--third); } svg .quality { stroke: var(--quality); fill: var(--quality); }
svg .bound { stroke: var(--bound); fill: var(--bound); } svg .other { stroke: var(--other); fill: var(--other); }
svg .curve { fill: none; } svg .curve.second { stroke-dasharray: 2 4; } svg .curve.third { stroke-dasharray: 9 3 2 3; }
svg .level { stroke: var(--level); stroke-width: 2; stroke-dasharray: 7 5; }
svg rect { stroke: none; } svg line.curve.false, svg line.curve.other { stroke-width: 6; }
.scroll { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
caption { text-align: left; font-size: 13.5px; padding-bottom: 6px; }
th, td { padding: 4px 12px 4px 0; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th { font-weight: 600; } thead th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
th:first-child, td.text { text-align: left; }
td { white-space: nowrap; } td.text { overflow-wrap: anywhere; white-space: normal; }
tbody th { overflow-wrap: anywhere; min-width: 90px; }
.bar { display: inline-block; height: 9px; border-radius: 2px; background: var(--false); vertical-align: middle; }
td.bars { text-align: left; width: 90px; }
table.heat { font-size: 12.5px; } table.heat td { min-width: 34px; height: 30px; padding: 0 3px; text-align: center; vertical-align: middle;
  border: 1px solid var(--ground); background: rgb(var(--heat) / var(--share)); }
table.heat td.own { outline: 2px solid var(--ink); outline-offset: -3px; }
table.heat thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; padding: 8px 0 0; max-height: 170px;
  overflow-wrap: anywhere; border: 0; vertical-align: middle; }
table.heat thead th:first-child { writing-mode: horizontal-tb; transform: none; vertical-align: bottom; }
table.heat tbody th { text-align: right; padding-right: 8px; border: 0; font-weight: 500; max-width: 180px; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.facts th { font-weight: 500; white-space: nowrap; }
table.facts thead { display: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(206px, 1fr)); gap: 12px; margin: 12px 0; padding: 0;
  list-style: none; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 10px; min-width: 0; }
.card.false { border-left: 4px solid var(--false); }
.card .pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
.card figure { margin: 0; min-width: 0; }
.card img { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 5px; background: #80808022; }
.card img.small { image-rendering: pixelated; }
.card figcaption, .card small { font-size: 11.5px; line-height: 1.3; overflow-wrap: anywhere; display: block; }
.card b { display: block; margin-top: 6px; overflow-wrap: anywhere; line-height: 1.3; }
.say { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--level); border-radius: 8px; padding: 8px 14px;
  margin: 14px 0; }
.say ul { margin: 4px 0; padding-left: 18px; } .say li { max-width: 84ch; overflow-wrap: anywhere; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--soft); }
footer { margin-top: 44px; border-top: 1px solid var(--rule); padding-top: 10px; color: var(--soft); font-size: 13px; }
@media print { body { background: none; } .card, figure, tr { break-inside: avoid; } }
"""
