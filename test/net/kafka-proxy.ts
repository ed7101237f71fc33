/** A TCP proxy in front of a Kafka broker that reads the frames and spoils the ones that a test names. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** `cutBefore`: the request never arrives. `cutAfter`: it is carried out, its answer is lost. `mute`: like cutAfter, but the connection stays. `dedup`: answered as a broker answers a batch that it takes for a repeat. */
export type Fault = 'forward' | 'cutBefore' | 'cutAfter' | 'mute' | 'dedup'

export const produceApi = 0

/** In the answer to one partition (Produce v5 to v7): log append time, log start offset, throttle time end the frame. */
const logAppendTimeFromEnd = 20

/** Starts a proxy to `127.0.0.1:target()`; `fault` is asked once per request with its API key. */
export async function kafkaProxy(target: () => number, fault: (apiKey: number) => Fault) {
  const open = new Set<Socket>()
  const server = createServer(client => {
    const broker = connect({ host: '127.0.0.1', port: target() })
    const faults = new Map<number, Fault>()
    for (const socket of [client, broker]) open.add(socket)
    const cut = () => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) socket.on('error', cut).on('close', cut)

    client.on(
      'data',
      frames(frame => {
        const kind = fault(frame.readInt16BE(4))
        if (kind === 'cutBefore') return cut()
        faults.set(frame.readInt32BE(8), kind)
        broker.write(frame)
      }),
    )
    broker.on(
      'data',
      frames(frame => {
        const kind = faults.get(frame.readInt32BE(4))
        if (kind === 'cutAfter') return cut()
        if (kind === 'dedup') frame.writeBigInt64BE(1_795_555_555_000n, frame.length - logAppendTimeFromEnd)
        if (kind !== 'mute') client.write(frame)
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
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
