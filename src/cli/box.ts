/** Reaches a gateway: a running one through its admin API, a stopped one by starting the engine alone. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../commands.ts'
import type { Config } from '../config/config.ts'
import { buildDirectory } from '../directory/directory.ts'
import { EngineRoom } from '../engine-worker.ts'
import { machine } from '../environment.ts'
import { GatewayError, type KnownCode } from '../errors.ts'
import { engineSettings, protectorOptions } from '../main.ts'
import type { Command, Store } from '../ports.ts'
import { loadKeys, openProtector } from '../protect/index.ts'
import { openReadOnly } from '../store/index.ts'

type Door = Readonly<{ address: string; token: string }>

const answerWithinMs = 10_000

/** Carries out a command on the box of this configuration, running or not. */
export async function carryOut(config: Config, command: Command): Promise<unknown> {
  const door = readDoor(config)
  const answer = door ? await ask(door, command) : null
  if (answer) return answer.ok
  const room = reading.has(command.do) ? readingRoom(config) : new EngineRoom(engineSettings(config))
  try {
    return runCommand(room, 'local', command, machine)
  } finally {
    room.store.close()
  }
}

/** Commands that change nothing open the database of a stopped box read-only. */
const reading: ReadonlySet<Command['do']> = new Set([
  'held.list',
  'held.show',
  'device.list',
  'client.list',
  'codes.list',
  'outbox.list',
  'outbox.show',
  'uplink.list',
])

function readingRoom(config: Config): Parameters<typeof runCommand>[0] {
  const settings = engineSettings(config)
  const protector = openProtector(loadKeys(config.privacy.keys), protectorOptions(config))
  const { data, purpose, uplinks, standby = null, senders, anySender } = settings
  // the commands above ask nothing of the store that a read-only one does not have
  const store = openReadOnly({
    ...data,
    gateway: config.gateway.id,
    purpose,
    uplinks,
    standby,
    environment: machine,
  }) as Store
  const directory = () => buildDirectory(1, { store, protector, senders, anySender })
  return { store, protector, directory, reload: directory }
}

/** The status of a running gateway. Throws GatewayError E_NOT_RUNNING. */
export async function runningStatus(config: Config): Promise<RunningStatus> {
  const door = readDoor(config)
  const response = door && (await request(`http://${door.address}/status`, {}))
  if (!response?.ok) throw new GatewayError('E_NOT_RUNNING', config.data.dir)
  return (await response.json()) as RunningStatus
}

export type RunningStatus = Readonly<{
  gateway: string
  purpose: string
  listen: Readonly<Record<string, string>>
  listeners: readonly Readonly<{ name: string; address: string; until: string | null; plaintext: string | null }>[]
  sources: readonly Readonly<{ name: string; lastAt: string | null; received: number; refused: number }>[]
  outbox: Readonly<{
    pending: number
    bytes: number
    used: number
    budget: number
    oldestSeconds: number
    /** Sent records that are still there: how many, and how far back they reach. */
    sent: Readonly<{ rows: number; bytes: number; since: string | null }>
    /** Waiting records of an outage that go out beside what is new. */
    historyRows: number
    parked: number
    hoursKept: number | null
    /** Until the box is full if nothing is sent, at the pace of the last hour. */
    hoursLeft: number | null
  }>
  uplinks: readonly Readonly<{
    name: string
    mode: string
    inUse: boolean
    /** `up`, `down`, `stopped`, or `standby`: of the two it is not the one in use. */
    state: string
    /** What is wrong, since when, and what to change. */
    trouble: Readonly<{ code: string; since: string; at?: string; cause?: string; advice?: string }> | null
    through: number
    parked: number
    /** Waiting records of an outage that go out beside what is new. */
    history: number
    gap: Readonly<{ first: number; last: number; since: string }> | null
    /** Since the start of the process. */
    sent: number
  }>[]
  held: number
  worklist: number
  alarms: readonly Readonly<{ code: string; since: string }>[]
}>

async function ask(door: Door, command: Command): Promise<{ ok: unknown } | null> {
  const response = await request(`http://${door.address}/do`, {
    method: 'POST',
    headers: { authorization: `Bearer ${door.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(command),
  })
  if (!response) return null
  const body = (await response.json()) as { ok?: unknown; code?: KnownCode; at?: string }
  if (response.ok) return { ok: body.ok }
  throw new GatewayError(body.code ?? 'E_INTERNAL', body.at ?? '')
}

/** Null where nobody listens. */
async function request(url: string, init: RequestInit): Promise<Response | null> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(answerWithinMs) })
  } catch {
    return null
  }
}

function readDoor(config: Config): Door | null {
  const file = join(config.data.dir, 'admin.json')
  if (!existsSync(file)) return null
  return JSON.parse(readFileSync(file, 'utf8')) as Door
}
