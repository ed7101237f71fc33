/** A TCP proxy in front of a Kafka broker that reads the frames and spoils the ones that a test names. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Line, type Pipe } from './line.ts'

/**
 * `cutBefore`: the request never arrives. `cutAfter`: it is carried out, its answer is lost. `mute`: like cutAfter, but the
 * connection stays. `swallow`: the request never arrives, the connection stays. `dedup`: answered as a broker answers a
 * batch that it takes for a repeat. `poor`: answered as a broker answers that has too few replicas.
 */
export type Fault = 'forward' | 'cutBefore' | 'cutAfter' | 'mute' | 'swallow' | 'dedup' | 'poor'

export const produceApi = 0

/** In the answer to one partition (Produce v5 to v7): log append time, log start offset, throttle time end the frame. */
const logAppendTimeFromEnd = 20
const errorCodeFromEnd = 30
const notEnoughReplicas = 19

/** `line`: what the proxy's connections run over; `listen`: the address it takes; `from`: the one it calls brokers from. */
export type ProxyOptions = Readonly<{ line?: Line; listen?: string; from?: string }>

export type KafkaProxy = Readonly<{
  port: number
  /** `host:port` */
  address: string
  /** Ends every connection. */
  cut: () => void
  close: () => Promise<void>
}>

/** Asked once per request, with its API key and its whole frame, which it may change. A promise holds the request back. */
export type Spoil = (apiKey: number, frame: Buffer) => Fault | Promise<void>

/** Starts a proxy to `127.0.0.1:target()`. */
export async function kafkaProxy(
  target: () => number,
  fault: Spoil = () => 'forward',
  { line = new Line(), listen = '127.0.0.1', from = '127.0.0.1' }: ProxyOptions = {},
): Promise<KafkaProxy> {
  const open = new Set<() => void>()
  const server = createServer(client => {
    const broker = connect({ host: '127.0.0.1', port: target(), localAddress: from })
    const there = line.pipe(broker)
    const back = line.pipe(client)
    const cut = () => {
      open.delete(cut)
      for (const socket of [client, broker]) socket.destroy()
    }
    open.add(cut)
    line.opened(there, back)
    for (const [socket, other] of [[client, broker] as const, [broker, client] as const]) {
      // over a dead line nobody hears that the other side has hung up
      const ended = () => (there.dead ? socket.destroy() : hangUp(other, cut))
      socket.setNoDelay(true).on('error', ended).on('close', ended)
    }
    carry(client, there, broker, back, fault, cut)
  })
  server.listen(0, listen)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cutAll = () => {
    for (const cut of [...open]) cut()
  }
  return {
    port,
    address: `${listen}:${port}`,
    cut: cutAll,
    async close() {
      cutAll()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A side whose peer is gone is reset, as by a machine on which nothing listens. */
function hangUp(socket: Socket, cut: () => void): void {
  socket.resetAndDestroy()
  cut()
}

function carry(client: Socket, there: Pipe, broker: Socket, back: Pipe, fault: Spoil, cut: () => void): void {
  const faults = new Map<number, Fault>()
  there.feeds(client)
  back.feeds(broker)
  client.on(
    'data',
    frames(frame => {
      const kind = fault(frame.readInt16BE(4), frame)
      if (kind instanceof Promise) return void kind.then(() => there.write(frame))
      if (kind === 'cutBefore') return cut()
      if (kind === 'swallow') return
      faults.set(frame.readInt32BE(8), kind)
      there.write(frame)
    }),
  )
  broker.on(
    'data',
    frames(frame => {
      const id = frame.readInt32BE(4)
      const kind = faults.get(id)
      faults.delete(id)
      if (kind === 'cutAfter') return cut()
      if (kind === 'dedup') frame.writeBigInt64BE(1_795_555_555_000n, frame.length - logAppendTimeFromEnd)
      if (kind === 'poor') frame.writeInt16BE(notEnoughReplicas, frame.length - errorCodeFromEnd)
      if (kind !== 'mute') back.write(frame)
    }),
  )
}

/** Calls back with every whole frame (4 bytes length, then the body). */
function frames(each: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return chunk => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      const frame = rest.subarray(0, end)
      rest = rest.subarray(end)
      each(frame)
    }
  }
}
