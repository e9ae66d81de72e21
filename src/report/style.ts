/** How every page looks: light and dark, on a phone and on a desk. */
export const baseStyle = `
:root { color-scheme: light dark; --back: #fbfbfa; --card: #fff; --text: #1c1d1f; --dim: #62666d; --rule: #dddfe3;
  --part0: #b9c3d3; --part1: #d55e00; --part2: #0072b2; --fail: #b3261e; --warn: #8a5a00; --note: #4b5563; --mark: #fde9c8; }
@media (prefers-color-scheme: dark) { :root { --back: #141517; --card: #1c1e21; --text: #e7e8ea; --dim: #9aa0a8; --rule: #33373d;
  --part0: #4a5568; --part1: #ff8a4c; --part2: #56b4e9; --fail: #f2837b; --warn: #e5b454; --note: #a9b0ba; --mark: #5b431a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .2rem 0; }
header p, .what, .hint, .numbers, figcaption span, summary { color: var(--dim); }
.parts { margin-top: .5rem; }
.key { display: inline-block; padding-left: 1.1em; position: relative; color: var(--text); font-weight: 600; }
.key::before { content: ""; position: absolute; left: 0; top: .45em; width: .75em; height: .75em; border-radius: 2px; background: var(--c); }
article { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--s); border-radius: 6px; padding: .7rem 1rem; margin: .6rem 0; overflow-wrap: anywhere; }
article h3 { margin: 0 0 .2rem; }
.badge { color: var(--s); font-variant: small-caps; margin-right: .4em; }
.fail { --s: var(--fail); } .warn { --s: var(--warn); } .note { --s: var(--note); } .accepted { opacity: .7; }
.numbers { font-size: .8rem; } .numbers span { margin-left: .8em; }
.hint::before { content: "→ "; }
details { margin-top: .8rem; } details li { margin: .2rem 0; overflow-wrap: anywhere; }
figure { margin: 0; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 .6em; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; margin: .4rem 0 1rem; }
th, td { padding: .25rem .6rem; text-align: left; white-space: nowrap; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; vertical-align: middle; }
thead th, tbody th { color: var(--dim); font-weight: 500; }
tbody { border-top: 1px solid var(--rule); }
td.differs { background: var(--mark); font-weight: 600; }
img { width: 6rem; image-rendering: pixelated; display: block; border-radius: 3px; }
`;
