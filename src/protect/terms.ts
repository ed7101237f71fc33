/**
 * The last scan (SEALING S5): what identifies people in a message must not stay readable in a leaf that was copied from
 * the input. Names of three letters or more, identifiers, phones, e-mail, street lines and birth dates, compared as whole
 * words after NFKC and case fold.
 */

const leastName = 3
const leastIdentifier = 5

/** Members that hold an identifier, a contact, a street line or a birth date (`value`: see names.ts). */
const identifying = new Set(['value', 'line', 'birthDate', 'subscriberId'])

export class Terms {
  readonly #words = new Set<string>()
  readonly #phrases = new Set<string>()

  /** Takes over what a member of a resource in clear says of a person. */
  learn(member: string, value: string): void {
    if (member === 'family' || member === 'given') for (const word of split(value)) this.#add(word, leastName)
    if (identifying.has(member)) this.#add(fold(value), leastIdentifier)
    if (member === 'value') this.#add(value.replace(/[^0-9]/g, ''), leastIdentifier)
  }

  /** Whether the text names somebody: as a whole, or by some of its words. */
  foundIn(text: string): boolean {
    if (this.#words.size === 0) return false
    const words = split(text)
    if (this.#words.has(fold(text)) || words.some(word => this.#words.has(word))) return true
    const phrase = ` ${words.join(' ')} `
    return [...this.#phrases].some(known => phrase.includes(known))
  }

  #add(term: string, least: number): void {
    if (term.length < least) return
    this.#words.add(term)
    const words = split(term)
    if (words.length > 1) this.#phrases.add(` ${words.join(' ')} `)
  }
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim()
}

function split(text: string): string[] {
  return fold(text)
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter(word => word !== '')
}
