/** `translate FILE`: the FHIR before and after sealing, and what was left out. Needs no running gateway, writes nothing. */
import { translators } from '../../adapters/translators.ts'
import { anyLoopbackSender, loadProfiles } from '../directory/profiles.ts'
import { machine } from '../environment.ts'
import { errorRow, GatewayError, Refusal } from '../errors.ts'
import { check } from '../fhir/check.ts'
import { protectorOptions } from '../main.ts'
import type { Device, Directory, SenderProfile } from '../ports.ts'
import { loadKeys, openProtector } from '../protect/index.ts'
import type { Arrival, Issue, Translated } from '../records.ts'
import { locateConfig, readArguments, readInput, word } from './arguments.ts'
import { type Io, printed } from './io.ts'

export const help = `clinic-gateway translate FILE [--sender PROFILE] [--format omh|fhir] [--config FILE]

Shows what the gateway makes of a message: the FHIR before sealing, the records after it, and what was left out.
The output holds what the file holds: treat it as the file. HL7 v2, a tracker's JSON or FHIR JSON is told by its beginning;
--format says that the file is a tracker's payload.

  clinic-gateway translate examples/oru-r01.hl7
  clinic-gateway translate examples/heart-rate.json --format omh --json
`

export async function translate(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { sender: { type: 'string' }, format: { type: 'string' } })
  if (values.help) return printed(io, help)
  const config = locateConfig(values)
  const bytes = new Uint8Array(readInput(word(positionals, 0, 'FILE')))
  const profile = findProfile(loadProfiles(config.directory.senders), values.sender)
  const arrival = asArrival(bytes, profile, values.format)
  const translator = translators[arrival.format]
  try {
    const protector = openProtector(loadKeys(config.privacy.keys), protectorOptions(config))
    const wearer = protector.idOf('Patient', { system: tryDevice, value: tryDevice })
    const translated = translator.translate(arrival, directoryFor(profile, wearer))
    let seq = 0
    const content = protector.seenContent(arrival.sender, bytes)
    const stamp = {
      epoch: 0,
      arrival: 0,
      release: 0,
      receivedAt: arrival.receivedAt,
      mode: arrival.mode,
      historical: false,
      content,
    }
    const sealed = protector.seal(translated.changes, { ...stamp, nextSeq: () => ++seq })
    print(io, values.json === true, translator.outline(arrival), translated, sealed.resources)
    return 0
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    io.err(`${error.kind === 'held' ? 'would be held' : 'would be refused'}\n${findings(error.issues)}`)
    return 1
  }
}

function print(io: Io, asJson: boolean, outline: string, translated: Translated, sealed: readonly unknown[]): void {
  const before = translated.changes.map(({ verb, resource }) => ({
    verb,
    valid: check(resource).length === 0,
    resource,
  }))
  if (asJson) {
    io.out(
      `${JSON.stringify({ outline, before, after: sealed, issues: translated.issues, unmapped: translated.unmapped })}\n`,
    )
    return
  }
  io.out(`${outline}\n\n-- before sealing\n`)
  for (const { verb, resource } of before) io.out(`${verb} ${JSON.stringify(resource, null, 2)}\n`)
  io.out('\n-- after sealing\n')
  for (const resource of sealed) io.out(`${JSON.stringify(resource, null, 2)}\n`)
  io.out(`\n-- left out or guessed\n${findings(translated.issues) || 'nothing\n'}`)
}

function findings(issues: readonly Issue[]): string {
  return issues.map(({ code, at }) => `${code} ${at}: ${errorRow(code).text}\n`).join('')
}

function findProfile(profiles: readonly SenderProfile[], name: string | undefined): SenderProfile {
  if (name === undefined) return profiles[0] ?? anyLoopbackSender
  const found = profiles.find(profile => profile.name === name)
  if (!found) throw new GatewayError('E_USAGE', '--sender', 'no such profile')
  return found
}

const tryDevice = 'try-out'

function asArrival(bytes: Uint8Array<ArrayBuffer>, profile: SenderProfile, format: string | undefined): Arrival {
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart()
  const common = { receivedAt: machine.now(), clockTrusted: true, mode: 'live' as const, bytes }
  if (/^(\xef\xbb\xbf)?MSH/.test(head)) {
    return { ...common, source: 'mllp', sender: profile.name, format: 'hl7v2', messageId: 'try-out', meta: {} }
  }
  const text = Buffer.from(bytes).toString()
  const type = /"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(text)?.[1]
  if (format === undefined && type) {
    const meta = type === 'Bundle' ? { interaction: 'transaction' } : { interaction: 'create', type }
    return { ...common, source: 'fhir', sender: tryDevice, format: 'fhir', messageId: null, meta }
  }
  const meta = { payload: format ?? 'omh', device: tryDevice }
  return { ...common, source: 'mqtt', sender: tryDevice, format: 'measurement', messageId: null, meta }
}

function directoryFor(profile: SenderProfile, wearer: string): Directory {
  const worn = [{ from: 0, to: null, wearer }]
  const client = { name: tryDevice, tokenMac: '', scopes: ['*'] }
  const device: Device = { id: tryDevice, format: null, secretMac: '', test: false, worn }
  return {
    revision: 0,
    anySender: profile,
    senders: [profile],
    devices: new Map([[tryDevice, device]]),
    clients: new Map([[tryDevice, client]]),
  }
}
