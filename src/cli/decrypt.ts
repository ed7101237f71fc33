/** `decrypt FILE…`: opens the records of the file uplink, where the private key is. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { type Counters, type Entry, Reader, ReaderKeys, readRecords } from '../reader/index.ts'
import { readArguments } from './arguments.ts'
import type { Io } from './io.ts'

const help = `clinic-gateway decrypt FILE… [--reader DIR] [--keys FILE] [options]

Opens the records of the file uplink and prints the resources, one a line. Every signature is checked. What does not open
stays masked. The output names people: treat it so.

  --reader DIR            what a consumer holds: kek-….private.json and gateways.json
                          (default: the folder reader beside the files' own folder)
  --keys FILE             the key records (default: the .keys file beside each FILE)
  --passphrase-file FILE  passphrase of a private key made in the key ceremony
  --only PATHS            open these elements only: Patient.name,Patient.birthDate
  --state                 print what holds in the end, one line a resource, instead of every version
  --test                  with --state: what holds of test messages, which never touch the live state
  --verify                print no resource, only check that everything opens and is signed
  --allow-demo            take throw-away keys of a demo
  --json                  one line a record: verb, reference, version, time, key, sourceId, failed, resource
  --pretty                indent (default when a person reads)

  clinic-gateway decrypt .demo/out/demo.fhir.ndjson --reader .demo/reader --allow-demo
  clinic-gateway decrypt out/north.fhir.ndjson --only Patient.birthDate --state
  clinic-gateway decrypt out/north.fhir.ndjson --verify

Exit codes: 0 all opened and verified, 1 something did not (counted on standard error), 64 usage, 78 keys.
`

const options = {
  reader: { type: 'string' },
  keys: { type: 'string' },
  'passphrase-file': { type: 'string' },
  only: { type: 'string', multiple: true },
  state: { type: 'boolean' },
  test: { type: 'boolean' },
  verify: { type: 'boolean' },
  'allow-demo': { type: 'boolean' },
  pretty: { type: 'boolean' },
} as const

/** What of the files is no record. */
type Lines = { broken: number; torn: number }

/**
 * Runs the command. Resolves with 0 when every record was signed and opened, 1 when one was not.
 * Throws GatewayError E_USAGE, E_KEYS, E_DEMO_KEY.
 */
export async function decrypt(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals: files } = readArguments(argv, options)
  if (values.help) {
    io.out(help)
    return 0
  }
  if (files.length === 0) throw new GatewayError('E_USAGE', 'FILE')
  const only = (values.only ?? []).flatMap(list => list.split(',')).filter(path => path !== '')
  const indent = values.pretty || (io.person && !values.json) ? 2 : 0
  const print = (entry: Entry) => {
    const shown = values.json ? rowOf(entry) : entry.opened?.resource
    if (shown) io.out(`${JSON.stringify(shown, null, indent)}\n`)
  }
  const each = values.state || values.verify ? {} : { onOpened: print }
  const reader = new Reader({
    keys: openKeys(values, files),
    mode: values.state ? (values.test ? 'test' : 'live') : 'any',
    ...(only.length > 0 ? { only } : {}),
    ...each,
  })
  const lines: Lines = { broken: 0, torn: 0 }
  for (const [partition, file] of [...keyFilesOf(files, values.keys), ...files].entries()) {
    for await (const line of readRecords(file, partition)) {
      if (line.kind === 'record') reader.take(line.record)
      else lines[line.kind] += 1
    }
  }
  reader.openWaiting()
  if (values.state && !values.verify) for (const current of reader.state().values()) print(current)
  return report(reader.counters, lines, io)
}

/** The key records' files: the one named, else those that lie beside the files and are not given themselves. */
function keyFilesOf(files: readonly string[], named: string | undefined): string[] {
  if (named !== undefined) return [named]
  const beside = new Set(files.map(keysBeside))
  return [...beside].filter(file => existsSync(file) && !files.includes(file))
}

type Values = { reader?: string; 'passphrase-file'?: string; 'allow-demo'?: boolean }

function openKeys(values: Values, files: readonly string[]): ReaderKeys {
  const dir = values.reader ?? join(dirname(files[0]!), '..', 'reader')
  if (!existsSync(dir)) throw new GatewayError('E_USAGE', '--reader', 'no such folder')
  const file = values['passphrase-file']
  const passphrase = file === undefined ? {} : { passphrase: readPassphrase(file) }
  return ReaderKeys.fromFolder(dir, { allowDemo: values['allow-demo'] ?? false, ...passphrase })
}

function readPassphrase(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new GatewayError('E_USAGE', '--passphrase-file', 'cannot be read')
  }
}

/** `demo.fhir.ndjson` → `demo.keys.ndjson`, in the same folder. */
function keysBeside(file: string): string {
  return join(dirname(file), `${file.split('/').at(-1)!.split('.')[0]}.keys.ndjson`)
}

function rowOf({ facts, key, opened }: Entry): object {
  const { verb, reference, version, time, gateway, historical } = facts
  return {
    verb,
    reference,
    version,
    time,
    gateway,
    historical,
    key,
    sourceId: opened?.sourceId ?? null,
    failed: opened?.failed ?? [],
    resource: opened?.resource ?? null,
  }
}

/** One line of counts; 1 when something did not open or verify. */
function report(counters: Counters, { broken, torn }: Lines, io: Io): number {
  const { read, badSignature, malformed, badKeys, unknownKey, failedTokens, repeats, older, otherMode } = counters
  const wrong = {
    'bad signatures': badSignature,
    malformed,
    'bad key records': badKeys,
    'without key': unknownKey,
    'failed tokens': failedTokens,
    'broken lines': broken,
  }
  const counts = { records: read, ...wrong, repeats, older, 'of the other mode': otherMode, 'torn last lines': torn }
  io.err(
    `${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}\n`,
  )
  return Object.values(wrong).some(count => count > 0) ? 1 : 0
}
