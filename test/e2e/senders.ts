/** Senders of all three ways in. Each gives one message and returns the wire's answer, or null where none came. */
import { connect } from 'node:net'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

/** An acknowledgement: MSA-1, MSA-2, and the gateway's code and place from ERR. */
export type Ack = Readonly<{ code: string; id: string; error: string; at: string; text: string }>

export const frame = (message: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0x0b]), Buffer.from(message as string), Buffer.from([0x1c, 0x0d])])

/** Writes bytes to a fresh MLLP connection and waits for one answer, or for its end (null). */
export function mllpBytes(address: string, bytes: Uint8Array): Promise<Ack | null> {
  const [host, port] = split(address)
  return new Promise(resolve => {
    let text = ''
    const socket = connect({ host, port, noDelay: true }, () => socket.write(bytes))
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (text.endsWith('\x1c\r')) socket.destroy()
    })
    socket.on('close', () => resolve(text.endsWith('\x1c\r') ? ackOf(text) : null))
  })
}

/** One framed HL7 message. */
export function mllp(address: string, message: string): Promise<Ack | null> {
  return mllpBytes(address, frame(message))
}

/** Says half a thing and hangs up, so that there is nothing to answer. Resolves when the connection is gone. */
export function mllpHangUp(address: string, bytes: Uint8Array): Promise<void> {
  const [host, port] = split(address)
  return new Promise(resolve => {
    const socket = connect({ host, port }, () => socket.end(bytes))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
  })
}

/** Writes to a connection until the other side closes it; resolves with the bytes it took. */
export function mllpFlood(address: string, chunk: Uint8Array): Promise<number> {
  const [host, port] = split(address)
  return new Promise(resolve => {
    const socket = connect({ host, port }, () => socket.write('\x0b'))
    const flood = () => {
      while (socket.writable && socket.write(chunk));
    }
    socket.on('connect', flood)
    socket.on('drain', flood)
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => resolve(socket.bytesWritten))
    socket.resume()
  })
}

function ackOf(text: string): Ack {
  const lines = text.slice(1, -2).split('\r')
  const separator = text.charAt(4)
  const fields = (name: string) => lines.find(line => line.startsWith(name))?.split(separator) ?? []
  const [, code = '', id = ''] = fields('MSA')
  const [, , at = '', , , error = ''] = fields('ERR')
  return { code, id, error, at, text }
}

export type Version = 4 | 5

/** What became of a publish: its PUBACK's reason (3.1.1 has none: 0), or what the status topic said. */
export type Puback = Readonly<{ reason: number; text: string }>

/** A device that is connected. `said`: the words on its status topic. */
export class Watch {
  readonly client: MqttClient
  readonly said: string[] = []
  readonly id: string

  private constructor(id: string, client: MqttClient) {
    this.id = id
    this.client = client
    client.on('message', (_topic, payload) => this.said.push(payload.toString()))
    client.on('error', () => {})
    client.setMaxListeners(0)
  }

  /** Resolves when it is let in and listens to its status topic. Rejects with the CONNACK's code in `code`. */
  static connect(address: string, device: { id: string; secret: string }, version: Version): Promise<Watch> {
    const client = mqtt.connect(`mqtt://${address}`, login(device, version))
    return new Promise((resolve, reject) => {
      client.once('error', reject)
      client.once('close', () => reject(new Error('closed')))
      client.once('connect', () =>
        client.subscribe(`trackers/${device.id}/status`, error => {
          if (error) reject(error)
          else resolve(new Watch(device.id, client))
        }),
      )
    })
  }

  /** Publishes with QoS 1; null when the connection ended without an answer. */
  publish(payload: string, format = 'omh', topic = `trackers/${this.id}/${format}`): Promise<Puback | null> {
    const { client } = this
    return new Promise(resolve => {
      const ended = () => resolve(null)
      client.once('close', ended)
      client.publish(topic, payload, { qos: 1 }, (error, packet) => {
        client.off('close', ended)
        const failed = error as { code?: number } | null
        const properties = (packet as { properties?: { reasonString?: string } } | undefined)?.properties
        if (failed && failed.code === undefined) return resolve(null)
        resolve({ reason: failed?.code ?? 0, text: failed ? String(error!.message) : (properties?.reasonString ?? '') })
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.endAsync(true)
  }
}

function login({ id, secret }: { id: string; secret: string }, protocolVersion: Version): IClientOptions {
  return { clientId: id, username: id, password: secret, protocolVersion, reconnectPeriod: 0, connectTimeout: 5000 }
}

/** Connects, publishes one reading, leaves. */
export async function mqttOnce(
  address: string,
  device: { id: string; secret: string },
  payload: string,
  version: Version = 5,
  format = 'omh',
): Promise<Puback | null> {
  await using watch = await Watch.connect(address, device, version)
  return await watch.publish(payload, format)
}

export type HttpAnswer = Readonly<{ status: number; receipt: string | null; retryAfter: string | null; text: string }>

/** Posts to `/fhir/<path>`. Rejects when there is no answer. */
export async function fhir(
  address: string,
  token: string,
  body: string | object,
  { path = '/Observation', key = '' }: { path?: string; key?: string } = {},
): Promise<HttpAnswer> {
  const response = await fetch(`http://${address}/fhir${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      ...(key ? { 'idempotency-key': key } : {}),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const { headers, status } = response
  return {
    status,
    receipt: headers.get('receipt'),
    retryAfter: headers.get('retry-after'),
    text: await response.text(),
  }
}

function split(address: string): [string, number] {
  const at = address.lastIndexOf(':')
  return [address.slice(0, at), Number(address.slice(at + 1))]
}
