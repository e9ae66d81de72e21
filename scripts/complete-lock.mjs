/**
 * Completes package-lock.json: npm leaves out optional packages of other platforms that it did not see when it installed, and
 * `npm ci` then refuses the file on the machines that miss them. Run it after every `npm install`; a second run changes nothing.
 * Their hashes come from a fresh resolution of the packages that ask for them; those that the registry at hand does not hold stay
 * without one, and `npm ci` takes them unchecked.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

/** Where node resolves a package from, seen from another one: nested folders first. */
function holds(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (lock.packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`]) return true;
    if (at === "" || !at.includes("node_modules")) return false;
    if (!at.includes("/node_modules/")) at = "/node_modules/";
  }
}

let added = 0;
for (const [from, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (holds(from, name) || !/^\d/.test(version)) continue;
    const words = name.split("/").pop().split(/[-_.]/);
    const os = systems.filter((system) => words.includes(system));
    const cpu = processors.filter((processor) => words.includes(processor));
    const libc =
      words.includes("musl") || words.includes("musleabihf")
        ? ["musl"]
        : words.includes("gnu") || words.includes("gnueabihf")
          ? ["glibc"]
          : [];
    if (os.length + cpu.length === 0) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(libc.length > 0 && os.includes("linux") ? { libc } : {}),
      ...(lock.packages[from].dev ? { dev: true } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    };
    added += 1;
  }
}

/** The lock entries that npm makes for one package and its optional ones where it starts from nothing. */
function freshEntries(name, version) {
  const folder = mkdtempSync(join(tmpdir(), "complete-lock-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: { [name]: version } }));
    execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--silent"], { cwd: folder, stdio: "ignore" });
    return JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const unchecked = () => Object.keys(lock.packages).filter((at) => lock.packages[at].optional && !lock.packages[at].integrity);
const before = unchecked();
for (const [from, { version, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  const bare = Object.keys(optionalDependencies).filter((name) => before.includes(`node_modules/${name}`));
  if (from === "" || bare.length === 0) continue;
  const fresh = freshEntries(from.slice(from.lastIndexOf("node_modules/") + "node_modules/".length), version);
  for (const name of bare) {
    const { version: wanted, ...rest } = lock.packages[`node_modules/${name}`];
    const found = fresh[`node_modules/${name}`];
    if (found?.version !== wanted || !found.integrity) continue;
    lock.packages[`node_modules/${name}`] = { version: wanted, integrity: found.integrity, ...rest };
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
const left = unchecked().length;
console.log(`${added} packages of other platforms added to package-lock.json, ${before.length - left} hashes; ${left} have none`);
