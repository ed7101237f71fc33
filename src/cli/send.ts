/** `send`: gives one file to the running gateway as a sender would, and shows the answer. For trying out and for tests. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { GatewayError } from '../errors.ts'
import { demoFolder, locateConfig, readArguments, readInput, word } from './arguments.ts'
import { runningStatus } from './box.ts'
import { type Io, printed } from './io.ts'

export const help = `clinic-gateway send FILE --to mllp|mqtt|fhir

Sends one file to the running gateway and prints its answer. Exit code 0: it is theirs and on disk; 1: refused or no answer.
MQTT: --device FILE with {"id","secret"} (default ${demoFolder}/secrets/demo-watch.json), --format omh|fhir (default omh).
FHIR: --token FILE with {"token"} (default ${demoFolder}/secrets/demo-http.json).

  clinic-gateway send examples/adt-a01.hl7 --to mllp
  clinic-gateway send examples/heart-rate.json --to mqtt
  clinic-gateway send examples/observation.json --to fhir
`

const answerWithinMs = 15_000

export async function send(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    to: { type: 'string' },
    device: { type: 'string' },
    format: { type: 'string' },
    token: { type: 'string' },
  })
  if (values.help) return printed(io, help)
  const bytes = readInput(word(positionals, 0, 'FILE'))
  const to = values.to
  if (to !== 'mllp' && to !== 'mqtt' && to !== 'fhir') throw new GatewayError('E_USAGE', '--to', 'mllp, mqtt or fhir')
  const { listen } = await runningStatus(locateConfig(values))
  const address = listen[to]
  if (!address) throw new GatewayError('E_NOT_RUNNING', `sources.${to}`)
  if (to === 'mllp') return sendMllp(bytes, address, io)
  if (to === 'mqtt')
    return sendMqtt(bytes, address, readSecret(values.device ?? 'demo-watch.json'), values.format ?? 'omh', io)
  return sendFhir(bytes, address, readSecret(values.token ?? 'demo-http.json').token ?? '', io)
}

/** A file of secrets: by path, or by name in the demo's folder. */
function readSecret(file: string): { id?: string; secret?: string; token?: string } {
  const path = file.includes('/') ? file : join(demoFolder, 'secrets', file)
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new GatewayError('E_USAGE', path, 'no such file of secrets')
  }
}

/** Line ends become the segment ends of HL7 (CR), so that a file edited by hand works. */
function sendMllp(bytes: Buffer, address: string, io: Io): Promise<number> {
  const text = bytes.toString('latin1').replace(/\r\n|\n/g, '\r')
  const frame = Buffer.from(`\x0b${text}\x1c\r`, 'latin1')
  const { host, port } = split(address)
  return new Promise(resolve => {
    let answer = ''
    const socket = connect(port, host, () => socket.write(frame))
    socket.setTimeout(answerWithinMs, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
      if (answer.includes('\x1c')) socket.end()
    })
    socket.on('close', () => {
      const plain = Buffer.from(answer.replace(/[\x0b\x1c]/g, '').trim(), 'latin1').toString()
      io.out(plain === '' ? 'no answer: the connection was closed\n' : `${plain.replaceAll('\r', '\n')}\n`)
      resolve(/\rMSA\|(AA|CA)/.test(answer) ? 0 : 1)
    })
  })
}

type Puback = { reasonCode?: number; properties?: { reasonString?: string } }

async function sendMqtt(
  bytes: Buffer,
  address: string,
  device: { id?: string; secret?: string },
  format: string,
  io: Io,
): Promise<number> {
  const { id = '', secret = '' } = device
  const { host, port } = split(address)
  const options = {
    clientId: id,
    username: id,
    password: secret,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: answerWithinMs,
  } as const
  try {
    const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, options)
    const topic = `trackers/${id}/${format}`
    let puback: Puback = { reasonCode: 0x80 }
    client.on('packetreceive', packet => {
      if (packet.cmd === 'puback') puback = packet as Puback
    })
    // a negative PUBACK rejects; what it says is in the packet
    await client.publishAsync(topic, bytes, { qos: 1 }).catch(() => {})
    await client.endAsync()
    const { reasonCode = 0, properties } = puback
    const why = properties?.reasonString ? ` ${properties.reasonString}` : ''
    io.out(`PUBACK 0x${reasonCode.toString(16).padStart(2, '0')} ${topic}${why}\n`)
    return reasonCode < 0x80 ? 0 : 1
  } catch (error) {
    const code = (error as { code?: number | string }).code
    io.out(`refused${typeof code === 'number' ? ` 0x${code.toString(16)}` : ''}\n`)
    return 1
  }
}

async function sendFhir(bytes: Buffer, address: string, token: string, io: Io): Promise<number> {
  const type = /"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(bytes.toString())?.[1] ?? 'Bundle'
  const response = await fetch(`http://${address}/fhir${type === 'Bundle' ? '' : `/${type}`}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
    body: new Uint8Array(bytes),
    signal: AbortSignal.timeout(answerWithinMs),
  })
  const receipt = response.headers.get('receipt')
  io.out(`HTTP ${response.status}${receipt ? `\nReceipt: ${receipt}` : ''}\n${await response.text()}\n`)
  return response.ok ? 0 : 1
}

function split(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
}
