#!/usr/bin/env node
/**
 * The command `clinic-gateway`. Plain JavaScript, so that an old Node can say what is missing: needs Node 24, which the
 * project brings along as the npm package `node` where the host has another one.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from './node-flags.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = 24

if (Number(process.versions.node.split('.')[0]) >= wanted && process.execArgv.includes(nodeFlags[0])) {
  const built = new URL('../dist/src/cli/main.js', import.meta.url)
  const source = new URL('../src/cli/main.ts', import.meta.url)
  stopWithStarter()
  const { main } = await import((existsSync(fileURLToPath(source)) ? source : built).href)
  process.exitCode = await main(process.argv.slice(2))
} else {
  again()
}

/** Starts the same command once more under a Node that fits, with the flags it needs, and passes signals on. */
function again() {
  const own = `${root}node_modules/node/bin/node`
  const fits = Number(process.versions.node.split('.')[0]) >= wanted
  const node = fits ? process.execPath : own
  if (!existsSync(node)) {
    process.stderr.write(
      `clinic-gateway needs Node ${wanted} or newer; this is ${process.version}. In a clone: npm install\n`,
    )
    process.exit(69)
  }
  const command = [...nodeFlags, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const child = spawn(node, command, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 70 : 0)))
}

/** A starter that is killed cannot pass signals on; without it nobody would stop this process. */
function stopWithStarter() {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
}
