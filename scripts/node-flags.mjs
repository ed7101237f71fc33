/**
 * What Node is started with for a gateway that serves.
 *
 * SIGUSR1 opens the debugger on a running process: a box with patients' data must not have that door. The other two keep it
 * small: a small young generation holds the busy process at 260 instead of 440 MB, for about 5 % of its speed
 * (bench/memory.ts), and an old one that is collected after every fifth more lets the drain of a million rows grow it by
 * 40 instead of up to 150 MiB (bench/outage.ts).
 */
export const nodeFlags = [
  '--disable-sigusr1',
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--heap-growing-percent=20',
]
