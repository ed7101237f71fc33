/** What left a box, opened with the reference reader: every record of the file uplink in order, and what holds. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Counters, type Entry, Reader, ReaderKeys, readRecords } from '../../src/reader/index.ts'
import type { Box } from './box.ts'

// biome-ignore lint/suspicious/noExplicitAny: the tests look into resources of every type
export type Resource = Record<string, any>

export type Opened = Readonly<{
  /** New versions in order of arrival. */
  entries: readonly Entry[]
  /** What holds in the end. */
  resources: readonly Resource[]
  of(type: string): readonly Resource[]
  counters: Counters
  /** Lines that are no record. */
  broken: number
  torn: number
}>

export async function openOutput({ out, reader: dir }: Pick<Box, 'out' | 'reader'>): Promise<Opened> {
  const entries: Entry[] = []
  const keys = ReaderKeys.fromFolder(dir, { allowDemo: true })
  const reader = new Reader({ keys, waitingRecords: Number.MAX_SAFE_INTEGER, onOpened: entry => entries.push(entry) })
  const lines = { broken: 0, torn: 0 }
  for (const [partition, file] of filesOf(out).entries()) {
    for await (const line of readRecords(file, partition)) {
      if (line.kind === 'record') reader.take(line.record)
      else lines[line.kind] += 1
    }
  }
  reader.openWaiting()
  const resources = [...reader.state().values()].map(current => current.opened.resource as Resource)
  const of = (type: string) => resources.filter(one => one.resourceType === type)
  return { entries, resources, of, counters: reader.counters, ...lines }
}

/** Key records first, as a consumer reads them. */
function filesOf(out: string): string[] {
  const names = existsSync(out) ? readdirSync(out).filter(name => name.endsWith('.ndjson')) : []
  const keysFirst = (a: string, b: string) => Number(b.endsWith('.keys.ndjson')) - Number(a.endsWith('.keys.ndjson'))
  return names.sort(keysFirst).map(name => join(out, name))
}
