/** A whole box as its users start it: the real command in a process of its own, in a temporary folder, on free ports. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from '../../scripts/node-flags.mjs'
import type { Command } from '../../src/ports.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const command = join(root, 'scripts/clinic-gateway.mjs')

/** The bound addresses, `host:port`. */
export type Listen = Readonly<Record<'mllp' | 'mqtt' | 'fhir' | 'admin', string>>

export type Ended = Readonly<{ code: number | null; out: string; err: string }>

export type BoxOptions = Readonly<{
  /** Changes the demo's gateway.yaml. */
  yaml?: (text: string) => string
  /** Modules that are loaded before the command (`--import`). */
  preload?: readonly string[]
  /** Environment variables beside those of this process. */
  env?: Readonly<Record<string, string>>
  /** The command's file; by default this project's. */
  command?: string
}>

export class Box {
  /** The temporary folder; the box lies in `.demo` in it. */
  readonly folder: string
  readonly #preload: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  readonly #command: string
  #child: ChildProcess | null = null
  #listen: Listen | null = null
  /** All that every process of this box wrote to standard output and standard error. */
  log = ''

  private constructor(folder: string, { preload = [], env = {}, command: file = command }: BoxOptions) {
    this.folder = folder
    this.#command = file
    this.#preload = preload
    this.#env = env
  }

  /** `init --demo` in a fresh folder, ports 0. Not started yet. */
  static async init(options: BoxOptions = {}): Promise<Box> {
    const { yaml = text => text } = options
    const box = new Box(mkdtempSync(join(tmpdir(), 'clinic-gateway-e2e-')), options)
    const { code, err } = await box.cli('init', '--demo')
    if (code !== 0) throw new Error(`init: ${err}`)
    box.configure(text => yaml(text.replace(/port: \d+/g, 'port: 0').replace('freeFloor: 256MiB', 'freeFloor: 0')))
    return box
  }

  /** A box that runs. */
  static async run(options: BoxOptions = {}): Promise<Box> {
    const box = await Box.init(options)
    await box.start()
    return box
  }

  get data(): string {
    return join(this.folder, '.demo/data')
  }

  get out(): string {
    return join(this.folder, '.demo/out')
  }

  get reader(): string {
    return join(this.folder, '.demo/reader')
  }

  /** Throws while it does not run. */
  get listen(): Listen {
    if (!this.#listen) throw new Error('the box does not run')
    return this.#listen
  }

  get isRunning(): boolean {
    return this.#listen !== null
  }

  configure(change: (yaml: string) => string): void {
    const file = join(this.folder, '.demo/gateway.yaml')
    writeFileSync(file, change(readFileSync(file, 'utf8')))
  }

  /** Starts the gateway; resolves with what it listens on. Rejects with its words when it ends instead. */
  async start(): Promise<Listen> {
    const child = this.#spawn(['run', '--config', '.demo/gateway.yaml'])
    this.#child = child
    let err = ''
    const ready = new Promise<Listen>((resolve, reject) => {
      child.stderr!.on('data', chunk => {
        err += chunk
        const found = /^\{.*"listen":(\{[^}]*\}).*"msg":"ready".*$/m.exec(err)
        if (found) resolve(JSON.parse(found[1]!))
      })
      child.once('exit', code => {
        this.#listen = null
        reject(new Error(`the gateway ended with ${code}: ${err}`))
      })
    })
    this.#listen = await ready
    return this.#listen
  }

  /** As when it crashes: SIGKILL. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL')
  }

  /** As when it is stopped: SIGTERM. Resolves with its exit code. */
  term(): Promise<number | null> {
    return this.#signal('SIGTERM')
  }

  /** Of the running process. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** The process ends; null while it runs. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null
  }

  /** Runs another command of the gateway in the box's folder, to its end. */
  cli(...argv: readonly string[]): Promise<Ended> {
    return runCommand(argv, this.folder)
  }

  /** A command that prints JSON. Throws when it fails. */
  async cliJson<T>(...argv: readonly string[]): Promise<T> {
    const { code, out, err } = await this.cli(...argv, '--json')
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${err}`)
    return JSON.parse(out) as T
  }

  admin(path: string): Promise<Response> {
    return fetch(`http://${this.listen.admin}${path}`)
  }

  /** A command by the admin API, without a process of its own. Throws when it is refused. */
  async carryOut<T>(command: Command): Promise<T> {
    const { token } = JSON.parse(readFileSync(join(this.data, 'admin.json'), 'utf8')) as { token: string }
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const url = `http://${this.listen.admin}/do`
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(command) })
    if (!response.ok) throw new Error(`${command.do}: ${await response.text()}`)
    return ((await response.json()) as { ok: T }).ok
  }

  async status(): Promise<Status> {
    return (await (await this.admin('/status')).json()) as Status
  }

  /** Resolves when the uplink has all that was committed so far. */
  async drained(): Promise<void> {
    while ((await this.status()).outbox.pending > 0) await pause(20)
  }

  secret(name: 'demo-watch' | 'demo-http'): Readonly<{ id: string; secret: string; token: string }> {
    return JSON.parse(readFileSync(join(this.folder, '.demo/secrets', `${name}.json`), 'utf8'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** With these flags the command runs in the very process and starts none of its own, so that SIGKILL meets the gateway. */
  #spawn(argv: readonly string[]): ChildProcess {
    const imports = this.#preload.flatMap(module => ['--import', resolve(root, module)])
    const env = { ...process.env, ...this.#env }
    const child = spawn(process.execPath, [...nodeFlags, ...imports, this.#command, ...argv], { cwd: this.folder, env })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        this.log += chunk
      })
    }
    return child
  }

  async #signal(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    this.#listen = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = once(child, 'close')
    child.kill(signal)
    await ended
    return child.exitCode
  }
}

/** GET /status, as DESIGN §4 promises it. */
export type Status = Readonly<{
  gateway: string
  purpose: string
  listen: Listen
  sources: readonly Readonly<{ name: string; lastAt: string | null; received: number; refused: number }>[]
  outbox: Readonly<{ pending: number; bytes: number; budget: number; oldestSeconds: number }>
  uplinks: readonly Readonly<{ name: string; state: string; through: number; parked: number }>[]
  engine: Readonly<{ lost: number; seq: number }>
  held: number
  worklist: number
  alarms: readonly Readonly<{ code: string; since: string }>[]
}>

/** Runs `clinic-gateway …argv` in `cwd` to its end. */
export function runCommand(argv: readonly string[], cwd: string): Promise<Ended> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [...nodeFlags, command, ...argv], { cwd }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    )
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Waits until `look` finds something; the test's own time limit ends a wait in vain. */
export async function until<T>(look: () => Promise<T | false> | T | false): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== false) return found
    await pause(20)
  }
}
