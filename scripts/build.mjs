/** `prepack`: emits JavaScript to dist/, since Node does not strip types under node_modules. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const node = `${root}node_modules/node/bin/node`

rmSync(`${root}dist`, { recursive: true, force: true })
const tsc = spawnSync(node, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
for (const folder of ['src', 'adapters']) copyData(folder)

/** What the compiler leaves: JSON and the like. */
function copyData(folder) {
  for (const entry of readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(json|js)$/.test(entry.name)) continue
    const from = `${entry.parentPath}/${entry.name}`
    const to = `${root}dist/${from.slice(root.length)}`
    if (!existsSync(to)) cpSync(from, to, { recursive: true })
  }
}
