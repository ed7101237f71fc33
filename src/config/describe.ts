/** Writes the table of settings for people (the commented sample) and for editors (JSON schema). */
import { type Choice, type Entry, type Group, isChoice, isGroup, isSeveral, type Setting } from './document.ts'

/** A commented YAML sample. `show` gives the text of values that are required or better shown otherwise, by path. */
export function sampleYaml(group: Group, show: Readonly<Record<string, string>>): string {
  return lines(group, show, '', '').join('\n')
}

function lines(group: Group, show: Readonly<Record<string, string>>, at: string, indent: string): string[] {
  return Object.entries(group.settings).flatMap(([name, entry]) => {
    const path = at ? `${at}.${name}` : name
    if (isGroup(entry)) {
      const group = [`${indent}${name}:`, ...lines(entry, show, path, `${indent}  `)]
      return entry.aside ? group.map(line => commented(line, indent)) : group
    }
    if (isChoice(entry)) return [`${indent}${name}:`, ...choiceLines(entry, show, path, `${indent}  `)]
    if (isSeveral(entry)) {
      const list = [`${indent}${name}:`, ...itemLines(lines(entry.each, show, path, `${indent}    `), `${indent}  `)]
      return list.map(line => commented(line, indent))
    }
    if (show[path] === undefined && entry.default === undefined) return [setting(entry, `${indent}# ${name}:`)]
    return [setting(entry, `${indent}${name}: ${show[path] ?? JSON.stringify(entry.default)}`)]
  })
}

function choiceLines(choice: Choice, show: Readonly<Record<string, string>>, at: string, indent: string): string[] {
  return Object.entries(choice.kinds).flatMap(([kind, group], i) => {
    const path = `${at}.${kind}`
    const item = itemLines(lines(group, { ...show, [`${path}.${choice.by}`]: kind }, path, `${indent}  `), indent)
    return i === 0 ? item : item.map(line => commented(line, indent))
  })
}

/** A group's lines as an item of a list. */
function itemLines([first = '', ...rest]: readonly string[], indent: string): string[] {
  return [`${indent}- ${first.trimStart()}`, ...rest]
}

function commented(line: string, indent: string): string {
  return `${indent}# ${line.slice(indent.length)}`
}

function setting(entry: Setting<unknown>, text: string): string {
  return `${text.padEnd(44)} # ${entry.about}`
}

/** JSON schema (draft 2020-12) for editors: names, nesting and descriptions; the values are checked by the gateway. */
export function editorSchema(group: Group): unknown {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Clinic Gateway', ...schema(group) }
}

function schema(entry: Entry): Record<string, unknown> {
  if (isChoice(entry)) return { type: 'array', items: { anyOf: Object.values(entry.kinds).map(schema) } }
  if (isSeveral(entry)) return { type: 'array', items: schema(entry.each) }
  if (!isGroup(entry)) return { description: entry.about, ...('default' in entry ? { default: entry.default } : {}) }
  const required = Object.entries(entry.settings).filter(
    ([, one]) => !isGroup(one) && !isChoice(one) && !isSeveral(one) && !('default' in one),
  )
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(entry.settings).map(([name, one]) => [name, schema(one)])),
    ...(required.length > 0 ? { required: required.map(([name]) => name) } : {}),
  }
}
