/** The house rules as a test: who may import whom, who owns which package, what is banned, how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const files = [...walk('src'), ...walk('adapters')].filter(
  file => file.endsWith('.ts') && !file.includes('/generated/'),
)
const roots = new Set(['src/main.ts', 'src/engine-worker.ts', 'src/commands.ts'])

/** Files that every room may import; they import only each other. */
const shared = new Set([
  'src/records.ts',
  'src/ports.ts',
  'src/errors.ts',
  'src/limits.ts',
  'src/environment.ts',
  'src/log.ts',
  'src/lp.ts',
  'src/listen.ts',
])

/** Who may import what beyond the shared files and its own folder. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'adapters/hl7v2': ['src/fhir'],
  'adapters/trackers': ['src/fhir'],
  'adapters/fhir-http': ['src/fhir'],
  'src/fhir': [],
  'src/protect': ['src/fhir/json.ts'],
  'src/reader': ['src/protect/format.ts', 'src/fhir/json.ts'],
  'src/store': [],
  'src/uplink': [],
  'src/admin': [],
  'src/config': [],
  'src/directory': ['src/config'],
}

/** The files of the way in and the way out know more than one stage, and no more than this. */
const lines: Readonly<Record<string, readonly string[]>> = {
  'src/intake.ts': ['src/engine-thread.ts'],
  'src/engine.ts': ['src/outgoing.ts', 'src/merges.ts'],
  'src/drain.ts': ['src/engine-thread.ts', 'src/pace.ts'],
  'src/uplinks.ts': ['src/engine-thread.ts', 'src/drain.ts', 'src/config/config.ts'],
}

const owners: Readonly<Record<string, (file: string) => boolean>> = {
  'better-sqlite3': file => file.startsWith('src/store/'),
  kafkajs: file => file.startsWith('src/uplink/'),
  pino: file => file === 'src/log.ts',
  fastify: file => file.startsWith('src/admin/') || file.startsWith('adapters/fhir-http/'),
  'mqtt-packet': file => file.startsWith('adapters/trackers/'),
  mqtt: file => file === 'src/cli/send.ts',
  '@medplum/core': file => file === 'adapters/hl7v2/message.ts',
  'prom-client': file => file.startsWith('src/admin/'),
  yaml: file => file === 'src/config/document.ts',
  'fhir/r4.js': () => true,
}

const banned: readonly [RegExp, string, (file: string) => boolean][] = [
  [
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/,
    'time and chance',
    file => file === 'src/environment.ts' || file.startsWith('src/cli/'),
  ],
  [/\bset(Timeout|Interval)\(/, 'timers', file => file === 'src/environment.ts' || file.startsWith('src/cli/')],
  [/\bprocess\.env\b/, 'environment variables', file => file.startsWith('src/config/')],
  [
    /\bcreate(Cipheriv|Decipheriv|Hmac)\b|\bhkdfSync\b/,
    'ciphers and MACs',
    file => file.startsWith('src/protect/') || file.startsWith('src/reader/'),
  ],
  [/\bconsole\./, 'console', () => false],
  [/\bcatch\s*(\([^)]*\))?\s*\{\s*\}/, 'an empty catch', () => false],
  [/\b(TODO|FIXME|XXX)\b/, 'unfinished work', () => false],
]

describe('tidy', () => {
  test.each(files)('%s keeps the import rules', file => {
    for (const target of imports(file)) {
      if (!target.startsWith('.')) {
        if (target.startsWith('node:')) continue
        const owner = owners[target]
        expect(owner?.(file), `${file} imports ${target}`).toBe(true)
        continue
      }
      const to = relative(root, resolve(root, dirname(file), target))
      expect(mayImport(file, to), `${file} imports ${to}`).toBe(true)
    }
  })

  test.each(banned.map(([pattern, what, except]) => ({ pattern, what, except })))(
    '$what only where it belongs',
    ({ pattern, what, except }) => {
      const guilty = files.filter(file => !except(file) && pattern.test(code(file)))
      expect(guilty, what).toEqual([])
    },
  )

  test('no file is longer than 450 lines', () => {
    const long = files.filter(
      file => !file.includes('/tables/') && !file.includes('/policy/') && read(file).split('\n').length > 450,
    )
    expect(long).toEqual([])
  })

  test('no file is dead: each is imported or an entry', () => {
    const entries = new Set(['src/cli/main.ts', 'src/engine-worker.ts', 'src/reader/index.ts'])
    const used = new Set(
      [...files, ...walk('test'), ...walk('bench'), ...walk('scripts')].flatMap(file =>
        imports(file)
          .filter(target => target.startsWith('.'))
          .map(target => relative(root, resolve(root, dirname(file), target))),
      ),
    )
    expect(files.filter(file => !entries.has(file) && !used.has(file))).toEqual([])
  })

  test('every runtime dependency is pinned and has a why-line in docs/reference/dependencies.md', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
    const why = read('docs/reference/dependencies.md')
    for (const [name, version] of Object.entries(dependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
      expect(why, name).toContain(`| \`${name}\` |`)
    }
  })

  test('every error code is explained in docs/reference/errors.md, and none that is not there', async () => {
    const { errors } = await import('../src/errors.ts')
    const explained = [...read('docs/reference/errors.md').matchAll(/^### (E_[A-Z0-9_]+)$/gm)].map(match => match[1])
    expect(explained.sort()).toEqual(Object.keys(errors).sort())
  })
})

function mayImport(file: string, to: string): boolean {
  if (shared.has(to)) return true
  if (roots.has(file) || file.startsWith('src/cli/')) return true
  if (file === 'adapters/translators.ts' || file === 'adapters/sources.ts') return to.startsWith('adapters/')
  const room = Object.keys(allowed).find(one => file.startsWith(`${one}/`))
  if (!room) return lines[file]?.includes(to) ?? false
  return (
    to.startsWith(`${room}/`) ||
    (allowed[room] as readonly string[]).some(other => to === other || to.startsWith(`${other}/`))
  )
}

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? walk(path) : [path]
  })
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** The file without its comments. */
function code(file: string): string {
  return read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
}

function imports(file: string): string[] {
  if (!/\.(ts|mjs)$/.test(file)) return []
  return [...code(file).matchAll(/(?:from\s+|import\s+|import\()'([^']+)'/g)].map(match => match[1] as string)
}
