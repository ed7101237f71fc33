import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, npmMissing } from './clients.ts'
import { Partner, result, wrong } from './partner.ts'

const missing = npmMissing()
const needs = missing ?? 'from npm'
let partner: Partner

describe.skipIf(missing)(`foreign clients (${needs})`, { timeout: 60_000 }, () => {
  beforeAll(async () => {
    partner = await Partner.run()
  })
  afterAll(() => partner?.[Symbol.asyncDispose]())

  describe('@medplum/hl7', medplum)
  describe('nodehl7', nodehl7)
  describe('node-hl7-client', nodeHl7Client)
})

/** Sends three messages, the second of which is refused; what is heard, and what left the box. */
async function expectTheUsual(name: string, send: (message: string) => Promise<string>): Promise<void> {
  const heard: string[] = []
  for (const make of [() => result(`${name}1`), () => wrong(`${name}2`), () => result(`${name}3`)]) {
    heard.push(await send(make()))
  }
  expect(heard).toEqual([`AA ${name}1`, `AR ${name}2`, `AA ${name}3`])
  const { orders, names } = await partner.left()
  expect(orders.filter(order => order.startsWith(name))).toEqual([`${name}1`, `${name}3`])
  expect(names).toEqual(['Größe'])
}

type MedplumMessage = { getSegment(name: string): { getField(n: number): { toString(): string } } | undefined }
type MedplumCore = Readonly<{ Hl7Message: { parse(text: string): MedplumMessage } }>
type MedplumClient = {
  sendAndWait(message: MedplumMessage, options?: Readonly<{ returnAck: string }>): Promise<MedplumMessage>
  close(): Promise<void>
}
type Medplum = Readonly<{
  Hl7Client: new (options: Readonly<{ host: string; port: number; keepAlive: boolean }>) => MedplumClient
  ReturnAckCategory: Readonly<Record<'FIRST' | 'APPLICATION', string>>
}>

function medplum(): void {
  let core: MedplumCore
  let hl7: Medplum
  let client: MedplumClient
  beforeAll(async () => {
    core = load('@medplum/core')
    hl7 = load('@medplum/hl7')
    client = new hl7.Hl7Client({ host: '127.0.0.1', port: Number(partner.port), keepAlive: true })
  })
  afterAll(() => client?.close())

  async function send(text: string, returnAck?: string): Promise<string> {
    const options = returnAck === undefined ? undefined : { returnAck }
    const answer = await client.sendAndWait(core.Hl7Message.parse(text), options)
    return [1, 2].map(n => answer.getSegment('MSA')?.getField(n).toString()).join(' ')
  }

  it('sends one after the other', () => expectTheUsual('M', send))

  it('sends fifty without waiting, and finds each answer by its MSA-2', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `N${i}`)
    expect(await Promise.all(ids.map(id => send(result(id))))).toEqual(ids.map(id => `AA ${id}`))
    expect((await partner.left()).orders.filter(order => order.startsWith('N'))).toEqual(ids)
  })

  it('asks for both acknowledgements of enhanced mode and gets the one that it waits for', async () => {
    const { FIRST, APPLICATION } = hl7.ReturnAckCategory
    expect(await send(result('E1', { modes: 'AL|AL' }), FIRST)).toBe('CA E1')
    expect(await send(result('E2', { modes: 'AL|AL' }), APPLICATION)).toBe('AA E2')
  })
}

type NodeHl7 = Readonly<{
  MLLPClient: new (host: string, port: number) => { send(message: string): Promise<Buffer>; close(): void }
}>

function nodehl7(): void {
  it('sends one after the other', async () => {
    const { MLLPClient } = load<NodeHl7>('nodehl7')
    const client = new MLLPClient('127.0.0.1', Number(partner.port))
    await expectTheUsual('L', async message => {
      const [, code, id] = /MSA\|(\w+)\|(\w+)/.exec((await client.send(message)).toString()) ?? []
      return `${code} ${id}`
    })
    client.close()
  })
}

type NodeMessage = { get(place: string): { toString(): string } }
type NodeBatch = { start(): void; add(message: NodeMessage): void; end(): void }
type NodeConnection = { sendMessage(message: unknown): Promise<void>; close(): Promise<void> }
type NodeHl7Client = Readonly<{
  default: new (
    options: Readonly<{ host: string; version: string }>,
  ) => {
    createConnection(
      options: Readonly<{ port: number }>,
      heard: (answer: Readonly<{ getMessage(): NodeMessage }>) => void,
    ): NodeConnection
  }
  Message: new (options: Readonly<{ text: string }>) => NodeMessage
  Batch: new () => NodeBatch
  FileBatch: new () => NodeBatch
}>

function nodeHl7Client(): void {
  let library: NodeHl7Client
  let connection: NodeConnection
  const heard: string[] = []
  const messageOf = (text: string) => new library.Message({ text: text.replace(/\r$/, '') })
  const hear = async (count: number) => {
    while (heard.length < count) await new Promise(resolve => setTimeout(resolve, 10))
    return heard.splice(0)
  }

  beforeAll(() => {
    library = load('node-hl7-client')
    const client = new library.default({ host: '127.0.0.1', version: '2.5.1' })
    connection = client.createConnection({ port: Number(partner.port) }, answer => {
      const message = answer.getMessage()
      heard.push(`${message.get('MSA.1')} ${message.get('MSA.2')}`)
    })
  })
  afterAll(() => connection?.close())

  it('sends one after the other', () =>
    expectTheUsual('C', async text => {
      await connection.sendMessage(messageOf(text))
      return (await hear(1))[0] as string
    }))

  async function sendBatch(kind: 'Batch' | 'FileBatch'): Promise<void> {
    const batch = new library[kind]()
    batch.start()
    for (const id of [`${kind}1`, `${kind}2`]) batch.add(messageOf(result(id)))
    batch.end()
    await connection.sendMessage(batch)
  }
  const ordersOf = async (kind: string) => (await partner.left()).orders.filter(order => order.startsWith(kind))

  it('sends a batch and finds the answer to each of its messages', async () => {
    await sendBatch('Batch')
    expect(await hear(2)).toEqual(['AA Batch1', 'AA Batch2'])
    expect(await ordersOf('Batch')).toEqual(['Batch1', 'Batch2'])
  })

  it('sends a file, whose answer it cannot read', async () => {
    await sendBatch('FileBatch')
    while ((await ordersOf('FileBatch')).length < 2) await new Promise(resolve => setTimeout(resolve, 50))
    expect(await ordersOf('FileBatch')).toEqual(['FileBatch1', 'FileBatch2'])
    expect(heard).toEqual([])
  })
}
