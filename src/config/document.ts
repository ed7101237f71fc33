/**
 * Reads one YAML document against a table of settings. All mistakes are found at once, each with its line and, for an
 * unknown key, the nearest known one. Core schema, no tags, no aliases (an alias bomb is refused), 1 MiB at most.
 */
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { MiB } from '../limits.ts'
import type { Parsed } from './values.ts'

const documentBytes = 1 * MiB

/** One setting: how it reads, and its default. Without a default it is required; a default of undefined = may be absent. */
export type Setting<T> = Readonly<{ read: (value: unknown) => Parsed<T>; default?: T | undefined; about: string }>
/**
 * A group of settings. `optional` groups may be left out as a whole and are then absent; where they are left out as a
 * rule, the sample shows them as a comment (`aside`).
 */
export type Group = Readonly<{
  settings: Readonly<Record<string, Entry>>
  optional?: boolean
  aside?: boolean
}>
/** A list of groups that differ by the value of one setting (uplinks by `type`). */
export type Choice = Readonly<{ by: string; kinds: Readonly<Record<string, Group>> }>
/** A list of groups of one kind. It may be left out and is then empty. */
export type Several = Readonly<{ each: Group }>
export type Entry = Setting<unknown> | Group | Choice | Several

export type Mistake = Readonly<{ line: number; at: string; text: string }>

export function isGroup(entry: Entry): entry is Group {
  return 'settings' in entry
}

export function isChoice(entry: Entry): entry is Choice {
  return 'kinds' in entry
}

export function isSeveral(entry: Entry): entry is Several {
  return 'each' in entry
}

/**
 * Takes the text of a file, its settings, and overrides (`path=value` as of --set). Returns the values, complete with
 * defaults, and every mistake; the values are meaningful only where there is none.
 */
export function readDocument(
  source: string,
  group: Group,
  overrides: readonly string[] = [],
): { values: unknown; mistakes: Mistake[] } {
  if (source.length > documentBytes)
    return { values: {}, mistakes: [{ line: 1, at: '', text: 'the file is larger than 1 MiB' }] }
  const lines = new LineCounter()
  const document = parseDocument(source, { schema: 'core', customTags: [], lineCounter: lines, uniqueKeys: true })
  const mistakes: Mistake[] = document.errors.map(error => ({
    line: error.linePos?.[0].line ?? 1,
    at: '',
    text: `not valid YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`,
  }))
  if (mistakes.length > 0) return { values: {}, mistakes }
  visit(document, { Alias: () => void mistakes.push({ line: 1, at: '', text: 'aliases are not taken' }) })
  if (mistakes.length > 0) return { values: {}, mistakes }
  for (const override of overrides) applyOverride(document, override, mistakes)
  const reader = new Reader(document, lines, mistakes)
  const values = reader.group(document.contents as Node | null, group, '', 1)
  return { values, mistakes: mistakes.sort((a, b) => a.line - b.line) }
}

function applyOverride(document: Document, override: string, mistakes: Mistake[]): void {
  const split = override.indexOf('=')
  if (split < 1) {
    mistakes.push({ line: 0, at: '--set', text: 'expected path=value' })
    return
  }
  const path = override
    .slice(0, split)
    .split('.')
    .map(part => (/^\d+$/.test(part) ? Number(part) : part))
  const value = parseDocument(override.slice(split + 1), { schema: 'core' })
  document.setIn(path, value.contents)
}

class Reader {
  readonly #document: Document
  readonly #lines: LineCounter
  readonly #mistakes: Mistake[]

  constructor(document: Document, lines: LineCounter, mistakes: Mistake[]) {
    this.#document = document
    this.#lines = lines
    this.#mistakes = mistakes
  }

  group(node: Node | null, group: Group, at: string, line: number): Record<string, unknown> {
    if (node && !isMap(node) && !(isScalar(node) && node.value === null)) this.#mistake(node, at, 'expected a mapping')
    const pairs = isMap(node) ? node.items : []
    const found = new Map<string, { key: Node; value: Node | null }>()
    for (const pair of pairs) {
      const key = pair.key as Node
      // a key that an override made is a plain text, not a node
      const name = String(isScalar(key) ? key.value : key)
      if (name in group.settings) found.set(name, { key, value: pair.value as Node | null })
      else this.#mistake(key, join(at, name), unknownKey(name, Object.keys(group.settings)))
    }
    const here = node ? this.#line(node) : line
    const values: Record<string, unknown> = {}
    for (const [name, entry] of Object.entries(group.settings)) {
      const value = this.#entry(
        found.get(name)?.value ?? null,
        found.get(name)?.key ?? null,
        entry,
        join(at, name),
        here,
      )
      if (value !== undefined) values[name] = value
    }
    return values
  }

  #entry(node: Node | null, key: Node | null, entry: Entry, at: string, line: number): unknown {
    if (isGroup(entry))
      return !key && entry.optional ? undefined : this.group(node, entry, at, key ? this.#line(key) : line)
    if (isChoice(entry)) return this.#list(node, at, (item, place) => this.#chosen(item, entry, place, line))
    if (isSeveral(entry)) return this.#list(node, at, (item, place) => this.group(item, entry.each, place, line))
    if (!key) {
      if (!('default' in entry)) this.#mistakes.push({ line, at, text: 'is required' })
      return entry.default
    }
    const parsed = entry.read(node ? node.toJS(this.#document, { maxAliasCount: 0 }) : null)
    if ('ok' in parsed) return parsed.ok
    this.#mistake(node ?? key, at, `expected ${parsed.expected}`)
    return entry.default
  }

  #list(node: Node | null, at: string, read: (item: Node, place: string) => unknown): unknown[] {
    if (!node) return []
    if (isSeq(node)) return node.items.map((item, i) => read(item as Node, `${at}[${i}]`))
    this.#mistake(node, at, 'expected a list')
    return []
  }

  #chosen(item: Node, choice: Choice, place: string, line: number): unknown {
    const kind = isMap(item) ? item.get(choice.by) : undefined
    const group = typeof kind === 'string' ? choice.kinds[kind] : undefined
    if (group) return this.group(item, group, place, line)
    this.#mistake(item, join(place, choice.by), `expected ${Object.keys(choice.kinds).join(' or ')}`)
    return {}
  }

  #line(node: Node): number {
    return isNode(node) && node.range ? this.#lines.linePos(node.range[0]).line : 0
  }

  #mistake(node: Node, at: string, text: string): void {
    this.#mistakes.push({ line: this.#line(node), at, text })
  }
}

function join(at: string, name: string): string {
  return at ? `${at}.${name}` : name
}

function unknownKey(name: string, known: readonly string[]): string {
  const [nearest] = known.map(one => ({ one, far: distance(name, one) })).sort((a, b) => a.far - b.far)
  return nearest && nearest.far <= Math.max(2, name.length / 2) ? `unknown; did you mean ${nearest.one}?` : 'unknown'
}

/** Levenshtein distance, without case. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1]?.toLowerCase() === b[j - 1]?.toLowerCase()
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (same ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] as number
}
