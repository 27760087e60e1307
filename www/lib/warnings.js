// What stands above the headline: what makes a comparison doubtful, in words, with a way on. A note says what is worth knowing and casts
// no doubt on a number. Computed from the heads of the reports. Pure.

import { sentence } from './errors.js';
import { comparedFacts, exact, isListing, oneProcess, otherProcess, atLeast } from './facts.js';
import { coverage, duration, number, size } from './format.js';
import { EQUAL_UPTIME, uptimeApart } from './series.js';

/**
 * @typedef {{label: string, ids: number[], primary?: boolean}} Offer  a comparison of these dumps instead
 * @typedef {{title: string, text: string, offers?: Offer[], facts?: boolean}} Warning  `facts`: all facts tell more
 * @typedef {{id: number, head: any, name: string}} Side  name: A, B, 1, 2 …
 */

/** Findings of a comparison (diff.rs) that are said here in other words, from the heads. */
const SAID_HERE = /^(partial-dump|gc-in-progress|unproven-runtime|other-.*|listing-equal|listing-differs)$/;

/** Younger than this, a process still fills its caches. Seconds. */
const STARTING = 10 * 60;

/**
 * @param {Side[]} sides  in the order compared
 * @param {Side[]} all  every usable one, by time
 * @param {any[]} findings  of the comparison
 * @returns {Warning[]}
 */
export function warningsOf(sides, all, findings) {
  const out = [];
  const several = sides.length > 1;
  if (several) {
    out.push(...processWarnings(sides, all), ...differences(sides));
    for (const f of findings) if (!SAID_HERE.test(f.code)) out.push({ title: 'Before you compare:', text: withCount(f) });
  }
  return [...out, ...sides.flatMap((side, i) => ofOne(side, several, i === sides.length - 1))];
}

/** @param {Side[]} sides @param {Side[]} all @returns {Warning[]} */
function processWarnings(sides, all) {
  const [a, b] = [sides[0], sides[sides.length - 1]];
  const [fa, fb] = [a.head.dump, b.head.dump];
  if (isListing(a.head) || isListing(b.head) || oneProcess(fa, fb)) return [];
  if (!otherProcess(fa, fb)) {
    return [{ title: 'Not known to be one process:', text: 'the process id or the start time is missing in a dump. If it is another process, the difference is no growth.' }];
  }
  const who = fa.pid !== fb.pid && fa.pid !== null && fb.pid !== null ? `pid ${fa.pid} and pid ${fb.pid}` : `pid ${fa.pid}${fa.instance_id !== fb.instance_id ? ' on two machines' : ', started twice'}`;
  const mates = all.filter((s) => oneProcess(s.head.dump, fb));
  const equal = equalUptime(a, mates);
  const ups = (/** @type {Side} */ side) => `(${duration(fa.uptime)} and ${duration(side.head.dump.uptime)})`;
  /** @type {Offer[]} */
  const offers = [];
  let how = '';
  if (equal && equal !== b) {
    how = `Dump ${equal.name} is of pid ${fb.pid}, too, at nearly the uptime of ${a.name} ${ups(equal)}.`;
    offers.push({ label: `Compare ${a.name} with ${equal.name} at equal uptime`, ids: [a.id, equal.id], primary: true });
  } else if (equal) how = `But the uptimes are nearly equal ${ups(b)}: this is the comparison of two lives at equal age.`;
  else if (fa.uptime !== null && fb.uptime !== null) how = `The uptimes differ ${ups(b)}; a fair comparison needs dumps at equal uptime, or two of one process.`;
  const mate = mates.find((s) => s !== b);
  if (mate) offers.push({ label: `Compare ${mate.name} with ${b.name}, one process`, ids: [mate.id, b.id], primary: offers.length === 0 });
  return [{ title: `Two different processes: ${who}.`, text: `The difference is not the growth of one process. ${how}`.trim(), offers }];
}

/** The dump whose uptime is nearly that of `to`. @param {Side} to @param {Side[]} among @returns {Side | null} */
export function equalUptime(to, among) {
  const off = (/** @type {Side} */ side) => uptimeApart(side.head.dump, to.head.dump);
  return among.filter((side) => side !== to && off(side) <= EQUAL_UPTIME).sort((a, b) => off(a) - off(b))[0] ?? null;
}

/** Of what differs, what stands in the way of a comparison, and why. @type {Record<string, string>} */
const DOUBTS = {
  program: '', bitness: ' Every object has another size; only counts can be compared.', runtime: ' Its own types have changed, too.', GC: ' Free space and generations cannot be compared.',
};

/** @param {Side[]} sides @returns {Warning[]} */
function differences(sides) {
  const real = sides.filter((s) => !isListing(s.head));
  if (real.length < 2) return [];
  const out = [];
  for (const { what, values } of comparedFacts(real.map((s) => s.head)).differ) {
    // Another number of heaps is only a note.
    const each = what === 'GC' ? real.map((s) => `${s.head.runtime.gc_mode} GC with ${s.head.runtime.gc_layout}`) : values;
    if (!(what in DOUBTS) || values.includes('unknown') || new Set(each).size === 1) continue;
    out.push({ title: `The ${what} differs:`, text: `${each.map((v, i) => `${v} in ${real[i].name}`).join(', ')}.${DOUBTS[what]}` });
  }
  const versions = versionChanges(real);
  if (versions.length > 0) {
    const some = versions.slice(0, 3).map((v) => `${v.name} ${v.versions.join(' → ')}`).join(', ');
    out.push({
      title: `${versions.length === 1 ? 'The version of one module differs' : `The versions of ${number(versions.length)} modules differ`}:`,
      text: `${some}${versions.length > 3 ? ' …' : ''}. Another build of the program is not the same program.`,
    });
  }
  return out;
}

/** Assemblies whose version is known in each dump and differs. @param {Side[]} sides */
function versionChanges(sides) {
  const [first, ...others] = sides.map((s) => new Map(s.head.assemblies.map((/** @type {any} */ a) => [a.name, a.version])));
  return [...first].map(([name, version]) => ({ name, versions: [version, ...others.map((o) => o.get(name))] }))
    .filter(({ versions }) => versions.every(Boolean) && new Set(versions).size > 1);
}

/** What makes one dump's numbers doubtful, each with its words from the core. @param {Side} side @param {boolean} compared @param {boolean} last @returns {Warning[]} */
function ofOne({ head, name }, compared, last) {
  const whose = compared ? name : 'this dump';
  /** @type {Warning[]} */
  const out = [];
  const { heap, runtime } = head;
  if (runtime.unproven) out.push({ title: `Unproven runtime in ${whose}:`, text: runtime.unproven });
  if (runtime.gc_in_progress) {
    out.push({ title: `A GC was running when ${whose} was taken.`, text: 'Objects were being moved: some may be counted twice or not at all. Take it again; a second later it is over.' });
  }
  if (heap.explained_bytes < heap.total_bytes) {
    out.push({
      title: `${coverage(heap.explained_bytes, heap.total_bytes)} of the heap of ${whose} could be read;`,
      text: `${size(heap.total_bytes - heap.explained_bytes)} could not. ` +
        (atLeast(head) ? `Counts of ${whose} are at least these; a type not seen may still be there.` : 'A type not seen may still be there.') +
        (compared ? ` New and gone are not shown as facts${last ? '' : ', nor is growth'}.` : ''),
      facts: true,
    });
  }
  for (const f of head.findings) {
    if (f.partial && f.code !== 'gc-in-progress') out.push({ title: `In ${whose}:`, text: withCount(f) });
  }
  if (!exact(head) && out.length === 0) out.push({ title: `The numbers of ${whose} are not complete.`, text: '', facts: true });
  return out;
}

/** What is worth knowing. @param {Side[]} sides  in the order compared @param {any[]} [findings]  of the comparison @returns {string[]} */
export function notesOf(sides, findings = []) {
  const out = [];
  const real = sides.filter((s) => !isListing(s.head));
  const listings = sides.filter((s) => isListing(s.head));
  const heaps = real.map((s) => s.head.runtime.heaps);
  const modes = new Set(real.map((s) => s.head.runtime.gc_mode));
  if (real.length > 1 && new Set(heaps).size > 1 && modes.size === 1) {
    out.push(`${real[0].head.runtime.gc_mode} GC with ${real.map((s, i) => `${heaps[i]} heaps in ${s.name}`).join(', ')}; it adds heaps under load.`);
  }
  const first = real[0];
  if (sides.length > 1 && first === sides[0] && first.head.dump.uptime !== null && first.head.dump.uptime < STARTING) {
    out.push(`${first.name} was taken ${duration(first.head.dump.uptime)} after the start: caches are still filling, and their growth looks like a leak.`);
  }
  for (const s of listings) out.push(`${sides.length > 1 ? s.name : 'This'} is a listing: no facts of a process, no generations.`);
  // A listing of another moment differs in every step of a series: nobody asks for that.
  for (const f of findings) if (f.code === 'listing-equal' || (f.code === 'listing-differs' && sides.length === 2)) out.push(sentence(withCount(f)));
  return out;
}

/** A finding's words, with how often it was met. @param {any} finding */
export function withCount(finding) {
  return finding.count > 1 ? `${finding.message} (${number(finding.count)} times)` : finding.message;
}
