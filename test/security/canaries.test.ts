/**
 * No direct identifier leaves in clear, and none is readable on the disk, in logs, metrics or errors (promise 3): planted
 * names and numbers go in by all three ways, in good, refused, held, malformed and half messages, and are looked for
 * everywhere afterwards. The reader then finds them, so they were really in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box } from '../e2e/box.ts'
import { authority, authorityUri, codes, heartRate, msh, segments, temperature, timeOf } from '../e2e/messages.ts'
import { openOutput } from '../e2e/opened.ts'
import { type Ack, fhir, frame, mllp, mllpHangUp, Watch } from '../e2e/senders.ts'
import { disguises, filesBelow, sightings } from './finder.ts'

/** Invented; none of them is a word of the gateway or of FHIR. */
const canary = {
  family: 'Zwölfpfennig',
  given: 'Quirinalda',
  maiden: 'Xanthippowitz',
  mrn: 'MRN8841902',
  visit: 'VISIT-5520187',
  ssn: '078-05-1120',
  phone: '5550142377',
  mail: 'quirinalda@zwoelf.example',
  street: 'Katzenellenbogengasse',
  city: 'Wolkenkuckucksheim',
  zip: '99731-4482',
  born: '19370411',
  bornDashed: '1937-04-11',
  contact: 'Bartholomaeusine',
  contactPhone: '5550199246',
  doctor: 'Rumpelfeuer',
  doctorId: 'NPI7719043',
  note: 'Schwippschwager',
  order: 'ORDER-66120934',
  accession: 'ACC-70913345',
  serial: 'SN-4F7A-9931',
  device: 'wristband-kq77',
  posted: 'reading-id-300418',
  narrative: 'Krambambulikrug',
  comment: 'Donaudampfer',
  userNote: 'Hinterzimmergeist',
} as const
const canaries = Object.values(canary)

const pid = (identifier = `${canary.mrn}^^^NORTH&${authority}&ISO^MR~${canary.ssn}^^^SSA^SS`) =>
  [
    'PID|1|',
    identifier,
    '',
    `${canary.family}^${canary.given}`,
    canary.maiden,
    canary.born,
    'F||',
    `${canary.street} 7^^${canary.city}^W^${canary.zip}^AT`,
    '',
    `^PRN^PH^^43^1^${canary.phone}~^NET^Internet^${canary.mail}`,
  ].join('|')
const pv1 = `PV1|1|I|WARD3^12^A^NORTH||||${canary.doctorId}^${canary.doctor}^Ife|||MED|||||||||${canary.visit}^^^NORTH^VN`
const nk1 = `NK1|1|${canary.contact}^Ida|SPO||^PRN^PH^^43^1^${canary.contactPhone}`
const adt = (id: string, who = pid()) =>
  segments(msh('ADT^A01^ADT_A01', id), 'EVN|A01|20261101070000+0000', who, nk1, pv1)
const oru = (id: string, who = pid()) =>
  segments(
    msh('ORU^R01^ORU_R01', id),
    who,
    `OBR|1|${canary.order}^EHR|${canary.accession}^LAB|${codes.mllp}^Glucose^LN|||20261001000100+0000||||||||||${canary.doctorId}^${canary.doctor}||||||||F`,
    `OBX|1|ST|${codes.mllp}^Glucose^LN||${canary.note} ${canary.phone}||||||F|||20261001000100+0000||||${canary.serial}`,
    `NTE|1|L|${canary.note}: ${canary.family}, ${canary.phone}`,
    `ZZZ|1|${canary.comment}|${canary.mail}`,
  )

const observation = (n: number) => ({
  ...temperature(canary.mrn, canary.posted, n),
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${canary.narrative}</div>` },
  subject: {
    type: 'Patient',
    identifier: { system: authorityUri, value: canary.mrn },
    display: `${canary.given} ${canary.family}`,
  },
  note: [{ text: `${canary.comment} ${canary.mail}` }],
})
const patient = {
  resourceType: 'Patient',
  identifier: [{ system: authorityUri, value: canary.mrn }],
  name: [{ family: canary.family, given: [canary.given] }],
  birthDate: canary.bornDashed,
  telecom: [{ system: 'email', value: canary.mail }],
  address: [{ line: [canary.street], city: canary.city, postalCode: canary.zip }],
  contact: [{ name: { family: canary.contact }, telecom: [{ system: 'phone', value: canary.contactPhone }] }],
}

/** The answer but its MSH and MSA-2, which repeat the header of the message to its own sender, byte by byte (HL7 §2.9.2). */
function withoutEcho(answer: string): string {
  const [, ...lines] = answer.split('\r')
  return lines.map(line => line.replace(/^(MSA\|\w\w\|)[^|]*/, '$1')).join('\r')
}

/** The operator has to see which device to assign; the list names it, from its sealed label. */
function withoutDevice(text: string): string {
  return text.replaceAll(canary.device, '')
}

const userNote = { user_notes: `${canary.userNote} ${canary.phone}` }

describe('the finder', () => {
  const dir = mkdtempSync(join(tmpdir(), 'clinic-gateway-finder-'))
  afterAll(() => rmSync(dir, { recursive: true }))

  test('finds a canary in each disguise, between other bytes', () => {
    for (const [as, bytes] of disguises(canary.family)) {
      writeFileSync(join(dir, 'file'), Buffer.concat([Buffer.from('xx\u0000"'), bytes, Buffer.from('"yy')]))
      const [[where, content]] = filesBelow(dir) as [[string, Buffer]]
      expect(sightings(canaries, content, where).map(one => one.as)).toContain(as)
    }
  })

  test('finds it inside any base64, wherever it stands, and in capitals', () => {
    for (let before = 0; before < 6; before++) {
      const text = `${'p'.repeat(before)}${canary.mrn}tail`
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        expect(
          sightings(canaries, Buffer.from(Buffer.from(text).toString(encoding)), ''),
          `${encoding} ${before}`,
        ).not.toEqual([])
      }
    }
    expect(sightings(canaries, Buffer.from(canary.given.toUpperCase()), '')).not.toEqual([])
  })
})

describe('canaries', () => {
  let box: Box
  /** What the senders and the people at the box saw. */
  const seen: [string, string][] = []

  beforeAll(async () => {
    box = await Box.run()
    await plant(box)
    await box.drained()
    for (const path of ['/livez', '/readyz', '/metrics', '/status', `/${canary.family}`]) {
      seen.push([path, await (await box.admin(path)).text()])
    }
    const rows = await box.cliJson<{ no: number }[]>('held', 'list')
    expect(rows.length).toBeGreaterThanOrEqual(3)
    for (const argv of [['held', 'list'], ['held', 'list', '--json'], ['codes'], ['status'], ['status', '--json']]) {
      const { out, err } = await box.cli(...argv)
      seen.push([argv.join(' '), withoutDevice(out + err)])
    }
    for (const { no } of rows) {
      seen.push([`held show ${no}`, withoutDevice((await box.cli('held', 'show', String(no))).out)])
    }
  })
  afterAll(() => box?.[Symbol.asyncDispose]())

  test('none is in the data folder, the keys, or what went out, while it runs', () => {
    expect(inFiles()).toEqual([])
  })

  test('none is in an answer, a log line, the metrics, the status, or what a command prints', () => {
    expect(seen.length).toBeGreaterThan(30)
    expect(seen.flatMap(([where, text]) => sightings(canaries, Buffer.from(text), where))).toEqual([])
    expect(sightings(canaries, Buffer.from(box.log), 'log')).toEqual([])
  })

  test('the reader finds them: they were in it, sealed', async () => {
    const { resources, counters } = await openOutput(box)
    const all = JSON.stringify(resources)
    for (const name of [
      'family',
      'given',
      'mrn',
      'phone',
      'mail',
      'street',
      'city',
      'zip',
      'bornDashed',
      'doctor',
      'note',
    ] as const) {
      expect(all, name).toContain(canary[name])
    }
    expect(counters.failedTokens).toBe(0)
  })

  test('none is left after a kill and a stop, and the log of the next start has none', async () => {
    await box.kill()
    expect(inFiles()).toEqual([])
    await box.start()
    expect(await box.term()).toBe(0)
    expect(inFiles()).toEqual([])
    expect(sightings(canaries, Buffer.from(box.log), 'log')).toEqual([])
  })

  function inFiles() {
    return filesBelow(box.folder)
      .filter(([path]) => !path.endsWith('/ballast'))
      .flatMap(([path, bytes]) => sightings(canaries, bytes, path))
  }

  async function plant(box: Box): Promise<void> {
    const { listen } = box
    const { id } = await box.cliJson<{ id: string; secret: string }>('devices', 'add', 'unworn')
    expect(id).toBe('unworn')
    await plantMllp(listen.mllp)
    await plantMqtt(listen.mqtt)
    await plantFhir(listen.fhir)
  }

  async function plantMllp(address: string): Promise<void> {
    const say = async (what: string, message: string): Promise<Ack | null> => {
      const answer = await mllp(address, message)
      seen.push([`MLLP ${what}`, Buffer.from(withoutEcho(answer?.text ?? ''), 'latin1').toString()])
      return answer
    }
    expect(await say('ADT', adt('C1'))).toMatchObject({ code: 'AA' })
    expect(await say('ORU', oru('C2'))).toMatchObject({ code: 'AA' })
    expect(await say('held', adt('C3', pid('')).replace(canary.visit, ''))).toMatchObject({ code: 'AA' })
    expect(
      await say('unknown type', adt('C4').replace('ADT^A01^ADT_A01', `${canary.family}^${canary.note}`)),
    ).toMatchObject({ code: 'AR' })
    await say('no MSH-10', adt(''))
    await say('names instead of numbers', oru('C5').replaceAll('20261001000100+0000', canary.family))
    await say('a value type that is a name', oru('C6').replace('|ST|', `|${canary.given}|`))
    await say('a charset that is a name', adt('C7').replace('UNICODE UTF-8', canary.family))
    await say('a version that is a name', adt('C8').replace('|2.5.1|', `|${canary.family}|`))
    await say('an event that is a name', adt('C9').replace('EVN|A01', `EVN|${canary.family}`))
    await say('a segment that is a name', adt('C10').replace('NK1|', `${canary.given}|`))
    await say('bytes that do not decode', adt('C11').replace(canary.city, `${canary.city}\\XFF\\`))
    await say('no HL7', `${canary.family} ${canary.phone}`)
    await mllpHangUp(address, Buffer.from(`${canary.family} ${canary.mrn}`))
    await mllpHangUp(address, frame(adt('C12')).subarray(0, -30))
  }

  async function plantMqtt(address: string): Promise<void> {
    for (const version of [4, 5] as const) {
      await using watch = await Watch.connect(address, box.secret('demo-watch'), version)
      const say = async (what: string, payload: string, topic?: string) => {
        const answer = await watch.publish(payload, 'omh', topic)
        seen.push([`MQTT ${version} ${what}`, `${answer?.text ?? ''} ${watch.said.join(' ')}`])
      }
      await say('good', heartRate(100 + version, 61, 'beats/min', userNote))
      await say('a unit that is a name', heartRate(1, 61, canary.family, userNote))
      await say('a number that is a name', heartRate(1, canary.given, 'beats/min', userNote))
      await say('a member that is a name', heartRate(1, 61, 'beats/min', { [canary.family]: canary.mrn }))
      await say('broken', heartRate(1, 61, 'beats/min', userNote).slice(0, -9))
      await say('a date that is a name', heartRate(1).replaceAll(timeOf(1), canary.family))
      if (version === 5) await say('a foreign topic', heartRate(1), `trackers/${canary.device}/omh`)
    }
    const stranger = { id: canary.device, secret: canary.ssn }
    seen.push([
      'MQTT stranger',
      await Watch.connect(address, stranger, 5).then(
        () => '',
        error => String(error.message),
      ),
    ])
    const unworn = await box.cliJson<{ id: string; secret: string }>('devices', 'add', canary.device)
    await using watch = await Watch.connect(address, unworn, 5)
    expect(await watch.publish(heartRate(140, 61, 'beats/min', userNote))).toMatchObject({ reason: 0 })
  }

  async function plantFhir(address: string): Promise<void> {
    const { token } = box.secret('demo-http')
    const say = async (what: string, body: string | object, path = '/Observation', key = '') => {
      const answer = await fhir(address, token, body, { path, key })
      seen.push([`FHIR ${what}`, answer.text])
      return answer.status
    }
    expect(await say('Patient', patient, '/Patient')).toBe(202)
    expect(await say('Observation', observation(200), '/Observation', canary.serial)).toBe(202)
    const nowhere = { ...observation(201), subject: { reference: `Patient/${canary.mrn}` } }
    expect(await say('held', nowhere)).toBe(202)
    await say('the same key again', observation(202), '/Observation', canary.serial)
    await say('a code that is a name', { ...observation(203), status: canary.family })
    await say('a member that is a name', { ...observation(204), [canary.family]: canary.mrn })
    await say('broken', JSON.stringify(observation(205)).slice(0, -9))
    await say('a type that is a name', { ...patient, resourceType: canary.family }, '/Patient')
    await say('an address that is a name', patient, `/${canary.family}`)
    await say('a unit that is a name', {
      ...observation(206),
      valueQuantity: { value: 1, unit: canary.family, code: canary.given },
    })
    const wrongToken = await fhir(address, `demo-http.${canary.mrn}`, observation(207))
    seen.push(['FHIR wrong token', wrongToken.text])
  }
})
