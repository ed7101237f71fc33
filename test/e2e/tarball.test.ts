/** What a clinic's technician does: the tarball of `npm pack`, installed in an empty folder, with Node 24. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, until } from './box.ts'

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
/** Node 24 first, so that npm and npx run on it too. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` }

function run(cwd: string, command: string, ...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, argv, { cwd, env, encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

function isRegistryThere(): boolean {
  const wanted = `better-sqlite3@${dependencies['better-sqlite3']}`
  return run(root, 'npm', 'view', wanted, 'version', '--fetch-retries=0', '--fetch-timeout=10000').status === 0
}

describe.skipIf(!isRegistryThere())('the tarball (needs a package registry)', () => {
  test('installs in an empty folder, makes a demo, runs, takes a result, and opens it', {
    timeout: 240_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clinic-gateway-tarball-'))
    try {
      await install(folder)
      await tryOut(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function install(folder: string): Promise<void> {
  const packed = run(root, 'npm', 'pack', '--silent', '--pack-destination', folder)
  expect(packed, packed.err).toMatchObject({ status: 0 })
  const [tarball] = readdirSync(folder).filter(name => name.endsWith('.tgz'))
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const installed = run(folder, 'npm', 'install', ...quiet, `./${tarball}`)
  expect(installed, installed.err).toMatchObject({ status: 0 })
  const inside = readdirSync(join(folder, 'node_modules/clinic-gateway'))
  expect(inside.sort()).toEqual(
    ['CHANGELOG.md', 'LICENSE', 'NOTICE', 'README.md', 'config', 'dist', 'examples', 'package.json', 'scripts'].sort(),
  )
}

async function tryOut(folder: string): Promise<void> {
  const command = (...argv: readonly string[]) => run(folder, 'npx', '--no-install', 'clinic-gateway', ...argv)
  expect(command('init', '--demo')).toMatchObject({ status: 0 })
  const file = join(folder, '.demo/gateway.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/port: \d+/g, 'port: 0'))
  const argv = [join(folder, 'node_modules/.bin/clinic-gateway'), 'run', '--config', '.demo/gateway.yaml']
  const gateway = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  gateway.stderr.on('data', chunk => {
    log += chunk
  })
  try {
    await until(() => log.includes('"msg":"ready"') || gateway.exitCode !== null)
    expect(gateway.exitCode, log).toBeNull()
    const sent = command('send', 'node_modules/clinic-gateway/examples/oru-r01.hl7', '--to', 'mllp')
    expect(sent, sent.err).toMatchObject({ status: 0, out: expect.stringContaining('MSA|AA|L0001') })
    const open = () => command('decrypt', '.demo/out/demo.fhir.ndjson', '--state', '--allow-demo')
    const opened = await until(() => {
      const { status, out } = open()
      return status === 0 && out.includes('Potassium') && out
    })
    expect(opened).toContain('Brandstätter')
    expect(readFileSync(join(folder, '.demo/out/demo.fhir.ndjson'), 'utf8')).not.toContain('Brandst')
    expect(
      run(folder, process.execPath, '--input-type=module', '-e', 'await import("clinic-gateway/reader")').status,
    ).toBe(0)
  } finally {
    const ended = once(gateway, 'exit')
    gateway.kill('SIGTERM')
    await ended
  }
  expect(gateway.exitCode).toBe(0)
}
