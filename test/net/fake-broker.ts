/** Something that answers like a broker as far as it is told to: it names what addresses it likes, and asks for odd logins. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

const api = { metadata: 3, handshake: 17, versions: 18, configs: 32, authenticate: 36 } as const
const known = [
  [0, 7],
  [api.metadata, 6],
  [api.handshake, 1],
  [api.versions, 2],
  [22, 1],
  [api.configs, 2],
  [api.authenticate, 1],
]

/**
 * `advertised`: the one broker that it names, default itself. `login`: what it answers to each step of a login, default
 * nothing. `host`: where it listens.
 */
export type FakeOptions = Readonly<{
  advertised?: Readonly<{ host: string; port: number }>
  login?: (said: string) => string
  host?: string
}>

export async function startFakeBroker({ advertised, login = () => '', host = '127.0.0.1' }: FakeOptions = {}) {
  const logins: string[] = []
  const open = new Set<Socket>()
  let self = { host, port: 0 }
  const answer = (key: number, said: string): Buffer => {
    if (key === api.versions) return Buffer.concat([i16(0), list(known.map(([k, most]) => i16(k!, 0, most!))), i32(0)])
    if (key === api.handshake) return Buffer.concat([i16(0), list(['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER'].map(text))])
    if (key === api.configs) return Buffer.concat([i32(0), i32(0)])
    if (key === api.authenticate) {
      logins.push(said)
      const bytes = Buffer.from(login(said))
      return Buffer.concat([i16(0, -1), i32(bytes.length), bytes, Buffer.alloc(8)])
    }
    const to = advertised ?? self
    const broker = Buffer.concat([i32(1), text(to.host), i32(to.port), i16(-1)])
    return Buffer.concat([i32(0), list([broker]), text('fake'), i32(1), i32(0)])
  }
  const server = createServer(socket => {
    open.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE()) {
        const end = 4 + rest.readInt32BE()
        const asked = rest.subarray(4, end)
        rest = rest.subarray(end)
        const said = Buffer.concat([asked.subarray(4, 8), answer(asked.readInt16BE(), asked.toString('latin1'))])
        socket.write(Buffer.concat([i32(said.length), said]))
      }
    })
  }).listen(0, host)
  await once(server, 'listening')
  self = { host, port: (server.address() as AddressInfo).port }
  return {
    port: self.port,
    /** The requests that carried a step of a login. */
    logins,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function i16(...numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.map(number => Buffer.from(Int16Array.of(number).buffer).swap16()))
}

function i32(number: number): Buffer {
  return Buffer.from(Int32Array.of(number).buffer).swap32()
}

function text(words: string): Buffer {
  return Buffer.concat([i16(words.length), Buffer.from(words, 'latin1')])
}

function list(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([i32(elements.length), ...elements])
}
