/** `prestart` and `pretest`: installs what is missing, once. Plain JavaScript for whatever Node the host has. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const packages = { ...wanted.dependencies, ...wanted.devDependencies }

if (!complete()) {
  process.stderr.write('installing what is missing (once)\n')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0 || !complete()) {
    process.stderr.write('npm ci failed: see above\n')
    process.exit(69)
  }
}

/** Every package is there in the version that package.json names, and Node 24 has its binary. */
function complete() {
  return (
    existsSync(`${root}node_modules/node/bin/node`) &&
    Object.entries(packages).every(([name, version]) => installed(name) === version)
  )
}

function installed(name) {
  const file = `${root}node_modules/${name}/package.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null
}
