import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generated } from '../../../scripts/gen-config.ts'
import { ConfigError, loadConfig, loadDemoConfig } from '../../../src/config/load.ts'
import { bytes, duration, isLoopback } from '../../../src/config/values.ts'
import { loadProfiles } from '../../../src/directory/profiles.ts'

const dir = mkdtempSync(join(tmpdir(), 'cg-config-'))
const minimal = `
gateway: { id: gw-01, tenant: north, topicPrefix: north }
uplinks: [{ type: file, name: cloud }]
`

function load(text: string, overrides: string[] = []) {
  const file = join(dir, 'gateway.yaml')
  writeFileSync(file, text)
  return loadConfig(file, overrides)
}

function mistakes(text: string, overrides: string[] = []): string[] {
  try {
    load(text, overrides)
    return []
  } catch (error) {
    return (error as ConfigError).lines().map(line => line.slice(dir.length + 1))
  }
}

describe('configuration', () => {
  test('the shipped sample is what the table of settings says, and loads to exactly the defaults', () => {
    for (const [file, text] of Object.entries(generated())) expect(readFileSync(file, 'utf8'), file).toBe(text)
    const sample = load(readFileSync('config/gateway.yaml', 'utf8'))
    const defaults = load(
      `${minimal.replace('gw-01, tenant: north,', 'gw-01, tenant: north-clinic,')}sources: { mllp: {}, mqtt: {}, fhir: {} }`,
    )
    expect(sample).toEqual(defaults)
  })

  test('three mistakes are all named, with their lines and the nearest key', () => {
    const text = `
gateway: { id: gw-01, tennant: x, tenant: north, topicPrefix: north }
data:
  budget: 10GB
sources:
  mllp:
    prot: 2575
uplinks: [{ type: file, name: cloud }]
`
    expect(mistakes(text)).toEqual([
      'gateway.yaml:2 gateway.tennant unknown; did you mean tenant?',
      'gateway.yaml:4 data.budget expected a size such as 256KiB, 10MiB or 2GiB',
      'gateway.yaml:7 sources.mllp.prot unknown; did you mean port?',
    ])
  })

  test('a value is never quoted in a mistake', () => {
    expect(mistakes(`${minimal}admin: { port: s3cret }`).join()).not.toContain('s3cret')
  })

  test('overrides win, and are checked like the file', () => {
    expect(load(minimal, ['sources.mllp.port=0', 'data.budget=1GiB']).sources.mllp?.port).toBe(0)
    expect(mistakes(minimal, ['sources.mllp.port=none'])).toEqual([
      expect.stringContaining('sources.mllp.port expected a port'),
    ])
  })

  test('paths are relative to the file', () => {
    expect(load(minimal).data.dir).toBe(join(dir, 'data'))
  })

  test('an alias bomb, a tag, broken YAML and a huge file are refused', () => {
    expect(mistakes(`a: &a [1]\nb: *a\n${minimal}`)).not.toEqual([])
    expect(mistakes('gateway: [')).toEqual([expect.stringContaining('not valid YAML')])
    expect(mistakes(`# ${'x'.repeat(1 << 20)}\n${minimal}`)).toEqual([expect.stringContaining('larger than 1 MiB')])
  })

  test('no uplink, two of one name, an unknown type', () => {
    expect(mistakes('gateway: { id: a, tenant: b, topicPrefix: c }')).toEqual([
      expect.stringContaining('uplinks at least one'),
    ])
    expect(mistakes(`${minimal.replace('}]', '}, { type: file, name: cloud }]')}`)).toEqual([
      expect.stringContaining('same name'),
    ])
    expect(mistakes(minimal.replace('type: file', 'type: ftp'))).toContainEqual(
      expect.stringContaining('uplinks[0].type expected file or kafka'),
    )
  })

  test('the demo keeps to loopback', () => {
    const demo = `${minimal}privacy: { mode: demo }\n`
    expect(mistakes(`${demo}sources: { mllp: { host: 0.0.0.0 } }`)).toEqual([
      expect.stringContaining('keeps to loopback'),
    ])
    expect(isLoopback('127.0.0.9')).toBe(true)
    expect(isLoopback('10.0.0.1')).toBe(false)
  })

  test('run --demo --config FILE takes keys, id and tenant of the demo and everything else of FILE', () => {
    const demo = join(dir, 'demo.yaml')
    writeFileSync(demo, `${minimal}privacy: { mode: demo, keys: ./box }`)
    const file = join(dir, 'other.yaml')
    writeFileSync(
      file,
      'uplinks: [{ type: file, name: other }]\nsources: { mqtt: { port: 0 } }\ngateway: { topicPrefix: mine }',
    )
    const config = loadDemoConfig(demo, file, [])
    expect(config.gateway).toEqual({ id: 'gw-01', tenant: 'north', topicPrefix: 'mine' })
    expect(config.privacy).toMatchObject({ mode: 'demo', keys: join(dir, 'box') })
    expect(config.uplinks[0]?.name).toBe('other')
  })

  test('sizes and durations', () => {
    expect(bytes('256KiB')).toEqual({ ok: 262_144 })
    expect(bytes('1.5MiB')).toHaveProperty('expected')
    expect(duration('10m')).toEqual({ ok: 600_000 })
    expect(duration(10)).toHaveProperty('expected')
  })
})

describe('sender profiles', () => {
  test('the shipped sample loads; a missing zone and a wrong range are named', () => {
    expect(loadProfiles('config/senders')[0]).toMatchObject({ name: 'ehr', zone: 'Europe/Vienna', adt: 'snapshot' })
    const folder = mkdtempSync(join(tmpdir(), 'cg-senders-'))
    writeFileSync(join(folder, 'lab.yaml'), 'addresses: [10.0.0.0/99]\n')
    expect(() => loadProfiles(folder)).toThrow(ConfigError)
    try {
      loadProfiles(folder)
    } catch (error) {
      expect((error as ConfigError).lines().map(line => line.slice(folder.length))).toEqual([
        '/lab.yaml:1 addresses expected a list, each an address or CIDR range such as 10.1.2.0/24',
        '/lab.yaml:1 zone is required',
      ])
    }
  })
})

describe('who a sender profile is for', () => {
  const findings = (yaml: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'cg-senders-'))
    writeFileSync(join(folder, 'lab.yaml'), `zone: UTC\n${yaml}`)
    try {
      loadProfiles(folder, ['mllp', 'lab'])
      return []
    } catch (error) {
      return (error as ConfigError).mistakes.map(({ at, text }) => `${at} ${text}`)
    }
  }
  const pin = `sha256/${'Ab+/'.repeat(10)}AbQ=`

  test.each<[string, string, unknown[]]>([
    ['addresses', 'addresses: [10.0.0.7]', []],
    ['certificates', `certificates: ["${pin}", "DNS:lab.example", "URI:urn:a", "IP:fd00::7", "email:a@b"]`, []],
    ['a listener beside them', 'addresses: [10.0.0.7]\nlistener: lab', []],
    ['nobody', '', ['addresses is required, or certificates']],
    ['a listener alone, to which anybody can come', 'listener: lab', ['addresses is required, or certificates']],
    ['no certificate at all', 'certificates: []', ['addresses is required, or certificates']],
    [
      'a listener that is none',
      'addresses: [10.0.0.7]\nlistener: east',
      ['listener is not a listener of sources.mllp'],
    ],
    ...['lab.example', 'CN=lab', 'sha256/short', 'IP:lab', 'DNS:a b', 'dns:lab'].map(
      (wrong): [string, string, unknown[]] => [
        `a certificate of "${wrong}"`,
        `certificates: ["${wrong}"]`,
        [expect.stringMatching(/^certificates expected a list, each sha256/)],
      ],
    ),
  ])('%s', (_, yaml, expected) => {
    expect(findings(yaml)).toEqual(expected)
  })
})

describe('where MLLP is listened for', () => {
  const mllp = (rest: string, mode = 'production') =>
    `${minimal}privacy: { mode: ${mode} }\nsources: { mllp: { ${rest} } }`
  const findings = (rest: string, mode?: string) =>
    mistakes(mllp(rest, mode)).map(line => line.replace(/^gateway\.yaml(:\d+)? sources\.mllp\./, ''))
  const tls = 'tls: { cert: a.pem, key: a.key }'
  const more = (rest: string) => `listeners: [{ name: lab, port: 2576, ${rest} }]`
  const noTls = 'tls is required off loopback, or plaintext with a reason'

  test('paths are relative to the file; what is not given is not there', () => {
    const mtls = 'tls: { cert: a.pem, key: /etc/a.key, ca: ca.pem, clientCertificates: ask }'
    const { sources } = load(mllp(`host: 10.0.0.1, ${mtls}, ${more(tls)}`))
    expect(sources.mllp).toMatchObject({
      tls: { cert: join(dir, 'a.pem'), key: '/etc/a.key', ca: join(dir, 'ca.pem'), clientCertificates: 'ask' },
      listeners: [{ name: 'lab', host: '127.0.0.1', port: 2576, tls: { cert: join(dir, 'a.pem') } }],
    })
    expect(load(mllp('')).sources.mllp).toMatchObject({ listeners: [] })
    expect(load(mllp('')).sources.mllp).not.toHaveProperty('tls')
  })

  test.each<[string, string, unknown[]]>([
    ['off loopback without TLS', 'host: 0.0.0.0', [noTls]],
    ['off loopback without TLS, with a reason', 'host: 0.0.0.0, plaintext: "own wire to the analyser"', []],
    [
      'a blank reason',
      'host: 0.0.0.0, plaintext: " "',
      [expect.stringMatching(/^plaintext expected a text, not blank/)],
    ],
    ['off loopback with TLS', `host: "::", ${tls}`, []],
    ['a reason beside TLS', `${tls}, plaintext: x`, ['plaintext has no place beside tls']],
    ['TLS without a key', 'tls: { cert: a.pem }', ['tls.key is required']],
    [
      'certificates of nobody’s authority',
      'tls: { cert: a, key: b, clientCertificates: require }',
      ['tls.ca is required: who vouches for the certificates?'],
    ],
    [
      'an authority for nothing',
      'tls: { cert: a, key: b, ca: c, clientCertificates: none }',
      ['tls.ca is for client certificates, and none are wanted'],
    ],
    ['a further one in clear', more('host: 10.0.0.1'), [`listeners[0].${noTls}`]],
    ['a further one without a port', 'listeners: [{ name: lab }]', ['listeners[0].port is required']],
    [
      'a further one that is no group',
      'listeners: [lab]',
      [expect.stringMatching(/^listeners\[0\] expected a mapping/), expect.anything(), expect.anything()],
    ],
    ['no list', 'listeners: { name: lab }', ['listeners expected a list']],
    [
      'a name that is taken',
      'listeners: [{ name: mqtt, port: 0 }]',
      [expect.stringMatching(/^listeners two have the same name, or one is mllp/)],
    ],
    [
      'a name twice',
      'listeners: [{ name: lab, port: 0 }, { name: lab, port: 0 }]',
      [expect.stringMatching(/^listeners two have the same name/)],
    ],
  ])('%s', (_, rest, expected) => {
    expect(findings(rest)).toEqual(expected)
  })

  test('the demo keeps to loopback, with TLS too', () => {
    expect(findings(`host: 10.0.0.1, ${tls}`, 'demo')).toEqual(['host the demo keeps to loopback'])
    expect(findings(more(`host: 10.0.0.1, ${tls}`), 'demo')).toEqual(['listeners[0].host the demo keeps to loopback'])
  })

  test('the other ways in have no TLS yet, so they keep to loopback', () => {
    expect(mistakes(`${minimal}sources: { mqtt: { host: 0.0.0.0 }, fhir: { host: 0.0.0.0 } }`)).toEqual([
      expect.stringContaining('sources.mqtt.host only loopback'),
      expect.stringContaining('sources.fhir.host only loopback'),
    ])
  })
})

describe('how a Kafka uplink gets in', () => {
  /** The uplink's part of a configuration; `far`: its broker is not on this machine. */
  const uplink = (rest: string, broker = 'kafka.example:9092') => `
gateway: { id: gw-01, tenant: north, topicPrefix: north }
uplinks: [{ type: kafka, name: cloud, brokers: ['${broker}'], ${rest} }]
`
  const findings = (rest: string, broker?: string) =>
    mistakes(uplink(rest, broker)).map(line => line.replace(/^gateway\.yaml(:\d+)? uplinks\[0\]\./, ''))

  test('paths are relative to the file, and what is not given is not there', () => {
    const tls = 'tls: { ca: ./ca.pem, cert: /etc/box.pem, key: box.key, serverName: kafka }'
    const sasl = 'sasl: { mechanism: oauthbearer, tokenUrl: "https://idp.example/t", clientId: a, clientSecretFile: s }'
    const proxy = 'proxy: { url: "http://proxy.example:3128", username: u, passwordFile: p }'
    expect(load(uplink(`${tls}, ${sasl}, ${proxy}`)).uplinks[0]).toMatchObject({
      tls: { ca: join(dir, 'ca.pem'), cert: '/etc/box.pem', key: join(dir, 'box.key'), serverName: 'kafka' },
      sasl: { clientId: 'a', clientSecretFile: join(dir, 's') },
      proxy: { username: 'u', passwordFile: join(dir, 'p') },
    })
    expect(load(uplink('tls: {}')).uplinks[0]).toMatchObject({ tls: {} })
    expect(load(uplink('', '127.0.0.1:9092')).uplinks[0]).not.toHaveProperty('tls')
  })

  type Case = [string, string, unknown[]]
  const noTls = 'tls is required off loopback, or plaintext with a reason'
  const scram = (name: string) => `sasl: { mechanism: scram-sha-512, username: ${name}, passwordFile: p }`
  const bearer = (more: string, at = 'https://idp.example/t') =>
    `sasl: { mechanism: oauthbearer, tokenUrl: "${at}", clientId: a, clientSecretFile: b${more && `, ${more}`} }`

  test.each<Case>([
    ['no TLS off loopback', '', [noTls]],
    ['no TLS, with a reason', 'plaintext: "own wire in the same rack"', []],
    ['a reason beside TLS', 'tls: {}, plaintext: x', ['plaintext has no place beside tls']],
    [
      'a password in clear',
      'plaintext: x, sasl: { mechanism: plain, username: a, passwordFile: b }',
      ['sasl.mechanism would send the secret in clear: plain needs tls'],
    ],
    [
      'scram in clear, which does not show the password',
      'plaintext: x, sasl: { mechanism: scram-sha-512, username: a, passwordFile: b }',
      [],
    ],
    [
      'members of another mechanism, and missing ones, all at once',
      'tls: { cert: a }, sasl: { mechanism: scram-sha-256, clientId: a }',
      [
        'tls.key is required: certificate and key go together',
        'sasl.username is required with scram-sha-256',
        'sasl.passwordFile is required with scram-sha-256',
        'sasl.clientId has no place with scram-sha-256',
      ],
    ],
    [
      'a token endpoint in clear',
      'tls: {}, sasl: { mechanism: oauthbearer, tokenUrl: "http://idp.example/t", clientId: a, clientSecretFile: b }',
      ['sasl.tokenUrl would send the secret in clear: https off loopback'],
    ],
    [
      'a password in the address of the proxy',
      'tls: {}, proxy: { url: "http://me:s3cret@proxy.example:3128" }',
      ['proxy.url expected an address that begins with http://, without a login'],
    ],
    [
      'a name without a password',
      'tls: {}, proxy: { url: "http://proxy.example:3128", username: me }',
      ['proxy.passwordFile is required: name and password go together'],
    ],
    [
      'a secret where a file belongs',
      'tls: {}, sasl: { mechanism: plain, password: s3cret }',
      ['sasl.password unknown; did you mean passwordFile?'],
    ],
    ['no time for a request', 'tls: {}, requestTimeout: 0ms', ['requestTimeout expected a duration from 100ms to 10m']],
    ['all the time', 'tls: {}, connectionTimeout: 999d', ['connectionTimeout expected a duration from 100ms to 10m']],
    [
      'an address as serverName',
      'tls: { serverName: 10.0.0.1 }',
      ['tls.serverName expected a host name, not an address'],
    ],
    ['a blank reason', 'plaintext: " "', [expect.stringMatching(/^plaintext expected a text, not blank/)]],
    [
      'a line break in a name',
      `tls: {}, ${scram('"a\\nb"')}`,
      [expect.stringMatching(/^sasl.username expected a text/)],
    ],
    [
      'a line break in an address',
      'tls: {}, proxy: { url: "http://pro\\nxy.example:3128" }',
      [expect.stringMatching(/^proxy.url expected an/)],
    ],
    [
      'a token as extension',
      `tls: {}, ${bearer('extensions: { auth: x }')}`,
      ['sasl.extensions expected names of the form ^[A-Za-z]+$, other than auth'],
    ],
    [
      'an extension that ends it',
      `tls: {}, ${bearer('extensions: { a: "x\\u0001y" }')}`,
      [expect.stringMatching(/^sasl.extensions/)],
    ],
    ...['grant_type', 'client_id', 'client_secret', 'scope'].map(
      (name): Case => [
        `${name} as a parameter`,
        `tls: {}, ${bearer(`tokenParameters: { ${name}: x }`)}`,
        [expect.stringMatching(/^sasl.tokenParameters expected names .* other than grant_type, /)],
      ],
    ),
    [
      'a colon in the name for the proxy, where it ends the name',
      'tls: {}, proxy: { url: "http://proxy.example:3128", username: "a:b", passwordFile: p }',
      ['proxy.username expected a name without a colon'],
    ],
  ])('%s', (_, rest, expected) => {
    expect(findings(rest)).toEqual(expected)
  })

  test.each<Case>([
    ['brokers in clear', '', [noTls]],
    [
      'a password in clear',
      'plaintext: x, sasl: { mechanism: plain, username: a, passwordFile: b }',
      ['sasl.mechanism would send the secret in clear: plain needs tls'],
    ],
    [
      'a token endpoint in clear',
      `tls: {}, ${bearer('', 'http://localhost:8081/t')}`,
      ['sasl.tokenUrl would send the secret in clear: https off loopback'],
    ],
  ])('behind a far proxy localhost is not this machine: %s', (_, rest, expected) => {
    const proxy = (host: string) =>
      findings(`${rest ? `${rest}, ` : ''}proxy: { url: "http://${host}:3128" }`, 'localhost:9092')
    expect(proxy('proxy.example')).toEqual(expected)
    expect(proxy('127.0.0.1')).toEqual([])
  })

  test('a broker is host:port', () => {
    for (const wrong of ['kafka.example', '[fd00::1]', 'fd00::1:9092', '[kafka]:9092', 'kafka:0']) {
      expect(findings('tls: {}', wrong)).toEqual(['brokers expected a list, each host:port'])
    }
    expect(findings('tls: {}', '[fd00::1]:9092')).toEqual([])
    expect(findings('', '[::1]:9092')).toEqual([])
    expect(findings('', '[fd00::1]:9092')).toEqual(['tls is required off loopback, or plaintext with a reason'])
  })

  test('the demo keeps to loopback, also by way of a proxy or a token endpoint', () => {
    const demo = `${uplink('proxy: { url: "http://proxy.example:3128" }', '127.0.0.1:9092')}privacy: { mode: demo }\n`
    expect(mistakes(demo)).toContainEqual(expect.stringContaining('proxy.url the demo keeps to loopback'))
  })
})

describe('how uplinks are used', () => {
  const two = (first: string, second: string) => `
gateway: { id: gw-1, tenant: clinic, topicPrefix: clinic }
uplinks:
  - { type: file, name: a${first} }
  - { type: file, name: b${second} }
`
  const findings = (first: string, second: string) =>
    mistakes(two(first, second)).map(line => line.replace(/^gateway\.yaml(:\d+)? /, ''))

  test('each gets everything unless one stands by', () => {
    const [a, b] = load(
      two('', ', mode: standby, switchAfter: 10m, mirrorLag: 5m, catchUp: order, bandwidth: 64KiB'),
    ).uplinks
    expect(a).toMatchObject({ mode: 'both', catchUp: 'newest', mirrorLag: 900_000 })
    expect(a).not.toHaveProperty('switchAfter')
    expect(b).toMatchObject({ mode: 'standby', switchAfter: 600_000, mirrorLag: 300_000, bandwidth: 65_536 })
  })

  test.each([
    ['the first cannot stand by', ', mode: standby', '', ['uplinks[0].mode the first one']],
    [
      'a time to switch without standing by',
      '',
      ', switchAfter: 10m',
      ['uplinks[1].switchAfter only with mode: standby'],
    ],
    ['a lag that nobody remembers', '', ', mode: standby, mirrorLag: 2h', ['uplinks[1].mirrorLag at most 1h']],
    ['no bandwidth at all', ', bandwidth: 0', '', ['uplinks[0].bandwidth at least 1KiB']],
  ])('%s', (_, first, second, expected) => {
    expect(findings(first, second)).toEqual(expected.map(text => expect.stringContaining(text)))
  })
})
