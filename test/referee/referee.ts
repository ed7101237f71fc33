/**
 * The outside referee: HL7's validator (in HAPI FHIR, Java), for tests only. One Java process for all questions of a
 * test file; resources travel in Bundles, because it judges those five times as fast as single ones.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What the validator said: its message id, the place, and its words. */
export type Finding = Readonly<{ id: string; at: string; text: string }>

/** `index` = the resource in the list that was asked about. */
export type Judgement = Readonly<{ errors: readonly (Finding & Readonly<{ index: number }>)[] }>

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const classPathFile = here('../../.cache/referee/classpath.txt')

/** Resources of one Bundle: enough to be fast, few enough that a slow machine answers now and then. */
const bundleSize = 100

let missing: string | null | undefined

/** Why the referee cannot be asked, to skip a test by name; null = it can. Downloads its class path once, with Maven. */
export function refereeMissing(): string | null {
  if (missing === undefined) missing = findMissing()
  return missing
}

function findMissing(): string | null {
  if (spawnSync('java', ['-version']).status !== 0) return 'needs java 17 or later'
  if (existsSync(classPathFile) && readFileSync(classPathFile, 'utf8').split(':').every(existsSync)) return null
  if (spawnSync('mvn', ['-version']).status !== 0) return 'needs mvn'
  mkdirSync(here('../../.cache/referee'), { recursive: true })
  const build = ['-B', '-q', '-f', here('pom.xml'), 'dependency:build-classpath', `-Dmdep.outputFile=${classPathFile}`]
  if (spawnSync('mvn', build, { timeout: 120_000 }).status === 0) return null
  rmSync(classPathFile, { force: true })
  return 'needs the jars of test/referee/pom.xml, which Maven could not fetch'
}

/**
 * Judges resources, each on its own right, with the ids and references they have. A Bundle is judged as it stands, in a
 * line of its own. Rejects where the referee is missing or dies.
 */
export async function judge(resources: readonly unknown[]): Promise<Judgement> {
  const reason = refereeMissing()
  if (reason) throw new Error(`no referee: ${reason}`)
  const errors = []
  for (const packet of packetsOf(resources)) {
    for (const finding of await ask(packet.json)) errors.push({ ...finding, index: packet.indexOf(finding.at) })
  }
  return { errors }
}

/** Ends the Java process; the next question starts it again. */
export function dismiss(): void {
  referee?.process.stdin.end()
  referee = null
}

type Packet = Readonly<{ json: string; indexOf(at: string): number }>

function packetsOf(resources: readonly unknown[]): Packet[] {
  const numbered = resources.map((resource, index) => ({ resource, index }))
  const single = numbered.filter(({ resource }) => standsAlone(resource))
  const others = numbered.filter(({ resource }) => !standsAlone(resource))
  const groups = Array.from({ length: Math.ceil(others.length / bundleSize) }, (_, i) =>
    others.slice(i * bundleSize, (i + 1) * bundleSize),
  )
  return [
    ...single.map(({ resource, index }) => ({ json: JSON.stringify(resource), indexOf: () => index })),
    ...groups.map(group => ({
      json: JSON.stringify(collection(group.map(({ resource }) => resource))),
      indexOf: (at: string) => group[Number(/entry\[(\d+)\]/.exec(at)?.[1] ?? 0)]!.index,
    })),
  ]
}

/** In a Bundle, the validator looks for what a `#…` reference means in the Bundle; and it fails on definitions there. */
function standsAlone(resource: unknown): boolean {
  const { resourceType, contained } = (resource ?? {}) as { resourceType?: unknown; contained?: unknown }
  return resourceType === 'Bundle' || resourceType === 'StructureDefinition' || contained !== undefined
}

/**
 * A Bundle around resources that know nothing of each other. Versions do not repeat, so every entry has a name of its own;
 * relative references stay what they are: names on a server.
 */
function collection(resources: readonly unknown[]): unknown {
  const entry = resources.map((resource, i) => ({
    fullUrl: `urn:uuid:00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    resource,
  }))
  return { resourceType: 'Bundle', type: 'collection', entry }
}

type Running = { process: ChildProcessWithoutNullStreams; answers: AsyncIterator<string> }
let referee: Running | null = null

async function ask(json: string): Promise<readonly Finding[]> {
  referee ??= start()
  referee.process.stdin.write(`${json}\n`)
  const answer = await referee.answers.next()
  if (answer.done) throw new Error('the referee died')
  return (JSON.parse(answer.value) as { errors: Finding[] }).errors
}

function start(): Running {
  const classPath = readFileSync(classPathFile, 'utf8')
  const process = spawn('java', ['-Xmx768m', '-cp', classPath, here('Referee.java'), here('../../src/fhir/profiles')])
  process.stderr.resume()
  return { process, answers: createInterface({ input: process.stdout })[Symbol.asyncIterator]() }
}
