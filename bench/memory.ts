/**
 * Start to ready, and memory: the real command with a file uplink, idle and under a steady load from MLLP and MQTT.
 * Prints one JSON line. `node bench/memory.ts [--seconds N]`
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { nodeFlags } from '../scripts/node-flags.mjs'
import { initDemo } from '../src/cli/init.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' } } })
const folder = mkdtempSync(join(tmpdir(), 'cg-memory-'))
initDemo(folder, false)
const file = join(folder, 'gateway.yaml')
writeFileSync(file, readFileSync(file, 'utf8').replace(/port: \d+/g, 'port: 0'))

const flags = [...nodeFlags, 'scripts/clinic-gateway.mjs', 'run', '--config', file]
const since = performance.now()
const gateway = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
try {
  const listen = await ready()
  const readyMs = Math.round(performance.now() - since)
  await pause(5000)
  const idle = resident()
  const watch = readFileSync(join(folder, 'secrets', 'demo-watch.json'), 'utf8')
  let busy = 0
  const loads = [load('mllp', listen.mllp as string, '10', ''), load('mqtt', listen.mqtt as string, '20', `[${watch}]`)]
  const until = performance.now() + Number(values.seconds) * 1000
  while (performance.now() < until) {
    await pause(250)
    busy = Math.max(busy, resident())
  }
  for (const child of loads) child.kill()
  const result = { readyMs, idleMiB: Math.round(idle), busyMiB: Math.round(busy), seconds: Number(values.seconds) }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} finally {
  gateway.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

async function ready(): Promise<Record<string, string>> {
  let log = ''
  for await (const chunk of gateway.stderr) {
    log += chunk
    const line = log.split('\n').find(one => one.includes('"msg":"ready"'))
    if (!line) continue
    gateway.stderr.resume()
    return JSON.parse(line).listen
  }
  throw new Error('the gateway did not start')
}

/** More messages than can be taken in the time; ended when it is over. */
function load(way: string, address: string, width: string, input: string) {
  const child = spawn(process.execPath, ['bench/load.ts', way, address, '10000000', width], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.stdin.end(input)
  return child
}

/** Resident memory of the gateway's process, MiB. */
function resident(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
