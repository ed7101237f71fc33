/** Where a command writes: data to standard output, words to standard error. Tests give their own. */
export interface Io {
  out(text: string): void
  err(text: string): void
  /** True when a person reads standard output. */
  readonly person: boolean
}

export const terminal: Io = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  person: process.stdout.isTTY === true,
}

/** A reader that had enough (`decrypt … | head`) ends the command quietly. */
export function endWithReader(): void {
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0)
    throw error
  })
}

/** Prints what was asked for: exit code 0. */
export function printed(io: Io, text: string): number {
  io.out(text)
  return 0
}

/** JSON for a person (indented) or for a program (one line). */
export function json(io: Io, value: unknown): string {
  return `${JSON.stringify(value, null, io.person ? 2 : 0)}\n`
}
