/**
 * The only file that knows pino. Messages are fixed words; fields are codes, places, names of sources and numbers.
 * An error of our own is logged by its code; a foreign error by its class, its code and our frames, never by its
 * message, because libraries quote their input (`Unexpected token 'M', "Müller^…`).
 */
import { pino } from 'pino'
import { GatewayError, UplinkError } from './errors.ts'

type Value = string | number | boolean | null
export type Fields = Readonly<Record<string, Value | Readonly<Record<string, Value>>>>

export interface Log {
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
}

/** A log of JSON lines to a file descriptor (default: standard error, so that standard output stays for data). */
export function openLog(options: { level?: string; fd?: number } = {}): Log {
  const logger = pino(
    { level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: options.fd ?? 2, sync: true }),
  )
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  }
}

export const silent: Log = { info() {}, warn() {}, error() {} }

/** What may be said of any error: never its message unless it is our own. */
export function describe(error: unknown): Fields {
  if (error instanceof UplinkError) {
    const { code, at, cause, advice } = error
    return { code, at, cause, advice }
  }
  if (error instanceof GatewayError) {
    const { code, at, detail } = error
    return detail ? { code, at, detail } : { code, at }
  }
  if (!(error instanceof Error)) return { class: typeof error }
  const code = (error as { code?: unknown }).code
  return {
    class: error.constructor.name,
    ...(typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? { code } : {}),
    frames: ourFrames(error),
  }
}

/** The top frames of the stack that are files of this project, by file and line. */
function ourFrames(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line) && !line.includes('node_modules'))
  return frames
    .map(line => /((?:src|adapters)\/[\w/.-]+:\d+)/.exec(line)?.[1])
    .filter(Boolean)
    .slice(0, 5)
    .join(' < ')
}
