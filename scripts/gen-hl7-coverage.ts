/**
 * Writes docs/reference/hl7-coverage.md: how much of HL7's v2-to-FHIR guide is translated, what is left out and why, and
 * where the guide is mistaken. Run: node scripts/gen-hl7-coverage.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Row } from '../adapters/hl7v2/maps/engine.ts'
import { datatypeMaps, keyOf, keyOfRow, segmentMaps } from '../adapters/hl7v2/maps/guide.ts'
import { codeCounts, codeMaps } from '../adapters/hl7v2/tables/generated/codes.ts'
import { datatypeGuide } from '../adapters/hl7v2/tables/generated/datatypes.ts'
import { type GuideRow, guide } from '../adapters/hl7v2/tables/generated/segments.ts'
import { conditions } from '../adapters/hl7v2/tables/left-out/conditions.ts'
import * as datatypes from '../adapters/hl7v2/tables/left-out/datatypes.ts'
import type { Reasons } from '../adapters/hl7v2/tables/left-out/index.ts'
import * as segments from '../adapters/hl7v2/tables/left-out/index.ts'
import { ownCodes } from '../adapters/hl7v2/tables/own-codes.ts'
import { codePatches, conditionPatches, laterCodes, mistakes } from '../adapters/hl7v2/tables/patches.ts'
import { wrongTarget } from './hl7-targets.ts'

/** Rows of a map: with target, ours as row, ours in code, left out with a reason, neither. */
type Count = Readonly<{ rows: number; asRow: number; inCode: number; leftOut: number; open: number }>

type Side = Readonly<{
  guide: Readonly<Record<string, readonly GuideRow[]>>
  ours: Readonly<Record<string, Readonly<{ rows: readonly Row[] }>>>
  inCode: Reasons
  leftOut: Reasons
}>

const sides = {
  segments: { guide, ours: segmentMaps, inCode: segments.inCode, leftOut: segments.leftOut },
  datatypes: { guide: datatypeGuide, ours: datatypeMaps, inCode: datatypes.inCode, leftOut: datatypes.leftOut },
} satisfies Record<string, Side>

/** What became of a row of the guide: the first that is true. */
function fateOf(side: Side, map: string, row: string): keyof Omit<Count, 'rows'> {
  const key = keyOf(row) ?? row
  const has = (reasons: Reasons, name: string) => Object.hasOwn(reasons[map] ?? {}, name)
  if (side.ours[map]?.rows.some(one => keyOfRow(one) === key)) return 'asRow'
  if (has(side.inCode, key)) return 'inCode'
  if (has(side.leftOut, key)) return 'leftOut'
  return has(side.inCode, '*') ? 'inCode' : has(side.leftOut, '*') ? 'leftOut' : 'open'
}

function count(side: Side, map: string): Count {
  const fates = side.guide[map]!.map(([row]) => fateOf(side, map, row))
  const of = (fate: string) => fates.filter(one => one === fate).length
  return { rows: fates.length, asRow: of('asRow'), inCode: of('inCode'), leftOut: of('leftOut'), open: of('open') }
}

/** Totals of the segment maps, the datatype maps, and the code rows, for the test that keeps them from falling. */
export function totals(): Readonly<Record<'segments' | 'datatypes' | 'codes', Count>> {
  const sum = (side: Side) => add(Object.keys(side.guide).map(map => count(side, map)))
  return {
    segments: sum(sides.segments),
    datatypes: sum(sides.datatypes),
    codes: add(codeRows().map(([, one]) => one)),
  }
}

function add(counts: readonly Count[]): Count {
  const of = (name: keyof Count) => counts.reduce((sum, one) => sum + one[name], 0)
  return { rows: of('rows'), asRow: of('asRow'), inCode: of('inCode'), leftOut: of('leftOut'), open: of('open') }
}

function codeRows(): readonly (readonly [name: string, count: Count])[] {
  return Object.entries(codeCounts).map(([name, [rows, inCode, codeless, second, patched]]) => {
    const leftOut = codeless + second + patched
    return [name, { rows, asRow: rows - leftOut - inCode, inCode, leftOut, open: 0 }]
  })
}

// ---------------------------------------------------------------- the page

const percent = (part: number, whole: number) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`)
const line = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
const tick = (text: string) => `\`${text.replaceAll('|', '\\|')}\``

function countLine(name: string, { rows, asRow, inCode, leftOut, open }: Count): string {
  const translated = asRow + inCode
  return line(name, rows, asRow, inCode, leftOut, open, percent(translated, rows), percent(translated + leftOut, rows))
}

const head = (name: string) =>
  `${line(name, 'rows', 'ours', 'in code', 'left out', 'open', 'translated', 'accounted for')}\n` +
  `${line('---', '---:', '---:', '---:', '---:', '---:', '---:', '---:')}`

function table(name: string, side: Side): string {
  return [head(name), ...Object.keys(side.guide).map(map => countLine(tick(map), count(side, map)))].join('\n')
}

/** One line for all rows of a map that have one reason. */
function reasons(what: Reasons): string {
  return Object.entries(what)
    .flatMap(([map, rows]) => reasonLines(map, rows))
    .join('\n')
}

function reasonLines(map: string, rows: Readonly<Record<string, string>>): readonly string[] {
  const byReason = Map.groupBy(Object.keys(rows), row => rows[row]!)
  return [...byReason].map(([why, all]) =>
    line(tick(map), all.map(row => (row === '*' ? 'the rest' : row)).join(', '), why),
  )
}

const reasonHead = `${line('map', 'row', 'why')}\n${line('---', '---', '---')}`

function codeTable(): string {
  const rows = codeRows().map(([name, { rows, asRow }]) => {
    const [, open, codeless, second, patched] = codeCounts[name]!
    const own = Object.keys((ownCodes as Record<string, object>)[name] ?? {}).length
    return line(tick(name), rows, asRow, open || '', codeless || '', second + patched || '', own || '')
  })
  const names = line('code map', 'rows', 'ours', 'as they come', 'without v2 code', 'other', 'added by us')
  return [names, line('---', '---:', '---:', '---:', '---:', '---:', '---:'), ...rows].join('\n')
}

function ownMaps(): string {
  const names = Object.keys(ownCodes).filter(name => !Object.hasOwn(codeMaps, name))
  return names.map(tick).join(', ')
}

function conditionTable(): string {
  return Object.entries(conditionPatches)
    .map(([text, { when, why }]) => line(tick(text), when === null ? 'none' : tick(when), why))
    .join('\n')
}

function codePatchTable(): string {
  return Object.entries(codePatches)
    .map(([key, { to, why }]) => line(tick(key), to === null ? 'left out' : tick(Object.values(to).join(' ')), why))
    .join('\n')
}

function targetTable(): string {
  const wrong = Object.values(sides).flatMap(({ guide: maps }) =>
    Object.entries(maps).flatMap(([map, rows]) =>
      rows.flatMap(([row]) => {
        const why = wrongTarget(map, row)
        return why ? [line(tick(map), tick(row), why)] : []
      }),
    ),
  )
  return [...new Set(wrong)].join('\n')
}

/** The page's text; the freshness test compares it. */
export function coverage(): string {
  const { segments: s, datatypes: d, codes: c } = totals()
  return `# How much of HL7's v2-to-FHIR guide is translated

Made by \`node scripts/gen-hl7-coverage.ts\` from our tables and those of the Version 2 to FHIR Implementation Guide 1.0.0 (HL7, CC0); a
test compares. Every row of the guide that has a target is **ours** (a row of our tables), **in code** (what a row cannot say), **left out** with a
reason below, or **open** (no family of messages has taken its map yet). What is left out is not lost: it stays in the sealed original.

${head('')}
${countLine('segment rows', s)}
${countLine('datatype rows', d)}
${countLine('code rows', c)}

Rows are compared by v2 place and FHIR element (\`PID-13 telecom\`), so that a row of ours may answer for several of the guide: the value, its
system and its type.

## Segments

${table('segment map', sides.segments)}

### Left out

${reasonHead}
${reasons(segments.leftOut)}

### In code

${reasonHead}
${reasons(segments.inCode)}

### Rows that the guide does not have

${reasonHead}
${reasons(segments.beyond)}

### On another condition than the guide's

${reasonHead}
${reasons(conditions)}

## Datatypes

${table('datatype map', sides.datatypes)}

### Left out

${reasonHead}
${reasons(datatypes.leftOut)}

### In code

${reasonHead}
${reasons(datatypes.inCode)}

## Codes

A row without v2 code only names a code of the FHIR value set: no v2 code leads to it, so that there is nothing to translate; those of SNOMED CT
and BCP 47 are taken as they come, where the sender says that they are (CWE.3) or by their form (PID-15). Other: a second
target of one v2 code, or a row that our patches leave out. Codes that the guide has without a target, and those added by us:
[MAPPING.md](../../adapters/hl7v2/MAPPING.md). Maps of ours that the guide does not have: ${ownMaps()}.

${codeTable()}

## Mistakes of the guide

Patches stand in \`adapters/hl7v2/tables/patches.ts\`; one that the guide no longer needs stops the generator.

### Conditions

${line('the guide', 'ours', 'why')}
${line('---', '---', '---')}
${conditionTable()}

### Codes

${line('row', 'ours', 'why')}
${line('---', '---', '---')}
${codePatchTable()}
${Object.entries(laterCodes)
  .map(([map, why]) => line(tick(map), 'kept', why))
  .join('\n')}

### Elements that R4 does not have

Found by machine: the path of the target is walked through R4's StructureDefinitions.

${line('map', 'row', 'what')}
${line('---', '---', '---')}
${targetTable()}

### Others

${line('row', 'what')}
${line('---', '---')}
${Object.entries(mistakes)
  .map(([row, what]) => line(tick(row), what))
  .join('\n')}
`
}

export const coverageFile = fileURLToPath(new URL('../docs/reference/hl7-coverage.md', import.meta.url))

if (import.meta.main) writeFileSync(coverageFile, coverage())
