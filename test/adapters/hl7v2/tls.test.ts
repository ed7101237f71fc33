/** The MLLP wire over TLS: who gets in, who does not and why, and certificates that change under running connections. */
import { execFileSync, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { readCredentials, shown } from '../../../adapters/hl7v2/certificates.ts'
import { mllpSource } from '../../../adapters/hl7v2/source.ts'
import type { TlsSettings } from '../../../adapters/hl7v2/tls.ts'
import { type Environment, machine } from '../../../src/environment.ts'
import type { Fields, Log } from '../../../src/log.ts'
import type { SenderProfile } from '../../../src/ports.ts'
import { type Certificate, makeAuthority, opensslMissing, type Wish } from '../../net/certificates.ts'
import { randomFrom } from '../../random.ts'
import { Clock, directoryOf, FakeIntake, frame, gate, kept, oru, profile, Sender, settings, until } from './wire.ts'

const missing = opensslMissing()
const clinic = missing ? null! : makeAuthority('Clinic')
const other = missing ? null! : makeAuthority('Other')
const made = new Map<string, Certificate>()

/** A certificate of `authority`, made once. */
function issued(name: string, wish: Wish = {}, authority = clinic): Certificate {
  const certificate = made.get(name) ?? authority.issue(name, wish)
  made.set(name, certificate)
  return certificate
}

const ours = (): TlsSettings => ({ cert: issued('gateway').cert, key: issued('gateway').key, ca: clinic.ca })
const pinOf = ({ cert }: Certificate) => shown(new X509Certificate(readFileSync(cert))).pin
const showing = ({ cert, key }: Certificate): ConnectionOptions => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
})
const lab = () => issued('lab', { names: 'DNS:lab.clinic.example,URI:urn:lab:1,IP:10.0.0.7,IP:fd00::7' })
const labOnly: SenderProfile = { ...profile, addresses: [], certificates: ['DNS:lab.clinic.example'] }

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** A TLS client of `port`; resolves when it is secure on its side, rejects when it was refused before. */
async function dial(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const ca = readFileSync(clinic.ca)
  const socket = tlsConnect({ port, host: '127.0.0.1', ca, ...options })
  open.push(socket)
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

function plainDial(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  open.push(socket)
  return socket
}

type Parts = Readonly<{ intake?: FakeIntake; environment?: Environment; log?: Log; maxConnections?: number }>

/** A running TLS listener; `await using` stops it. */
async function serve(tls: TlsSettings, parts: Parts = {}) {
  const logged: Fields[] = []
  const note = (message: string, fields: Fields = {}) => void logged.push({ message, ...fields })
  const { intake = new FakeIntake(() => kept, directoryOf(labOnly)), environment = machine } = parts
  const log = { info() {}, warn: note, error: note }
  const maxConnections = parts.maxConnections ?? 200
  const source = mllpSource({ ...settings, maxConnections, tls }, { intake, environment, log })
  const address = await source.start()
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  return { source, intake, logged, port, [Symbol.asyncDispose]: () => source.stop() }
}

/** Sends one message as the laboratory and hears its answer: the listener lives. */
async function isWell(port: number, heard = 'AA WELL'): Promise<void> {
  using sender = Sender.on(await dial(port, showing(lab())))
  await sender.send(frame(oru('WELL')))
  await sender.hear(1)
  expect(sender.heard).toEqual([heard])
}

describe.skipIf(missing)(`MLLP over TLS${missing ? ` (${missing})` : ''}`, () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s: answers in order, also to a sender that hangs up first',
    async version => {
      await using gateway = await serve(ours())
      using sender = Sender.on(
        await dial(gateway.port, { ...showing(lab()), minVersion: version, maxVersion: version }),
      )
      await sender.send(Buffer.concat(['A', 'B', 'C'].map(id => frame(oru(id)))))
      await sender.hear(3)
      sender.socket.end(Buffer.concat(['D', 'E'].map(id => frame(oru(id)))))
      await sender.closed
      expect(sender.heard).toEqual(['AA A', 'AA B', 'AA C', 'AA D', 'AA E'])
      expect(gateway.intake.ids).toEqual(['A', 'B', 'C', 'D', 'E'])
      expect(gateway.intake.refusals).toEqual([])
    },
  )

  it('a message that comes with the end of the handshake, and its goodbye, is answered', async () => {
    await using gateway = await serve(ours())
    const socket = tlsConnect({
      ...{ port: gateway.port, host: '127.0.0.1', ca: readFileSync(clinic.ca) },
      ...showing(lab()),
    })
    open.push(socket)
    using sender = Sender.on(socket)
    socket.end(frame(oru('A', 'x'.repeat(200_000))))
    await sender.closed
    expect(sender.heard).toEqual(['AA A'])
  })

  it('holds a sender back while its message is on its way, and takes all it sent in the end', async () => {
    const verdict = gate()
    const intake = new FakeIntake(async () => {
      await verdict.opened
      return kept
    }, directoryOf(labOnly))
    await using gateway = await serve(ours(), { intake })
    using sender = Sender.on(await dial(gateway.port, showing(lab())))
    const names = Array.from({ length: 1000 }, (_, i) => `M${i}`)
    const sent = sender.send(Buffer.concat(names.map(id => frame(oru(id, 'x'.repeat(20_000))))))
    await until(() => intake.arrivals.length > 0)
    expect(await Promise.race([sent, new Promise(resolve => setTimeout(resolve, 200, 'held back'))])).toBe('held back')
    expect(intake.ids).toEqual(['M0'])
    verdict.open()
    await sender.hear(1000)
    expect(sender.heard).toEqual(names.map(id => `AA ${id}`))
    expect(intake.mostInFlight).toBe(1)
  })

  it('stopping answers what is on its way and leaves no half handshake behind', async () => {
    const gateway = await serve(ours())
    const half = plainDial(gateway.port)
    await new Promise(resolve => half.once('connect', resolve))
    using sender = Sender.on(await dial(gateway.port, showing(lab())))
    await sender.send(frame(oru('A')))
    await until(() => gateway.intake.arrivals.length === 1)
    await gateway.source.stop()
    await sender.closed
    expect(sender.heard).toEqual(['AA A'])
  })
})

describe.skipIf(missing)('who does not get in: counted by name, logged once, and the listener lives', () => {
  const cases: readonly [string, string, () => ConnectionOptions][] = [
    ['no certificate', 'E_CERTIFICATE_MISSING', () => ({})],
    ['one that ran out', 'E_CERTIFICATE_EXPIRED', () => showing(issued('old', { expired: true }))],
    ['one that is not valid yet', 'E_CERTIFICATE_EARLY', () => showing(issued('early', { early: true }))],
    ['one of another authority', 'E_CERTIFICATE_UNTRUSTED', () => showing(issued('foreign', {}, other))],
    [
      'one that is for servers only',
      'E_CERTIFICATE_UNTRUSTED',
      () => showing(issued('server', { usage: 'serverAuth' })),
    ],
  ]
  const both = cases.flatMap(one =>
    (['TLSv1.2', 'TLSv1.3'] as const).map(version => [one[0], one[1], version, one[2]] as const),
  )

  it.each(both)('%s: %s (%s)', async (_, code, version, options) => {
    await using gateway = await serve(ours())
    for (let i = 0; i < 2; i++) {
      using sender = Sender.on(await dial(gateway.port, { ...options(), minVersion: version, maxVersion: version }))
      await sender.send(frame(oru('A')))
      await sender.closed
      expect(sender.heard).toEqual([])
    }
    expect(gateway.intake.refusals).toEqual([code, code])
    expect(gateway.intake.arrivals).toEqual([])
    expect(gateway.logged).toEqual([
      expect.objectContaining({ message: 'refused on the wire', listener: 'mllp', address: '127.0.0.1', code }),
    ])
    await isWell(gateway.port)
  })

  it('TLS 1.1', async () => {
    await using gateway = await serve(ours())
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(dial(gateway.port, old)).rejects.toThrow()
    await until(() => gateway.intake.refusals.length > 0)
    expect(gateway.intake.refusals).toEqual(['E_TLS_VERSION'])
    await isWell(gateway.port)
  })

  it.each([
    ['MLLP without TLS', frame(oru('A'))],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s', async (_, bytes) => {
    await using gateway = await serve(ours())
    using sender = Sender.on(plainDial(gateway.port))
    await sender.send(bytes)
    await sender.closed
    expect(gateway.intake.refusals).toEqual(['E_TLS_PLAINTEXT'])
    expect(gateway.intake.arrivals).toEqual([])
    await isWell(gateway.port)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['one that resets', socket => socket.resetAndDestroy()],
    ['one that hangs up', socket => socket.end()],
    ['one that breaks off its hello', socket => socket.end(Buffer.from('1603010200010001fc03', 'hex'))],
  ])('%s', async (_, act) => {
    await using gateway = await serve(ours())
    const socket = plainDial(gateway.port)
    await new Promise(resolve => socket.once('connect', resolve))
    act(socket)
    await until(() => gateway.intake.refusals.length > 0)
    expect(gateway.intake.refusals).toEqual(['E_TLS_HANDSHAKE'])
    await isWell(gateway.port)
  })

  it('lives through 200 mutants of a hello, each counted once', async () => {
    await using gateway = await serve(ours())
    const hello = await recordedHello()
    const random = randomFrom(20)
    for (let i = 0; i < 200; i++) {
      const mutant = Buffer.from(hello.subarray(0, Math.ceil(random() * hello.length)))
      for (let n = 0; n < 4; n++) mutant[Math.floor(random() * mutant.length)] = Math.floor(random() * 256)
      const socket = plainDial(gateway.port)
      socket.on('data', () => socket.destroy())
      socket.end(mutant)
    }
    await until(() => gateway.intake.refusals.length >= 200)
    await isWell(gateway.port)
    expect(gateway.intake.refusals).toHaveLength(200)
    expect(gateway.intake.refusals.filter(code => !code.startsWith('E_TLS_'))).toEqual([])
  })

  it('one that says nothing has ten seconds', async () => {
    const clock = new Clock()
    await using gateway = await serve(ours(), { environment: clock })
    const socket = plainDial(gateway.port)
    await new Promise(resolve => socket.once('connect', resolve))
    await isWell(gateway.port)
    clock.advance(9999)
    expect(gateway.intake.refusals).toEqual([])
    clock.advance(1)
    await new Promise(resolve => socket.once('close', resolve))
    expect(gateway.intake.refusals).toEqual(['E_TLS_HANDSHAKE'])
  })

  it('one that does not trust our certificate and says so', async () => {
    await using gateway = await serve(ours())
    const { status } = await sClient(gateway.port, ['-CAfile', other.ca, '-verify_return_error', '-tls1_3'])
    expect(status).not.toBe(0)
    expect(gateway.intake.refusals).toEqual(['E_TLS_DISTRUSTED'])
    await isWell(gateway.port)
  })

  it('half handshakes of one address cannot shut out another', async () => {
    await using gateway = await serve(ours(), { maxConnections: 3 })
    const half: Socket[] = []
    for (let i = 0; i < 3; i++) {
      const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress: '127.0.0.9' }).on('error', () => {})
      open.push(socket)
      await new Promise(resolve => socket.once('connect', resolve))
      half.push(socket)
    }
    await isWell(gateway.port)
    expect(gateway.intake.refusals).toEqual(['E_BUSY'])
  })
})

describe.skipIf(missing)('who a certificate says it is', () => {
  it.each<[string, () => Partial<SenderProfile>]>([
    ['the pin of its key', () => ({ certificates: [pinOf(lab())] })],
    ['a host name', () => ({ certificates: ['DNS:lab.clinic.example'] })],
    ['a URI', () => ({ certificates: ['URI:urn:lab:1'] })],
    ['an IPv4 address', () => ({ certificates: ['IP:10.0.0.7'] })],
    ['an IPv6 address', () => ({ certificates: ['IP:fd00:0::7'] })],
    ['certificate and address', () => ({ certificates: [pinOf(lab())], addresses: ['127.0.0.1'] })],
  ])('%s', async (_, more) => {
    const intake = new FakeIntake(() => kept, directoryOf({ ...labOnly, ...more() }))
    await using gateway = await serve(ours(), { intake })
    await isWell(gateway.port)
    expect(intake.arrivals[0]?.sender).toBe('lab-east')
  })

  it('a good certificate that no profile names is an unknown sender, whatever its address; the log has its pin', async () => {
    const intake = new FakeIntake(() => kept, directoryOf(profile, { ...labOnly, certificates: ['DNS:other'] }))
    await using gateway = await serve(ours(), { intake })
    await isWell(gateway.port, 'AR WELL')
    expect(intake.refusals).toEqual(['E_SENDER'])
    expect(gateway.logged).toEqual([
      expect.objectContaining({ message: 'unknown sender', listener: 'mllp', certificate: pinOf(lab()) }),
    ])
  })

  it('names that need quoting name nobody, and cannot imitate another name', () => {
    const odd = issued('odd', { names: '@odd\n[odd]\nURI.1=urn:x, DNS:lab.clinic.example\nemail.1=a@b.example' })
    const { names } = shown(new X509Certificate(readFileSync(odd.cert)))
    expect(names.has('DNS:lab.clinic.example')).toBe(false)
    expect(names.has('email:a@b.example')).toBe(true)
  })

  it('clientCertificates: ask takes a sender without one by its address; one that is shown must be good', async () => {
    const intake = new FakeIntake(() => kept, directoryOf(profile, { ...labOnly, name: 'by-certificate' }))
    await using gateway = await serve({ ...ours(), clientCertificates: 'ask' }, { intake })
    using bare = Sender.on(await dial(gateway.port))
    await bare.send(frame(oru('A')))
    await bare.hear(1)
    await isWell(gateway.port)
    using foreign = Sender.on(await dial(gateway.port, showing(issued('foreign', {}, other))))
    await foreign.closed
    expect(intake.arrivals.map(({ sender }) => sender)).toEqual(['lab-east', 'by-certificate'])
    expect(intake.refusals).toEqual(['E_CERTIFICATE_UNTRUSTED'])
  })

  it('clientCertificates: none asks for none, and one that is shown all the same counts for nothing', async () => {
    const intake = new FakeIntake(() => kept, directoryOf(profile))
    const { ca, ...tls } = ours()
    await using gateway = await serve(tls, { intake })
    await isWell(gateway.port)
    expect(intake.arrivals[0]?.sender).toBe('lab-east')
  })

  it('a profile that is for one listener does not count at another', async () => {
    const intake = new FakeIntake(
      () => kept,
      directoryOf({ ...profile, name: 'front', listener: 'mllp' }, { ...labOnly, name: 'back', listener: 'east' }),
    )
    const two = { ...settings, listeners: [{ name: 'east', host: '127.0.0.1', port: 0, tls: ours() }] }
    const source = mllpSource(two, { intake, environment: machine, log: { info() {}, warn() {}, error() {} } })
    await source.start()
    const ports = source.listeners!().map(({ address }) => Number(address.split(':')[1]))
    using plain = await Sender.to(ports[0]!)
    await plain.send(frame(oru('A')))
    await plain.hear(1)
    await isWell(ports[1]!)
    expect(intake.arrivals.map(({ sender }) => sender)).toEqual(['front', 'back'])
    expect(source.listeners!()).toEqual([
      { name: 'mllp', address: `127.0.0.1:${ports[0]}`, until: null, plaintext: null },
      { name: 'east', address: `127.0.0.1:${ports[1]}`, until: expect.any(Number), plaintext: null },
    ])
    plain[Symbol.dispose]()
    await source.stop()
  })
})

describe.skipIf(missing)('what changes while connections are there', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s: no session is resumed, so nobody comes back by an old one',
    async version => {
      const intake = new FakeIntake(() => kept, directoryOf(labOnly))
      const tls = copyOf(ours())
      await using gateway = await serve(tls, { intake })
      const options = { ...showing(lab()), minVersion: version, maxVersion: version }
      const first = await dial(gateway.port, options)
      const sessions: Buffer[] = []
      first.on('session', session => sessions.push(session))
      using sender = Sender.on(first)
      await sender.send(frame(oru('A')))
      await sender.hear(1)
      const session = sessions.at(-1) ?? first.getSession()!
      const again = async (more: ConnectionOptions) => {
        const socket = await dial(gateway.port, { ...options, ...more, session })
        const resumed = socket.isSessionReused()
        using one = Sender.on(socket)
        await one.send(frame(oru('B')))
        await one.hear(1)
        return { resumed, heard: [...one.heard] }
      }
      expect(await again({})).toEqual({ resumed: false, heard: ['AA B'] })
      // without its key it is nobody, whatever session it remembers
      expect(await again({ cert: undefined, key: undefined })).toEqual({ resumed: false, heard: [] })
      // removed from the profiles
      intake.known = directoryOf()
      expect(await again({})).toEqual({ resumed: false, heard: ['AR B'] })
      // no longer of a trusted authority
      intake.known = directoryOf(labOnly)
      copyFileSync(other.ca, tls.ca!)
      gateway.source.renew!()()
      expect(await again({})).toEqual({ resumed: false, heard: [] })
      expect(intake.refusals).toEqual(['E_CERTIFICATE_MISSING', 'E_SENDER', 'E_CERTIFICATE_UNTRUSTED'])
    },
  )

  it('a new certificate is for new connections; running ones stay', async () => {
    const tls = copyOf(ours())
    await using gateway = await serve(tls)
    const before = await dial(gateway.port, showing(lab()))
    using sender = Sender.on(before)
    await sender.send(frame(oru('A')))
    await sender.hear(1)
    const renewed = issued('renewed', { days: 25 })
    copyFileSync(renewed.cert, tls.cert)
    copyFileSync(renewed.key, tls.key)
    gateway.source.renew!()()
    await sender.send(frame(oru('B')))
    await sender.hear(2)
    expect(sender.heard).toEqual(['AA A', 'AA B'])
    const after = await dial(gateway.port, showing(lab()))
    expect(before.getPeerX509Certificate()?.subject).toBe('CN=gateway')
    expect(after.getPeerX509Certificate()?.subject).toBe('CN=renewed')
    expect(gateway.source.listeners!()[0]?.until).toBe(readCredentials(tls, '').until)
    // an old TLS is refused by the new certificate too
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(dial(gateway.port, { ...old, ...showing(lab()) })).rejects.toThrow()
    await until(() => gateway.intake.refusals.length > 0)
    expect(gateway.intake.refusals).toEqual(['E_TLS_VERSION'])
  })

  it.each<[string, string, string, (tls: TlsSettings) => void]>([
    ['no certificate', 'cert', 'not a certificate in PEM', tls => writeFileSync(tls.cert, 'x')],
    ['a key of another one', 'key', 'of another certificate', tls => copyFileSync(lab().key, tls.key)],
    ['a key that others can read', 'key', 'readable by others', tls => chmodSync(tls.key, 0o640)],
    [
      'a locked key',
      'key',
      'not a key in PEM without a passphrase',
      tls => copyFileSync(issued('locked', { passphrase: 'x' }).key, tls.key),
    ],
    ['a key that is too short', '', 'OpenSSL does not take it; is a key too short?', weaken],
    ['an authority without a certificate', 'ca', 'not a certificate in PEM', tls => writeFileSync(tls.ca!, '')],
  ])('%s: refused by name, before anything was changed', async (_, at, detail, spoil) => {
    const tls = copyOf(ours())
    await using gateway = await serve(tls)
    spoil(tls)
    const refused = { code: 'E_CONFIG', at: `sources.mllp.tls${at && `.${at}`}`, detail }
    expect(() => gateway.source.renew!()).toThrow(expect.objectContaining(refused))
    await isWell(gateway.port)
    await expect(serve(tls)).rejects.toMatchObject(refused)
  })
})

function weaken({ cert, key }: TlsSettings): void {
  const made = ['-keyout', key, '-out', cert, '-subj', '/CN=weak']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:512', '-nodes', ...made], { stdio: 'pipe' })
}

/** The first bytes that a TLS client sends. */
async function recordedHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = tlsConnect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}

/** The files in a folder of their own, so that a test can change them. */
function copyOf({ cert, key, ca }: TlsSettings): TlsSettings {
  const dir = mkdtempSync(join(tmpdir(), 'mllp-tls-'))
  const copies = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem'), ca: join(dir, 'ca.pem') }
  copyFileSync(cert, copies.cert)
  copyFileSync(key, copies.key)
  copyFileSync(ca!, copies.ca)
  chmodSync(copies.key, 0o600)
  return copies
}

/** A client that sends alerts, as most do other than Node's. */
async function sClient(port: number, args: readonly string[]): Promise<{ status: number | null }> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args], { stdio: 'ignore' })
  const [status] = await once(child, 'close')
  return { status }
}
