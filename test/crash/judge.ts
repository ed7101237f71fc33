/**
 * The judge: what the senders were told against what the reader finds in the file uplink. It knows the box from outside
 * only: answers on the wire, and records that left.
 */
import type { Entry } from '../../src/reader/index.ts'
import type { Box } from '../e2e/box.ts'
import { numberOfTime } from '../e2e/messages.ts'
import { openOutput } from '../e2e/opened.ts'
import { type Line, wayOf } from './load.ts'

export type Judgement = Readonly<{
  /** Messages with a positive answer. */
  answered: number
  /** Observations that came out. */
  read: number
  /** Positive answers without a record. */
  lost: number
  /** Records beyond the first of one message, after the reader. */
  doubled: number
  /** Records of one patient and sender that came out before an earlier one. */
  unordered: number
  /** Records nobody sent. */
  foreign: number
  /** Records under another key than the patient's others. */
  misplaced: number
  /** Rows that stand twice in the files (the reader drops them). */
  repeatedRows: number
  /** Lines that are no record, a last line without its end. */
  broken: number
  torn: number
  /** Records that are not signed, do not open, or belong to a message of which parts are missing. */
  unsound: number
}>

/** Reads all files of the uplink and compares them with the diary. */
export async function judge(
  box: Pick<Box, 'out' | 'reader'>,
  diary: readonly Line[],
  patients: number,
): Promise<Judgement> {
  const { entries, counters, broken, torn } = await openOutput(box)
  const found = entries.flatMap(entry => nameOf(entry, patients) ?? [])
  const count = new Map<string, number>()
  for (const { name } of found) count.set(name, (count.get(name) ?? 0) + 1)
  const answered = new Set(diary.map(({ way, n }) => `${way}/${n}`))
  const { badSignature, malformed, badKeys, unknownKey, failedTokens, incomplete } = counters
  return {
    answered: answered.size,
    read: found.length,
    lost: [...answered].filter(name => !count.has(name)).length,
    doubled: found.length - count.size,
    unordered: unordered(found),
    foreign: [...count.keys()].filter(name => !answered.has(name)).length,
    misplaced:
      new Set(found.map(({ patient, key }) => `${patient} ${key}`)).size -
      new Set(found.map(({ patient }) => patient)).size,
    repeatedRows: counters.repeats,
    broken,
    torn,
    unsound: badSignature + malformed + badKeys + unknownKey + failedTokens + incomplete,
  }
}

/** What must be nought, and is not. */
export function misses({ answered: _answered, read: _read, ...rest }: Judgement): string[] {
  return Object.entries(rest).flatMap(([what, count]) => (count > 0 ? [`${what} ${count}`] : []))
}

/** A record that a message became: `line` is its sender. */
export type Found = Readonly<{ name: string; line: string; n: number; patient: number; key: string }>

/** The message that an Observation came from: its way in by its code, its number by its time. */
export function nameOf({ facts, key, opened }: Entry, patients: number): Found | null {
  if (facts.type !== 'Observation') return null
  const { code, effectiveDateTime } = (opened?.resource ?? {}) as {
    code?: { coding?: { code: string }[] }
    effectiveDateTime?: string
  }
  const way = wayOf.get(code?.coding?.[0]?.code ?? '') ?? '?'
  const n = numberOfTime(effectiveDateTime ?? '')
  const patient = n % patients
  return { name: `${way}/${n}`, line: `${way}/${patient}`, n, patient, key }
}

/** Each sender waited for its answer before it sent the next one, so its numbers must come out rising. */
export function unordered(found: readonly Found[]): number {
  const highest = new Map<string, number>()
  let wrong = 0
  for (const { line, n } of found) {
    if (n < (highest.get(line) ?? -1)) wrong += 1
    highest.set(line, Math.max(n, highest.get(line) ?? -1))
  }
  return wrong
}
