/**
 * Pulls the plug: `node test/crash/power-cut.ts [--cycles N] [--control] [--pause MS]`.
 *
 * A process takes messages into a real store on an ext4 file system of its own and writes what was acknowledged to
 * another disk. The file system is shut down under it without flushing (EXT4_IOC_SHUTDOWN, NOLOGFLUSH: what was not
 * synced is gone, as when the power fails), mounted again, and every acknowledged message is looked for. Moments are
 * stamped: a message acknowledged before the shutdown must be there, one begun after it must not be acknowledged
 * (`late`), and what was under way during the call itself (about 2 ms) belongs to neither side. It does not imitate
 * disks that lie about flushing, nor torn sectors.
 *
 * Prints one JSON line. Exit 1 when anything was lost or damaged; with --control (synchronous = NORMAL) exit 1 when
 * nothing was lost, because then the test could not see a loss. Needs root, unshare, mkfs.ext4, loop devices, python3.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MiB } from '../../src/limits.ts'
import { verifyAudit } from '../../src/store/audit.ts'
import { World } from '../src/store/world.ts'

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '10' },
    control: { type: 'boolean', default: false },
    pause: { type: 'string', default: '0' },
    inside: { type: 'boolean', default: false },
  },
})
const cycles = Number(values.cycles)
const synchronous = values.control ? 'NORMAL' : 'FULL'

const shutdown = `
import fcntl, os, struct, sys, time
disk = os.open(sys.argv[1], os.O_RDONLY)
before = time.monotonic_ns()
fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))
print(before, time.monotonic_ns())
`

type Cycle = { acknowledged: number; inWindow: number; late: number; lost: number; newEpoch: boolean; damaged: boolean }

const work = values.inside ? mkdtempSync(join(tmpdir(), 'clinic-gateway-power-')) : ''
const image = join(work, 'disk.img')
const disk = join(work, 'disk')
const log = join(work, 'acknowledged')
const writer = new URL('../src/store/writer.ts', import.meta.url).pathname

const run = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' })
const mount = () => run('mount', '-o', 'loop', image, disk)
const logged = () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []).filter(Boolean)

function makeDisk(): void {
  writeFileSync(image, '')
  truncateSync(image, 512 * MiB)
  run('mkfs.ext4', '-q', '-F', image)
  mkdirSync(disk)
}

async function cycle(): Promise<Cycle> {
  writeFileSync(log, '')
  mount()
  const child = spawn(process.execPath, [writer, join(disk, 'data'), log, synchronous, values.pause], {
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  while (logged().length < 3 && child.exitCode === null) await wait(10)
  await wait(100 + Math.random() * 400)
  const [before = 0n, after = 0n] = run('python3', '-c', shutdown, disk).trim().split(' ').map(BigInt)
  await wait(50)
  child.kill('SIGKILL')
  await ended
  run('umount', disk)
  mount()
  try {
    return judge(before, after)
  } finally {
    run('umount', disk)
  }
}

/** What of the acknowledged messages is there. `before` and `after` the shutdown, on the machine's monotonic clock. */
function judge(before: bigint, after: bigint): Cycle {
  const lines = logged().map(line => line.split(' '))
  const acks = lines.map(([no, begun, done]) => ({
    no: Number(no),
    begun: BigInt(begun ?? 0),
    done: BigInt(done ?? 0),
  }))
  const acknowledged = acks.filter(({ done }) => done < before)
  const late = acks.filter(({ begun }) => begun > after).length
  const inWindow = acks.length - acknowledged.length - late
  try {
    const world = new World({ dir: join(disk, 'data') })
    const kept = new Set(
      world.look(db => db.prepare('SELECT arrival FROM outbox GROUP BY arrival HAVING count(*) = 2').pluck().all()),
    )
    const { counted, real } = world.usage()
    const sound = world.look(verifyAudit).broken === null && JSON.stringify(counted) === JSON.stringify(real)
    const lost = acknowledged.filter(({ no }) => !kept.has(no)).length
    const { newEpoch } = world.store
    world.store.close()
    return { acknowledged: acknowledged.length, inWindow, late, lost, newEpoch, damaged: !sound }
  } catch {
    const { length } = acknowledged
    return { acknowledged: length, inWindow, late, lost: length, newEpoch: false, damaged: true }
  }
}

async function main(): Promise<void> {
  const started = performance.now()
  const results: Cycle[] = []
  try {
    makeDisk()
    for (let n = 0; n < cycles; n++) results.push(await cycle())
  } finally {
    spawnSync('umount', ['--lazy', disk], { stdio: 'ignore' })
    rmSync(work, { recursive: true, force: true })
  }
  const sum = (of: (one: Cycle) => number) => results.reduce((total, one) => total + of(one), 0)
  const report = {
    test: 'power-cut',
    synchronous,
    cycles,
    acknowledged: sum(one => one.acknowledged),
    lost: sum(one => one.lost),
    cyclesWithLoss: sum(one => Number(one.lost > 0)),
    inWindow: sum(one => one.inWindow),
    late: sum(one => one.late),
    newEpochs: sum(one => Number(one.newEpoch)),
    damaged: sum(one => Number(one.damaged)),
    seconds: Math.round((performance.now() - started) / 1000),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  const missed = report.lost + report.late + report.newEpochs + report.damaged
  const good = values.control ? report.lost > 0 : missed === 0 && report.acknowledged > cycles
  process.exitCode = good ? 0 : 1
}

/** What is missing on this machine for the test to say anything; null = nothing. */
function missing(): string | null {
  if (process.getuid?.() !== 0) return 'root'
  if (!existsSync('/dev/loop-control')) return 'loop devices'
  return ['unshare', 'mkfs.ext4', 'mount', 'python3'].find(tool => spawnSync('which', [tool]).status !== 0) ?? null
}

const lack = missing()
if (lack) process.stdout.write(`${JSON.stringify({ test: 'power-cut', skipped: `needs ${lack}` })}\n`)
else if (values.inside) await main()
else {
  const again = ['--mount', process.execPath, ...process.argv.slice(1), '--inside']
  process.exitCode = spawnSync('unshare', again, { stdio: 'inherit' }).status ?? 1
}
