import { createPublicKey, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/fhir/json.ts'
import { keyRecordHead, keyRecordSigningInput } from '../../../src/protect/format.ts'
import { type KeySource, openResource } from '../../../src/reader/open.ts'
import { isSignature, isSigned } from '../../../src/reader/signature.ts'
import { mask, range, sealed, seedKey, vectorId } from './sealer.ts'

const kid = '0UloRK5TD-Xqyr0Q'
const dataKey = { kid, tenant: 'north-clinic', key: createSecretKey(range(0)) }
const keys: KeySource = { get: asked => (asked === kid ? dataKey : null) }
const publicKey = createPublicKey(seedKey)

const v2 =
  'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINkDCO6_flj6_D1v5Xz-0jBOsCxB7wnOGyPoLWU8K0w9WH3BebUpWqPZZztmaELwOl5hfit-hFClkADtXwqoPb7rQkyfGjj65qo'
const v7 = {
  birthDate:
    'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToKD3_pM4ZVUariNVfy61LReTCyl2JMvC4Gpl-LVSHyVmffjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkHN6SZZhbMwj4If3mlMJfC0',
  root: 'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINMDC-CmZh2l_EqOPXWwym5O9WoEvF2aRzLmQ2WCjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkPc2rP10pCZHoafecu6xjb0',
  contained:
    'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINkDCO6_flj6_DSOJG2yl2JMvC4Gpl-LVSHyVmffjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkCduCJh3ZZWXIVCt9Fqe_v4',
}
const failedAt = (resource: JsonObject) => openResource(resource, keys).failed

describe('the vectors of SEALING S11', () => {
  it('V2: a name opens in its place and in no other', () => {
    const name = { use: 'official', extension: [sealed(v2)], _family: { extension: [mask] } }
    const opened = openResource({ resourceType: 'Patient', id: vectorId, name: [name] }, keys)
    expect(opened.failed).toEqual([])
    expect(opened.resource.name).toEqual([{ use: 'official', family: 'Müller', given: ['Änne'] }])
    const moved = { resourceType: 'Patient', id: vectorId, name: [{ use: 'usual' }, name] }
    expect(failedAt(moved)).toEqual([{ code: 'E_SEAL_OPEN_FAILED', at: 'Patient.name[1]' }])
    expect(openResource(moved, keys).resource).toEqual(moved)
  })

  it('V3: the head and the signature of a key record', () => {
    const head = keyRecordHead({
      v: 'k1',
      kid,
      tenant: 'north-clinic',
      subject: vectorId,
      notBefore: '2026-11-24T00:00:00Z',
      notAfter: '2026-11-25T00:00:00Z',
      alg: 'A256GCM',
      wrapAlg: 'RSA-OAEP-256',
      kekId: 'kek-2026-1',
      gateway: 'gw-01',
    })
    expect(head.toString('hex')).toBe('2e09e1dd5cb13c6196c201850ed591a19aacec6ad340622bef06e19b1c0e7164')
    const text = keyRecordSigningInput(head, Buffer.alloc(384, 0xab))
    const sig = 'fyvWp5k81UhR05wC7fe1XvrD6eCQS695PUbrVWP76FPaDh5ExQthwc-X0Cel-D8UT9YWNmgh7DgLLDD88CoeBA'
    expect(isSignature(text, sig, publicKey)).toBe(true)
    // the last letter of 86 has free bits; another spelling of the same bytes is no signature
    expect(isSignature(text, sig.replace(/A$/, 'B'), publicKey)).toBe(false)
  })

  it('V6: signatures of records, with a value and without', () => {
    const common = { ce_id: 'AAECAwQFBgcICQoLDA0ODw', 'cg-type': 'Patient' }
    const one = {
      topic: 'demo.fhir',
      partition: 0,
      key: vectorId,
      headers: {
        ...common,
        'cg-seq': '7',
        'cg-verb': 'replace',
        'cg-version': '1795555555.000000000007.0000',
        'cg-sig': '9IeP88KI51yb8-jdxkkC66L3sn9J53mx4TvA5euAjYX1PDgGlKA-irESL8p2edhyoOhhN1_FxLfzFs53vpdFAA',
      },
      value: Buffer.from(`{"resourceType":"Patient","id":"${vectorId}"}`),
    }
    const gone = {
      ...one,
      headers: {
        ...common,
        'cg-seq': '8',
        'cg-verb': 'delete',
        'cg-version': '1795555555.000000000008.0000',
        'cg-sig': 'nidqTEjML6dZJygQ3rn9WCrZtpJP9SrVP0EDT3895d0K5hCmDgbcXEI1dyu6GgDvrhNZ7AQ4x0FnBlqUfrSkAw',
      },
      value: null,
    }
    for (const record of [one, gone]) {
      expect(isSigned(record, 'demo.fhir', publicKey)).toBe(true)
      expect(isSigned(record, 'mirror.fhir', publicKey)).toBe(false)
      expect(isSigned({ ...record, key: `${vectorId}x` }, 'demo.fhir', publicKey)).toBe(false)
    }
  })

  it('V7: a birth date, the root with its source id, a contained name', () => {
    const opened = openResource(
      {
        resourceType: 'Patient',
        id: vectorId,
        birthDate: '1974',
        _birthDate: { extension: [sealed(v7.birthDate)] },
        extension: [sealed(v7.root)],
      },
      keys,
    )
    expect(opened).toEqual({
      resource: { resourceType: 'Patient', id: vectorId, birthDate: '1974-12-25', language: 'de' },
      sourceId: '12345',
      failed: [],
      unknownKeys: [],
      attachments: [],
    })
    const contained = [{ resourceType: 'Practitioner', id: 'd', name: [{ extension: [sealed(v7.contained)] }] }]
    const observation = openResource({ resourceType: 'Observation', id: vectorId, contained }, keys)
    expect(observation.resource.contained).toEqual([{ resourceType: 'Practitioner', id: 'd', name: [{ family: 'D' }] }])
  })
})
