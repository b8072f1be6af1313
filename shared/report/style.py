"""The report page's style: light, dark by the reader's preference, and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2428; --soft: #55626a; --paper: #ffffff;
  --panel: #f3f6f7; --rule: #d5dde1; --actual: #08519c; --baseline: #b85000;
  --reference: #666666; --good: #00704f; --bad: #b34700; --mark: #e69f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ecef; --soft: #a3b1b8; --paper: #12181b;
  --panel: #1b2428; --rule: #34424a; --actual: #6baed6; --baseline: #fb9a4b; --reference: #a8a8a8;
  --good: #3fc99a; --bad: #ff9a5c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 32px 24px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
.whole { white-space: nowrap; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 12px; padding-top: 14px; border-top: 2px solid var(--rule); }
h3 { font-size: 15px; margin: 26px 0 8px; }
p { margin: 6px 0; max-width: 88ch; } .soft { color: var(--soft); }
.mark { background: var(--mark); color: #111; border-radius: 4px; font-size: 12px; font-weight: 700;
  padding: 2px 8px; vertical-align: middle; print-color-adjust: exact; }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(205px, 1fr)); }
.tile { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
  padding: 12px 14px; }
.tile b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.good { color: var(--good); } .bad { color: var(--bad); }
figure { margin: 0; } svg { display: block; width: 100%; height: auto; print-color-adjust: exact; }
svg text { fill: var(--ink); font-size: 13px; } svg .tick { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--rule); } svg .line { fill: none; stroke-width: 2.5; }
.line.actual { stroke: var(--actual); } .line.baseline { stroke: var(--baseline); }
.line.reference { stroke: var(--reference); stroke-width: 1.5; stroke-dasharray: 6 5; }
svg .end { font-size: 12px; font-weight: 600; } .end.actual, rect.actual { fill: var(--actual); }
.end.baseline, rect.baseline { fill: var(--baseline); } .end.reference { fill: var(--reference); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; text-align: right; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; } tr.total { font-weight: 700; }
td { white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
@media screen and (max-width: 600px) { body { padding: 20px 14px; } h1 { font-size: 22px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } .tile { padding: 9px 10px; }
  .tile b { font-size: 18px; } figure { overflow-x: auto; } svg { min-width: 660px; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --panel: #fff;
  --rule: #bbb; --actual: #08519c; --baseline: #b85000; --reference: #666666; --good: #00704f;
  --bad: #b34700; } body { font-size: 11px; padding: 0; max-width: none; }
  section, figure, table, .tile { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 8px; } .tile { padding: 8px 10px; }
  .tile b { font-size: 17px; } .tile span { font-size: 10px; }
  table { font-size: 9.5px; } th, td { padding: 3px 5px; } .wide { overflow: visible; } }
"""
