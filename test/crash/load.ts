/**
 * Load from all three ways in at once. One sender per patient and way; each sends numbered values, waits for the answer,
 * and sends again what was not answered, as real ones do: MLLP the same bytes, MQTT the same payload, HTTP the same
 * Idempotency-Key. Each keeps a diary of what was answered.
 */
import { type Box, pause } from '../e2e/box.ts'
import { authorityUri, codes, heartRate, oru, temperature, type Way } from '../e2e/messages.ts'
import { fhir, mllp, type Puback, Watch } from '../e2e/senders.ts'

/** One answered message: sent first, answered positively (monotonic ms), after so many attempts. */
export type Line = Readonly<{ way: Way; patient: number; n: number; sent: number; answered: number; attempts: number }>

export type LoadOptions = Readonly<{
  patients: number
  /** Pause of a sender between two messages. */
  everyMs: number
  /** By default all three. */
  ways?: readonly Way[]
  /** Words beside the value, so that records are larger. */
  words?: number
  /** Sends each pair of values the wrong way round, for the control run. */
  reversed?: boolean
  random: () => number
}>

type Device = Readonly<{ id: string; secret: string }>

const allWays = ['mllp', 'mqtt', 'fhir'] as const
const mrnOf = (patient: number) => `MRN-77${patient}`

export class Load {
  readonly diary: Line[] = []
  readonly #box: Box
  readonly #options: LoadOptions
  readonly #devices: Device[] = []
  readonly #watches = new Map<number, Watch>()
  #token = ''
  #open = true
  #abandoned = false
  #done: Promise<unknown> = Promise.resolve()
  /** Attempts without an answer, or with "not now". */
  unanswered = 0
  /** True: nothing new is sent for the time being. */
  paused = false
  /** Messages that have no positive answer yet. */
  waiting = 0

  constructor(box: Box, options: LoadOptions) {
    this.#box = box
    this.#options = options
  }

  /** Registers devices, wearers and a client with the running box, and starts sending. */
  async start(): Promise<void> {
    for (let patient = 0; patient < this.#options.patients; patient++) {
      const id = `watch-${patient}`
      const wearer = { authority: authorityUri, value: mrnOf(patient) }
      this.#devices.push(await this.#box.carryOut<Device>({ do: 'device.add', id, format: null, test: false }))
      await this.#box.carryOut({ do: 'device.assign', id, ...wearer, from: 0 })
    }
    const client = await this.#box.carryOut<{ token: string }>({ do: 'client.add', name: 'load', scopes: ['*'] })
    this.#token = client.token
    const ways = this.#options.ways ?? allWays
    const patients = this.#devices.map((_, patient) => patient)
    this.#done = Promise.all(ways.flatMap(way => patients.map(patient => this.#run(way, patient))))
  }

  /** Sends nothing new; resolves when everything that was sent is answered. The box must run. */
  async stop(): Promise<void> {
    this.#open = false
    await this.#done
    for (const watch of this.#watches.values()) await watch[Symbol.asyncDispose]()
  }

  /** Like stop, but what has no answer is not sent again; for a box that is gone. */
  abandon(): Promise<void> {
    this.#abandoned = true
    return this.stop()
  }

  async #run(way: Way, patient: number): Promise<void> {
    const { patients, reversed = false } = this.#options
    for (let turn = 0; this.#open; turn++) {
      while (this.paused && this.#open) await pause(20)
      if (!this.#open) return
      this.waiting += 1
      const n = patient + patients * (reversed ? turn ^ 1 : turn)
      const sent = performance.now()
      let attempts = 1
      while (!(await this.#send(way, patient, n).catch(() => false))) {
        if (this.#abandoned) return
        attempts += 1
        this.unanswered += 1
        await pause(30)
      }
      this.waiting -= 1
      this.diary.push({ way, patient, n, sent, answered: performance.now(), attempts })
      await pause(this.#options.everyMs * (0.5 + this.#options.random()))
    }
  }

  /** True for a positive answer. */
  async #send(way: Way, patient: number, n: number): Promise<boolean> {
    if (!this.#box.isRunning) return false
    const { listen } = this.#box
    const words = 'word '.repeat(this.#options.words ?? 0)
    if (way === 'mllp') {
      const message = oru(mrnOf(patient), `L${n}`, n, ...(words ? [`NTE|1|L|${words}`] : []))
      return (await mllp(listen.mllp, message))?.code === 'AA'
    }
    if (way === 'mqtt') {
      const more = words ? { user_notes: words } : {}
      return isTaken(await this.#publish(listen.mqtt, patient, heartRate(n, 60 + (n % 40), 'beats/min', more)))
    }
    const body = { ...temperature(mrnOf(patient), `T${n}`, n), ...(words ? { note: [{ text: words }] } : {}) }
    return (await fhir(listen.fhir, this.#token, body, { key: `key-${n}` })).status === 202
  }

  /** One connection a device, opened again when it is gone. */
  async #publish(address: string, patient: number, payload: string): Promise<Puback | null> {
    const known = this.#watches.get(patient)
    const watch = known?.client.connected
      ? known
      : await Watch.connect(address, this.#devices[patient]!, patient % 2 === 0 ? 5 : 4)
    this.#watches.set(patient, watch)
    return watch.publish(payload)
  }
}

function isTaken(answer: Puback | null): boolean {
  return answer !== null && answer.reason < 0x80
}

/** LOINC code → way in. */
export const wayOf: ReadonlyMap<string, Way> = new Map(allWays.map(way => [codes[way], way]))
