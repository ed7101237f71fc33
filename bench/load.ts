/**
 * The load, in a process of its own so that it does not share the line's event loop. Prints one JSON line:
 * `{"messages","seconds","p50","p99"}` (milliseconds from send to answer).
 *
 *   node bench/load.ts mqtt ADDRESS MESSAGES WINDOW [FIRST [RATE]] < secrets.json
 *   node bench/load.ts mllp ADDRESS MESSAGES CONNECTIONS [FIRST [RATE]]
 *
 * FIRST: number of the first message, so that a second run sends what the line has not seen. RATE: messages a second;
 * absent = as many as are answered. SIGTERM ends it early.
 */
import { readFileSync, writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { generate, parser } from 'mqtt-packet'
import { oru, reading } from './messages.ts'

const [way, address = '', total = '1000', width = '1', offset = '0', rate = 'Infinity'] = process.argv.slice(2)
const at = address.lastIndexOf(':')
const [host, port] = [address.slice(0, at), Number(address.slice(at + 1))]
const messages = Number(total) + Number(offset)
const waits: number[] = []
let next = Number(offset)
let answered = 0

const since = performance.now()
process.once('SIGTERM', report)
await (way === 'mqtt' ? mqtt(Number(width)) : mllp(Number(width)))
report()

function report(): never {
  const seconds = (performance.now() - since) / 1000
  waits.sort((a, b) => a - b)
  const quantile = (q: number) => Math.round((waits[Math.floor(waits.length * q)] ?? 0) * 100) / 100
  writeSync(1, `${JSON.stringify({ messages: answered, seconds, p50: quantile(0.5), p99: quantile(0.99) })}\n`)
  process.exit(0)
}

/** Whether there is a next message, and it is time for it. */
function isDue(): boolean {
  return next < messages && next < Number(offset) + ((performance.now() - since) / 1000) * Number(rate)
}

async function mqtt(window: number): Promise<void> {
  const secrets = JSON.parse(readFileSync(0, 'utf8')) as { id: string; secret: string }[]
  await Promise.all(secrets.map(secret => device(secret, window)))
}

function device({ id, secret }: { id: string; secret: string }, window: number): Promise<void> {
  const socket = connect(port, host)
  const packets = parser({ protocolVersion: 5 })
  const sentAt = new Map<number, number>()
  let messageId = 0
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const fill = () => {
      clearTimeout(timer)
      while (sentAt.size < window && isDue()) {
        messageId = (messageId % 65_535) + 1
        sentAt.set(messageId, performance.now())
        const payload = reading(next++)
        socket.write(
          generate(
            { cmd: 'publish', topic: `trackers/${id}/omh`, payload, qos: 1, messageId, dup: false, retain: false },
            { protocolVersion: 5 },
          ),
        )
      }
      if (next < messages) {
        timer = setTimeout(fill, 10)
      } else if (sentAt.size === 0) {
        socket.destroy()
        resolve()
      }
    }
    packets.on('packet', packet => {
      if (packet.cmd === 'connack') {
        if (packet.reasonCode !== 0) return reject(new Error(`CONNACK ${packet.reasonCode}`))
        return fill()
      }
      if (packet.cmd !== 'puback') return
      if ((packet.reasonCode ?? 0) >= 0x80) return reject(new Error(`PUBACK ${packet.reasonCode}`))
      waits.push(performance.now() - (sentAt.get(packet.messageId as number) ?? 0))
      sentAt.delete(packet.messageId as number)
      answered += 1
      fill()
    })
    socket.on('data', chunk => packets.parse(chunk))
    socket.on('error', reject)
    const login = { clientId: id, username: id, password: Buffer.from(secret), keepalive: 60, clean: true }
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, ...login }))
  })
}

async function mllp(connections: number): Promise<void> {
  await Promise.all(Array.from({ length: connections }, sender))
}

function sender(): Promise<void> {
  const socket = connect(port, host)
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    let sent = 0
    const send = () => {
      if (next >= messages) {
        socket.destroy()
        return resolve()
      }
      if (!isDue()) return void setTimeout(send, 10)
      sent = performance.now()
      socket.write(`\x0b${oru(next++)}\x1c\r`)
    }
    onAnswers(socket, text => {
      if (!text.includes('\rMSA|AA|')) return reject(new Error('not AA'))
      waits.push(performance.now() - sent)
      answered += 1
      send()
    })
    socket.on('error', reject)
    send()
  })
}

function onAnswers(socket: Socket, answer: (text: string) => void): void {
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    if (!text.endsWith('\x1c\r')) return
    const whole = text
    text = ''
    answer(whole)
  })
}
