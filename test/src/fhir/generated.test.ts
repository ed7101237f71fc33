import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { generateCodes, generateShapes } from '../../../scripts/gen-fhir-validator.ts'

const committed = (file: string) =>
  readFileSync(new URL(`../../../src/fhir/generated/${file}`, import.meta.url), 'utf8')

it.each([
  ['r4.ts', generateShapes],
  ['codes.ts', generateCodes],
])('src/fhir/generated/%s is what scripts/gen-fhir-validator.ts writes', (file, generate) => {
  expect(generate() === committed(file)).toBe(true)
})
