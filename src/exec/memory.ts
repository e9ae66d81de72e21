/** Memory: what a run is planned to hold, and what the process has held. */

interface NodeProcess {
  readonly resourceUsage?: () => { readonly maxRSS: number };
}

/** The process's peak resident memory so far in bytes (everything in it: runtime, data, JavaScript heap); undefined in browsers. */
export function peakMemory(): number | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  const usage = process?.resourceUsage?.();
  return usage && usage.maxRSS * 1024;
}
