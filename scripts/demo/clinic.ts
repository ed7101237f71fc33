/**
 * A small clinic that plays for a while: an EHR and a lab over MLLP, six trackers over MQTT 3.1.1 and 5, an app over HTTP.
 * Each sender waits for its answer before it sends the next message, tries again until the answer is positive, and keeps
 * a diary: what was sent, whether it was answered, in which order for each patient.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import mqtt from 'mqtt'

export type Patient = Readonly<{
  mrn: string
  family: string
  given: string
  street: string
  phone: string
  born: string
}>

/** One thing that a sender said: about whom, what (LOINC) and when (its own time, unique for patient and code). */
export type Entry = Readonly<{ way: 'HL7' | 'MQTT' | 'FHIR'; mrn: string; code: string; at: string }>

export const authority = '2.16.840.1.113883.19.5'

/** Invented people; their names and numbers are the canaries of the demo. */
export const patients: readonly Patient[] = [
  ['Brandstaetter', 'Aenne', 'Lindengasse', '19740512'],
  ['Okonkwo', 'Chidi', 'Marktgasse', '19620103'],
  ['Szymanska', 'Halina', 'Kirchweg', '19550829'],
  ['Thorvaldsen', 'Eirik', 'Uferstrasse', '19881117'],
  ['Papadimitriou', 'Eleni', 'Bahnhofplatz', '19990214'],
  ['Quispe', 'Wayra', 'Hochstrasse', '20110606'],
].map(([family, given, street, born], i) => ({
  mrn: `MRN-77310${i}`,
  family: family as string,
  given: given as string,
  street: `${street} ${i + 4}`,
  phone: `555017${i}`,
  born: born as string,
}))

/** What the clinic knows of the box it sends to. */
export type Box = Readonly<{
  mllp: string
  mqtt: string
  fhir: string
  token: string
  /** One per patient, worn by that patient. */
  devices: readonly Readonly<{ id: string; secret: string }>[]
}>

const started = Date.UTC(2026, 10, 24, 7)

export class Clinic {
  readonly #box: Box
  #open = true
  /** Everything that got a positive answer, in the order of the answers. */
  readonly diary: Entry[] = []
  sent = 0
  answered = 0
  retried = 0
  longestAnswerMs = 0

  constructor(box: Box) {
    this.#box = box
  }

  /** Plays until stop(); resolves when the last answer is in. */
  async play(): Promise<void> {
    await Promise.all([this.#ehr(), this.#lab(), ...this.#box.devices.map((_, i) => this.#tracker(i)), this.#app()])
  }

  stop(): void {
    this.#open = false
  }

  /** Admissions first, then corrections of addresses for as long as the clinic is open. */
  async #ehr(): Promise<void> {
    const line = new MllpLine(this.#box.mllp)
    for (let n = 0; this.#open || n < patients.length; n++) {
      const patient = patients[n % patients.length] as Patient
      const event = n < patients.length ? 'A01' : 'A08'
      await this.#until(() => line.send(adt(patient, event, n)))
      await pause(n < patients.length ? 20 : 700)
    }
    line.close()
  }

  async #lab(): Promise<void> {
    const line = new MllpLine(this.#box.mllp)
    for (let n = 0; this.#open; n++) {
      const patient = patients[n % patients.length] as Patient
      const at = time(n)
      await this.#until(() => line.send(oru(patient, n, at)))
      this.diary.push({ way: 'HL7', mrn: patient.mrn, code: '2345-7', at })
      await pause(120)
    }
    line.close()
  }

  async #tracker(i: number): Promise<void> {
    const { id, secret } = this.#box.devices[i] as Box['devices'][number]
    const patient = patients[i] as Patient
    const version = i % 2 === 0 ? 5 : 4
    const client = await mqtt.connectAsync(`mqtt://${this.#box.mqtt}`, {
      clientId: id,
      username: id,
      password: secret,
      protocolVersion: version,
      reconnectPeriod: 200,
    })
    for (let n = 0; this.#open; n++) {
      const at = time(n * 2 + i)
      const payload = JSON.stringify(i % 3 === 2 ? bloodPressure(n, at) : heartRate(n, at))
      await this.#until(() =>
        client.publishAsync(`trackers/${id}/omh`, payload, { qos: 1 }).then(
          () => true,
          () => false,
        ),
      )
      this.diary.push({ way: 'MQTT', mrn: patient.mrn, code: i % 3 === 2 ? '85354-9' : '8867-4', at })
      await pause(300)
    }
    await client.endAsync()
  }

  async #app(): Promise<void> {
    for (let n = 0; this.#open; n++) {
      const patient = patients[(n * 5) % patients.length] as Patient
      const at = time(n)
      await this.#until(async () => {
        const response = await fetch(`http://${this.#box.fhir}/fhir/Observation`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${this.#box.token}`,
            'content-type': 'application/fhir+json',
            'idempotency-key': `demo-${n}`,
          },
          body: JSON.stringify(temperature(patient, n, at)),
        }).catch(() => null)
        await response?.arrayBuffer()
        return response?.status === 202
      })
      this.diary.push({ way: 'FHIR', mrn: patient.mrn, code: '8310-5', at })
      await pause(500)
    }
  }

  /** Sends until the answer is positive, as a real sender does. */
  async #until(send: () => Promise<boolean>): Promise<void> {
    this.sent += 1
    for (let tries = 0; ; tries++) {
      const since = performance.now()
      if (await send()) {
        this.answered += 1
        this.retried += tries
        this.longestAnswerMs = Math.max(this.longestAnswerMs, performance.now() - since)
        return
      }
      await pause(200)
    }
  }
}

/** One MLLP connection that is opened again when it breaks. One message at a time. */
class MllpLine {
  readonly #host: string
  readonly #port: number
  #socket: Socket | null = null

  constructor(address: string) {
    const at = address.lastIndexOf(':')
    this.#host = address.slice(0, at)
    this.#port = Number(address.slice(at + 1))
  }

  /** True for AA. */
  send(message: string): Promise<boolean> {
    const socket = this.#socket ?? connect(this.#port, this.#host)
    this.#socket = socket
    return new Promise(resolve => {
      let text = ''
      const done = (accepted: boolean) => {
        socket.removeAllListeners()
        socket.on('error', () => {})
        if (!accepted) this.close()
        resolve(accepted)
      }
      socket.on('data', chunk => {
        text += chunk.toString('latin1')
        if (text.endsWith('\x1c\r')) done(text.includes('\rMSA|AA|'))
      })
      socket.on('error', () => done(false))
      socket.on('close', () => done(false))
      socket.write(`\x0b${message}\x1c\r`)
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
  }
}

/** The n-th second of the clinic's day. */
export function time(n: number): string {
  return new Date(started + n * 1000).toISOString().replace('.000Z', 'Z')
}

function hl7Time(at: string): string {
  return `${at.replace(/[-:TZ]/g, '')}+0000`
}

function header(app: string, type: string, id: string): string {
  return `MSH|^~\\&|${app}|NORTH|GATEWAY|NORTH|20261124070000+0000||${type}|${id}|P|2.5.1|||||AUT|UNICODE UTF-8`
}

export function adt(patient: Patient, event: string, n: number): string {
  const pid = [
    'PID|1',
    '',
    `${patient.mrn}^^^NORTH&${authority}&ISO^MR`,
    '',
    `${patient.family}^${patient.given}`,
    '',
    patient.born,
    'U',
    '',
    '',
    `${patient.street}^^Wien^W^1070^AT`,
    '',
    `^PRN^PH^^43^1^${patient.phone}`,
  ].join('|')
  return `${[header('EHR', `ADT^${event}^ADT_A01`, `E${n}`), `EVN|${event}|20261124070000+0000`, pid].join('\r')}\r`
}

export function oru(patient: Patient, n: number, at: string): string {
  const pid = `PID|1||${patient.mrn}^^^NORTH&${authority}&ISO^MR||${patient.family}^${patient.given}`
  const obr = `OBR|1|ORD-${n}|ACC-${n}^LAB|2345-7^Glucose^LN|||${hl7Time(at)}||||||||||||||||||F`
  const obx = `OBX|1|NM|2345-7^Glucose^LN||${80 + (n % 60)}|mg/dL^mg/dL^UCUM|70-99|N|||F|||${hl7Time(at)}`
  return `${[header('LAB', 'ORU^R01^ORU_R01', `L${n}`), pid, obr, obx].join('\r')}\r`
}

function omh(name: string, version: string, body: object) {
  const schema = { namespace: 'omh', name, version }
  return { header: { id: crypto.randomUUID(), creation_date_time: '2026-11-24T07:00:00Z', schema_id: schema }, body }
}

export function heartRate(n: number, at: string) {
  const heart_rate = { value: 60 + (n % 40), unit: 'beats/min' }
  return omh('heart-rate', '1.1', { heart_rate, effective_time_frame: { date_time: at } })
}

export function bloodPressure(n: number, at: string) {
  return omh('blood-pressure', '2.0', {
    systolic_blood_pressure: { value: 110 + (n % 30), unit: 'mmHg' },
    diastolic_blood_pressure: { value: 70 + (n % 15), unit: 'mmHg' },
    effective_time_frame: { date_time: at },
  })
}

export function temperature(patient: Patient, n: number, at: string) {
  const category = { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }
  return {
    resourceType: 'Observation',
    identifier: [{ system: 'https://telehealth.clinic-gateway.dev/reading', value: `t-${n}` }],
    status: 'final',
    category: [{ coding: [category] }],
    code: { coding: [{ system: 'http://loinc.org', code: '8310-5' }] },
    subject: { type: 'Patient', identifier: { system: `urn:oid:${authority}`, value: patient.mrn } },
    effectiveDateTime: at,
    valueQuantity: { value: 36 + (n % 20) / 10, unit: '°C', system: 'http://unitsofmeasure.org', code: 'Cel' },
  }
}
