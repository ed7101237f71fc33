/**
 * Asks HL7's validator about FHIR resources: `npm run referee -- [FILE…]`, or NDJSON on standard input.
 *
 * A file is one JSON resource, NDJSON of resources or Bundles, or the output of a file uplink (the records' values are
 * judged, tombstones are passed over). Prints a line a finding and a summary. Exit code 1 = errors were found; 0 = none,
 * or the referee is missing (Java, Maven), which it says.
 */
import { readFileSync } from 'node:fs'
import { dismiss, judge, refereeMissing } from '../test/referee/referee.ts'

type Judged = Readonly<{ source: string; resource: unknown }>

const missing = refereeMissing()
if (missing) console.error(`referee skipped: ${missing}`)
else await run(process.argv.slice(2))

async function run(files: readonly string[]): Promise<void> {
  const judged = (files.length > 0 ? files : ['-']).flatMap(readResources)
  const { errors } = await judge(judged.map(({ resource }) => resource))
  dismiss()
  for (const { index, id, at, text } of errors) console.log(`${judged[index]!.source} ${id} ${at}: ${text}`)
  const guilty = new Set(errors.map(({ index }) => index)).size
  console.log(`${judged.length} resources, ${guilty} with errors, ${errors.length} errors`)
  if (errors.length > 0) process.exitCode = 1
}

function readResources(file: string): Judged[] {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8')
  const whole = asWhole(text)
  if (whole !== undefined) return [{ source: file, resource: whole }]
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const resource = resourceOf(JSON.parse(line))
    return resource === null ? [] : [{ source: `${file}:${i + 1}`, resource }]
  })
}

/** A file that is one JSON document, over several lines perhaps. */
function asWhole(text: string): unknown {
  try {
    return resourceOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The resource of a record of the file uplink, or what it is itself. */
function resourceOf(line: Record<string, unknown>): unknown {
  return 'topic' in line && 'value' in line ? line.value : line
}
