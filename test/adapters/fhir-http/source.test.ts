import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { capabilities } from '../../../adapters/fhir-http/release.ts'
import { fhirSource } from '../../../adapters/fhir-http/source.ts'
import { machine } from '../../../src/environment.ts'
import { check } from '../../../src/fhir/check.ts'
import { limits } from '../../../src/limits.ts'
import { silent } from '../../../src/log.ts'
import type { Directory, Intake, Source } from '../../../src/ports.ts'
import type { Arrival, Code, FhirResource, Verdict } from '../../../src/records.ts'
import { patient } from '../../src/fhir/cases.ts'

const fhirJson = 'application/fhir+json'
const token = 'lab.s3cret'
const maxBody = 20_000

/** An intake that keeps everything, answers a repeated Idempotency-Key as the engine does, and can be told otherwise. */
class FakeIntake implements Intake {
  readonly arrivals: Arrival[] = []
  readonly refusals: Code[] = []
  readonly #seen = new Map<string, { content: string; receipt: string }>()
  answer: ((arrival: Arrival) => Verdict | Promise<Verdict>) | null = null

  async take(arrival: Arrival): Promise<Verdict> {
    this.arrivals.push(arrival)
    if (this.answer) return this.answer(arrival)
    const receipt = `r${this.arrivals.length}`
    if (arrival.messageId === null) return { kind: 'kept', issues: [], receipt }
    const content = Buffer.from(arrival.bytes).toString()
    const first = this.#seen.get(arrival.messageId)
    if (first?.content === content) return { kind: 'same', as: 'kept', receipt: first.receipt }
    if (first) return { kind: 'never', issues: [{ code: 'E_IDEMPOTENCY', at: 'Idempotency-Key' }] }
    this.#seen.set(arrival.messageId, { content, receipt })
    return { kind: 'kept', issues: [], receipt }
  }

  directory(): Directory {
    const clients = [
      { name: 'lab', tokenMac: '', scopes: ['*'] },
      { name: 'ward', tokenMac: '', scopes: ['Observation'] },
    ]
    return {
      revision: 1,
      anySender: null,
      senders: [],
      devices: new Map(),
      clients: new Map(clients.map(client => [client.name, client])),
    }
  }

  authenticate(kind: 'device' | 'client', id: string, secret: string): boolean {
    return kind === 'client' && ['lab', 'ward'].includes(id) && secret === 's3cret'
  }

  refused(_source: string, code: Code): void {
    this.refusals.push(code)
  }
}

let intake: FakeIntake
let source: Source
let address: string

beforeEach(async () => {
  intake = new FakeIntake()
  source = fhirSource({ host: '127.0.0.1', port: 0, maxBody }, { intake, environment: machine, log: silent })
  address = await source.start()
})

afterEach(() => source.stop())

type Options = Readonly<{
  path?: string
  method?: string
  body?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
}>

async function send({ path = '/fhir/Patient', method = 'POST', body, headers = {} }: Options = {}) {
  const response = await fetch(`http://${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': fhirJson, ...headers },
    ...(method === 'POST' || method === 'PUT' ? { body: body ?? JSON.stringify(patient) } : {}),
  })
  const text = await response.text()
  const json = text === '' ? null : JSON.parse(text)
  if (json) expect(check(json as FhirResource).filter(issue => issue.code !== 'E_TYPE')).toEqual([])
  return { response, status: response.status, json, text }
}

describe('a positive answer', () => {
  it('is 202 with a receipt and an outcome, without Location and without an id', async () => {
    const { response, status, json, text } = await send()
    expect(status).toBe(202)
    expect(response.headers.get('receipt')).toBe('r1')
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('content-type')).toBe(`${fhirJson}; charset=utf-8`)
    expect(json).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'information' }] })
    expect(text).not.toMatch(/p1-|12345|Müller/)
  })

  it('follows an arrival with the bytes as they came', async () => {
    const body = `\n ${JSON.stringify(patient)}`
    await send({ body, headers: { 'idempotency-key': 'b5d0ff6f', 'if-none-exist': 'identifier=urn:x|1' } })
    const { bytes, receivedAt, ...rest } = intake.arrivals[0]!
    expect(Buffer.from(bytes).toString()).toBe(body)
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
    expect(receivedAt).toBeGreaterThan(0)
    expect(rest).toEqual({
      source: 'fhir',
      sender: 'lab',
      format: 'fhir',
      messageId: 'b5d0ff6f',
      mode: 'live',
      clockTrusted: true,
      meta: { interaction: 'create', type: 'Patient', ifNoneExist: 'identifier=urn:x|1' },
    })
  })

  it('is the same for a held message, which it says', async () => {
    intake.answer = () => ({
      kind: 'held',
      issues: [{ code: 'E_NO_PATIENT', at: 'Patient.identifier' }],
      receipt: 'r9',
    })
    const { response, status, json } = await send()
    expect([status, response.headers.get('receipt')]).toEqual([202, 'r9'])
    expect(json.issue[1]).toMatchObject({ severity: 'warning', expression: ['Patient.identifier'] })
  })

  it('is given to a transaction as one arrival', async () => {
    expect((await send({ path: '/fhir', body: '{}' })).status).toBe(202)
    expect((await send({ path: '/fhir/', body: '{}' })).status).toBe(202)
    expect(intake.arrivals.map(arrival => arrival.meta)).toEqual([
      { interaction: 'transaction' },
      { interaction: 'transaction' },
    ])
  })

  it('is the first one again for a repeated Idempotency-Key; other content is refused', async () => {
    const headers = { 'idempotency-key': '"8e03978e-40d5-43dd-bc93-6894a57f9324"' }
    const first = await send({ headers })
    const again = await send({ headers })
    const other = await send({ headers, body: '{}' })
    expect(first.response.headers.get('receipt')).toBe('r1')
    expect([again.status, again.response.headers.get('receipt')]).toEqual([202, 'r1'])
    expect(other.status).toBe(422)
    expect(intake.arrivals[0]!.messageId).toBe('8e03978e-40d5-43dd-bc93-6894a57f9324')
  })
})

describe('a negative answer', () => {
  const statuses: readonly [Code, number, string | null][] = [
    ['E_JSON', 400, null],
    ['E_JSON_DEPTH', 400, null],
    ['E_FHIR_INVALID', 422, null],
    ['E_TYPE', 422, null],
    ['E_BUNDLE', 422, null],
    ['E_SCOPE', 403, null],
    ['E_RECORD_TOO_LARGE', 413, null],
  ]
  it.each(statuses)('%s is %i', async (code, status) => {
    intake.answer = () => ({ kind: 'never', issues: [{ code, at: 'Patient.name[0].?' }] })
    const answer = await send()
    expect(answer.status).toBe(status)
    expect(answer.response.headers.get('receipt')).toBeNull()
    expect(answer.json.issue[0]).toMatchObject({ severity: 'error', diagnostics: `${code} at Patient.name[0].?` })
  })

  it.each<[Code, string]>([
    ['E_FULL', '60'],
    ['E_BUSY', '1'],
    ['E_STOPPING', '10'],
  ])('%s is 503, to come again after %s s', async (code, seconds) => {
    intake.answer = () => ({ kind: 'later', code })
    const { status, response } = await send()
    expect([status, response.headers.get('retry-after')]).toEqual([503, seconds])
  })
})

describe('what only the wire can judge', () => {
  it.each<[string, Record<string, string>]>([
    ['no token', { authorization: '' }],
    ['a wrong secret', { authorization: 'Bearer lab.wrong' }],
    ['an unknown client', { authorization: 'Bearer nobody.s3cret' }],
    ['another scheme', { authorization: `Basic ${btoa('lab:s3cret')}` }],
  ])('%s is 401, and the body is not taken', async (_, headers) => {
    const { status, response } = await send({ headers })
    expect([status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(intake.arrivals).toEqual([])
    expect(intake.refusals).toEqual(['E_TOKEN'])
  })

  it('a type outside the scopes is 403', async () => {
    const headers = { authorization: 'Bearer ward.s3cret' }
    expect((await send({ headers })).status).toBe(403)
    expect((await send({ headers, path: '/fhir/Observation' })).status).toBe(202)
  })

  it.each<[string, Record<string, string>]>([
    ['XML', { 'content-type': 'application/fhir+xml' }],
    ['no media type', { 'content-type': '' }],
    ['another charset', { 'content-type': `${fhirJson}; charset=iso-8859-1` }],
    ['FHIR 5', { 'content-type': `${fhirJson}; fhirVersion=5.0` }],
  ])('%s is 415', async (_, headers) => {
    expect((await send({ headers })).status).toBe(415)
    expect(intake.arrivals).toEqual([])
  })

  it('plain JSON with a charset is taken', async () => {
    expect((await send({ headers: { 'content-type': 'application/json; charset=UTF-8' } })).status).toBe(202)
  })

  it('compressed content is 415, whatever is in it', async () => {
    const body = new Uint8Array(gzipSync(Buffer.alloc(1_000_000)))
    expect((await send({ body, headers: { 'content-encoding': 'gzip' } })).status).toBe(415)
  })

  it('a body beyond maxBody is 413, with a length or without', async () => {
    const body = 'x'.repeat(maxBody + 1)
    expect((await send({ body })).status).toBe(413)
    const chunked = await raw(
      `POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${fhirJson}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    )
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /)
    expect(intake.arrivals).toEqual([])
  })

  it.each([
    ['GET', '/'],
    ['GET', '/fhir/Anna'],
    ['POST', '/fhir/Anna'],
    ['POST', '/fhir/Patient/1/2'],
    ['GET', '/fhir/Patient/../../../etc/passwd'],
    ['GET', '/fhir/%2e%2e/%00'],
    ['GET', '/fhir/%zz'],
  ])('%s %s is 404', async (method, path) => {
    expect((await send({ method, path })).status).toBe(404)
  })

  it.each([
    ['GET', '/fhir/Patient', 'POST'],
    ['PUT', '/fhir/Patient', 'POST'],
    ['DELETE', '/fhir/Patient?identifier=x', 'POST'],
    ['GET', '/fhir', 'POST'],
    ['POST', '/fhir/metadata', 'GET'],
  ])('%s %s is 405', async (method, path, allowed) => {
    const { status, response } = await send({ method, path })
    expect([status, response.headers.get('allow')]).toEqual([405, allowed])
  })

  it.each(['//[x', '//fhir/metadata', '/[', 'http://[x/fhir', '*'])(
    'a target like %s is 404 and no failure of ours',
    async target => {
      const failures: string[] = []
      const log = { ...silent, error: (message: string) => void failures.push(message) }
      const second = fhirSource({ host: '127.0.0.1', port: 0, maxBody }, { intake, environment: machine, log })
      const where = await second.start()
      expect(await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, where)).toMatch(
        /^HTTP\/1\.1 40[04] /,
      )
      expect(failures).toEqual([])
      await second.stop()
    },
  )

  it('an Idempotency-Key of other letters is 422', async () => {
    expect((await send({ headers: { 'idempotency-key': 'Anna Müller'.replace('ü', 'u') } })).status).toBe(422)
  })

  it('no answer repeats what came', async () => {
    const { text } = await send({ path: '/fhir/Anna?name=Anna', headers: { 'idempotency-key': 'Anna Anna' } })
    expect(text).not.toContain('Anna')
  })
})

describe('GET /fhir/metadata', () => {
  it('needs no token and lists what is taken', async () => {
    const { status, json } = await send({ method: 'GET', path: '/fhir/metadata', headers: { authorization: '' } })
    expect(status).toBe(200)
    expect(json).toEqual(capabilities)
  })
})

describe('the listener', () => {
  it('names a busy port', async () => {
    const port = Number(address.split(':').at(-1))
    const second = fhirSource({ host: '127.0.0.1', port, maxBody }, { intake, environment: machine, log: silent })
    await expect(second.start()).rejects.toThrow(/E_PORT_BUSY.*sources\.fhir/)
  })

  it('refuses headers beyond its limit', async () => {
    const answer = await raw(`GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*"OperationOutcome"/)
    expect(intake.refusals).toEqual(['E_HTTP'])
  })

  it('hangs up on headers that do not come to an end', async () => {
    const answer = await raw('POST /fhir/Patient HTTP/1.1\r\nHost: x\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  }, 30_000)

  it('does not wait for ever for a request that stalls while it stops', async () => {
    const impatient = { ...machine, after: (_ms: number, then: () => void) => machine.after(100, then) }
    const second = fhirSource({ host: '127.0.0.1', port: 0, maxBody }, { intake, environment: impatient, log: silent })
    const stalled = raw(upload(maxBody), await second.start())
    await new Promise(resolve => machine.after(100, () => resolve(null)))
    await second.stop()
    expect(await stalled).toBe('')
  })

  it('takes in only so many bytes at a time', async () => {
    const big = Math.floor(limits.httpBodyBytes * 0.6)
    const second = fhirSource(
      { host: '127.0.0.1', port: 0, maxBody: big },
      { intake, environment: machine, log: silent },
    )
    const where = await second.start()
    const first = connectTo(where, upload(big))
    await vi.waitFor(async () =>
      expect(await raw(upload(big), where)).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1/i),
    )
    first.destroy()
    // What the first one had announced is free again: the next one is listened to.
    await vi.waitFor(async () => {
      const next = connectTo(where, upload(big))
      await new Promise(resolve => machine.after(100, () => resolve(null)))
      next.destroy()
      expect(next.bytesRead).toBe(0)
    })
    await second.stop()
  })

  it('answers what is in flight when it stops, then refuses', async () => {
    let decide: (verdict: Verdict) => void = () => {}
    const waiting = new Promise<void>(arrived => {
      intake.answer = () => {
        arrived()
        return new Promise<Verdict>(resolve => {
          decide = resolve
        })
      }
    })
    const inFlight = send()
    await waiting
    const stopped = source.stop()
    decide({ kind: 'kept', issues: [], receipt: 'last' })
    expect((await inFlight).response.headers.get('receipt')).toBe('last')
    await stopped
    await expect(send()).rejects.toThrow()
  })
})

/** The head of a request that announces a body and does not send it. */
function upload(bytes: number): string {
  return `POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${fhirJson}\r\nContent-Length: ${bytes}\r\n\r\n`
}

function connectTo(where: string, bytes: string): Socket {
  const [host, port] = where.split(':')
  const socket = connect(Number(port), host, () => socket.write(bytes))
  return socket.on('error', () => socket.destroy())
}

/** Sends bytes, and gives back what is answered until the peer hangs up. */
function raw(bytes: string, where = address): Promise<string> {
  return new Promise(resolve => {
    let answer = ''
    const socket = connectTo(where, bytes)
    socket.on('data', data => {
      answer += data
    })
    socket.on('close', () => resolve(answer))
  })
}
