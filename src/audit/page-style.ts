/** What only the audit's page has: the parts' colours and small charts that fill their width. */
import { baseStyle } from "../report/style.ts";

export const pageStyle = `${baseStyle}.part0 { --c: var(--part0); } .part1 { --c: var(--part1); } .part2 { --c: var(--part2); }
.charts { display: grid; align-items: end; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 1.2rem 1.6rem; margin-top: .8rem; }
svg { display: block; width: 100%; height: 6rem; margin-top: .25rem; }
rect.part0 { fill: var(--part0); } rect.hit { fill: transparent; } g:hover rect.hit { fill: var(--rule); opacity: .5; }
path.line { fill: none; stroke: var(--c); stroke-width: 2; vector-effect: non-scaling-stroke; }
path.axis { stroke: var(--rule); vector-effect: non-scaling-stroke; }
.ends { display: flex; justify-content: space-between; gap: 1em; font-size: .75rem; color: var(--dim); }
`;
