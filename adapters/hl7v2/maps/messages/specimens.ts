/** Specimens of a message: several orders may name one, and results point to it. */
import type { Reference, Specimen } from 'fhir/r4.js'
import { type Order, ofSender } from '../../identity.ts'
import { orderSpecimenName, specimenName, specimenNumber } from '../../identity-orders.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { numbersOf, orderSpecimenOf, specimenOf, tellsSpecimen } from '../segments/specimen.ts'
import type { OrderGroup, SpecimenGroup } from './groups.ts'
import type { Subject } from './people.ts'

/** The specimens of one patient in a message. */
export class Specimens {
  readonly #subject: Subject
  readonly #draft: Draft
  readonly #bySegment = new Map<Segment, Reference>()
  readonly #byNumber = new Map<string, Reference>()

  constructor(subject: Subject, draft: Draft) {
    this.#subject = subject
    this.#draft = draft
  }

  /**
   * Adds the specimen of an SPM, once. `replace` where the laboratory speaks (results; SPM-18, 20 or 21 in an order),
   * `ensure` where a ward announces it.
   */
  add({ spm, containers }: SpecimenGroup, order: Order | null, results: boolean): Reference {
    const number = specimenNumber(spm)
    const known = this.#bySegment.get(spm) ?? (number === null ? undefined : this.#byNumber.get(number))
    if (known) this.#bySegment.set(spm, known)
    if (known) return known
    const id = this.#draft.newId('Specimen')
    const resource = specimenOf(spm, containers, id, { ...this.#subject.reference }, this.#draft)
    this.#addParents(spm, resource)
    const verb = results || [18, 20, 21].some(n => spm.has(n)) ? 'replace' : 'ensure'
    const identity = [specimenName(spm, this.#subject.name, order, this.#draft)]
    const reference = this.#draft.add({ verb, resource, identity, subject: this.#subject.name })
    this.#bySegment.set(spm, reference)
    if (number !== null) this.#byNumber.set(number, reference)
    return reference
  }

  /** The specimens of an order: those of its SPM, else the one that the OBR tells of itself. */
  ofOrder({ obr, specimens }: OrderGroup, order: Order, results: boolean, collector?: Reference): readonly Reference[] {
    if (specimens.length > 0) return specimens.map(group => this.#collected(this.add(group, order, results), collector))
    if (!tellsSpecimen(obr)) return []
    const make = (id: string): Specimen => orderSpecimenOf(obr, id, { ...this.#subject.reference }, this.#draft)
    const verb = results ? 'replace' : 'ensure'
    const identity = [orderSpecimenName(obr, order, this.#draft)]
    const resource = make(this.#draft.newId('Specimen'))
    const reference = this.#draft.add({ verb, resource, identity, subject: this.#subject.name })
    return [this.#collected(reference, collector)]
  }

  /** Who collected it by a PRT of its order, where nothing else says so. */
  #collected(reference: Reference, collector: Reference | undefined): Reference {
    if (collector)
      this.#draft.amend<Specimen>(reference, specimen => {
        specimen.collection = { collector, ...specimen.collection }
      })
    return reference
  }

  /** The specimen of an SPM that was added. */
  of(spm: Segment): Reference | undefined {
    return this.#bySegment.get(spm)
  }

  /** The specimen of this message that an EIP field (OBX-33, SPM-3) names. */
  named(segment: Segment, n: number): Reference | undefined {
    const number = specimenNumber(segment, n)
    return number === null ? undefined : this.#byNumber.get(number)
  }

  /** SPM-3: the specimens that it was taken from, by their numbers alone where the message says no more of them. */
  #addParents(spm: Segment, resource: Specimen): void {
    const parents = spm.field(3).flatMap((_, i) => this.#parent(spm, i + 1) ?? [])
    if (parents.length > 0) resource.parent = parents
  }

  #parent(spm: Segment, repetition: number): Reference | undefined {
    const number = specimenNumber(spm, 3, repetition)
    if (number === null) return undefined
    const known = this.#byNumber.get(number)
    if (known) return { ...known }
    // one that follows further down cannot be pointed to yet, and must not be there twice
    const follows = this.#draft.message.all('SPM').some(other => specimenNumber(other) === number)
    if (follows) this.#draft.note('E_PRUNED', spm.at(3, undefined, repetition))
    if (follows) return undefined
    const { name, reference } = this.#subject
    const identity = ofSender(this.#draft, 'specimen', name.system, name.value, number)
    const identifier = numbersOf(spm, 3, repetition, this.#draft)
    const make = (id: string): Specimen => ({ resourceType: 'Specimen', id, identifier, subject: { ...reference } })
    return this.#draft.mention([identity], 'Specimen', make, name)
  }
}
