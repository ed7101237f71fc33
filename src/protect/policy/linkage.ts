import { backbone, type Line, resource } from './lines.ts'

/** Linkage (FHIR R4). */
export const linkage: readonly Line[] = [
  ...resource,
  ['active', 'boolean', 'enum', 'true false'],
  ['author', 'Reference', 'reference'],
  ...backbone('item'),
  ['item.type', 'code', 'enum', 'source alternate historical'],
  ['item.resource', 'Reference', 'reference'],
]
