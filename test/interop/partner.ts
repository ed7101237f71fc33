/** A whole box, as its users start it, and the messages that foreign clients send to it. */
import { msh, obr, obx, pid } from '../adapters/hl7v2/translate/messages.ts'
import { Box } from '../e2e/box.ts'
import { openOutput } from '../e2e/opened.ts'

/** A result with letters outside ASCII; `id` is its MSH-10 and its order. `modes`: MSH-15 and MSH-16; `note`: NTE-3. */
export function result(id: string, { modes = '|', note = 'fasting' } = {}): string {
  const head = `${msh('ORU^R01^ORU_R01', `20261125080000||TYPE|${id}|P|2.5.1`)}|||${modes}||UNICODE UTF-8`
  const order = obr.replace('|P1|F1|', `|P${id}|F${id}|`)
  return [head, pid.replace('Example^Anna', 'Größe^Änne'), order, obx, `NTE|1||${note}`, ''].join('\r')
}

/** One that is refused for its type. */
export const wrong = (id: string): string => result(id).replace('ORU^R01^ORU_R01', 'ZZZ^Z99^ZZZ_Z99')

/** The port of a box that runs, and what left it in the end. */
export class Partner {
  readonly #box: Box

  private constructor(box: Box) {
    this.#box = box
  }

  static async run(): Promise<Partner> {
    return new Partner(await Box.run())
  }

  get port(): string {
    const { mllp } = this.#box.listen
    return mllp.slice(mllp.lastIndexOf(':') + 1)
  }

  get folder(): string {
    return this.#box.folder
  }

  /** The orders whose results left the box, in order; and the family names of its patients. */
  async left(): Promise<Readonly<{ orders: readonly string[]; names: readonly string[] }>> {
    await this.#box.drained()
    const { entries, of } = await openOutput(this.#box)
    const resources = entries.map(entry => entry.opened?.resource as Record<string, unknown>)
    const reports = resources.filter(one => one?.resourceType === 'DiagnosticReport')
    return {
      orders: reports.map(report => orderIn(report)),
      names: of('Patient').map(patient => patient.name?.[0]?.family),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#box[Symbol.asyncDispose]()
  }
}

/** OBR-3 of a report: `F` and the MSH-10. */
function orderIn(report: Record<string, unknown>): string {
  return /"value":"F([^"]+)"/.exec(JSON.stringify(report.identifier))?.[1] ?? '?'
}
