import { createPrivateKey, createPublicKey, createSecretKey, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aeadOpen,
  aeadSeal,
  auditHash,
  auditMac,
  auditStart,
  b64u,
  base32,
  keyRecordHead,
  keyRecordSigningInput,
  kidOf,
  lp,
  nextAuditKey,
  pad64,
  padBlob,
  pseudonym,
  recordSigningInput,
  tokenAad,
  tokenOf,
  unpadBlob,
} from '../../../src/protect/format.ts'

/** 32 consecutive bytes from `first`. */
const run = (first: number, length = 32) => Buffer.from(Array.from({ length }, (_, i) => first + i))

/** RFC 8410: the PKCS#8 frame around an Ed25519 seed. */
function ed25519(seed: Buffer) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

const id = 'p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso'
const dek = run(0x00)
const nonce = run(0xa0, 12)
const signing = ed25519(run(0x80))

function token(type: string, path: string, plain: string) {
  const kid = kidOf(dek)
  return tokenOf(
    kid,
    aeadSeal(createSecretKey(dek), pad64(plain), tokenAad('north-clinic', type, id, path, kid), nonce),
  )
}

describe('vectors of SEALING S11', () => {
  it('V1 pseudonyms', () => {
    const of = (authority: string, value: string) =>
      pseudonym(run(0x20), 1, 'north-clinic', 'Patient', authority, value)
    expect(of('urn:oid:1.2.36.146.595.217.0.1', '12345')).toBe(id)
    expect(of('urn:oid:1.2.3', 'Mü-7')).toBe('p1-kgxpdzj5y6nhqawqyxaxcnh3z3itrdfb')
    expect(of('urn:oid:1.2.3', ' Mu\u0308-7 ')).toBe('p1-kgxpdzj5y6nhqawqyxaxcnh3z3itrdfb')
  })

  it('V2 key id and token; a moved token does not open', () => {
    const plain = '{"m":{"family":"Müller","given":["Änne"]}}'
    const made = token('Patient', 'name[0]', plain)
    expect(kidOf(dek)).toBe('0UloRK5TD-Xqyr0Q')
    expect(made).toBe(
      'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINkDCO6_flj6_D1v5Xz-0jBOsCxB7wnOGyPoLWU8K0w9WH3BebUpWqPZZztmaELwOl5hfit-hFClkADtXwqoPb7rQkyfGjj65qo',
    )
    const sealed = Buffer.from(made.split('.')[2]!, 'base64url')
    const at = (path: string) => tokenAad('north-clinic', 'Patient', id, path, kidOf(dek))
    expect(aeadOpen(dek, sealed, at('name[0]'))?.toString().trimEnd()).toBe(plain)
    expect(aeadOpen(dek, sealed, at('name[1]'))).toBeNull()
  })

  it('V3 key record', () => {
    const head = keyRecordHead({
      v: 'k1',
      kid: kidOf(dek),
      tenant: 'north-clinic',
      subject: id,
      notBefore: '2026-11-24T00:00:00Z',
      notAfter: '2026-11-25T00:00:00Z',
      alg: 'A256GCM',
      wrapAlg: 'RSA-OAEP-256',
      kekId: 'kek-2026-1',
      gateway: 'gw-01',
    })
    expect(head.toString('hex')).toBe('2e09e1dd5cb13c6196c201850ed591a19aacec6ad340622bef06e19b1c0e7164')
    const input = keyRecordSigningInput(head, Buffer.alloc(384, 0xab))
    expect(b64u(sign(null, Buffer.from(input), signing))).toBe(
      'fyvWp5k81UhR05wC7fe1XvrD6eCQS695PUbrVWP76FPaDh5ExQthwc-X0Cel-D8UT9YWNmgh7DgLLDD88CoeBA',
    )
  })

  it('V5 audit chain', () => {
    const entry = {
      n: 1,
      at: '2026-11-24T08:00:00.000Z',
      actor: 'system',
      act: 'start',
      obj: 'gw-01',
      outcome: 'ok',
      detail: '',
    }
    const hash = auditHash(auditStart, entry)
    expect(hash).toBe('9652541565ecb587e7665f79e77c00829fb44852c24f17bc411ef2ea9639bf98')
    expect(auditMac(run(0x60), hash).toString('hex')).toBe('12cefd605b952ad3d6fbbfe4c16d6f4d')
    expect(nextAuditKey(run(0x60)).toString('hex')).toBe(
      '2165cc2659188dce21ce268b33e23b7ade429337042fc9f0afbb9ff37bb3cf05',
    )
  })

  it('V6 record signatures', () => {
    const signed = (seq: string, verb: string, version: string, value: Buffer | null) => {
      const headers = {
        ce_id: 'AAECAwQFBgcICQoLDA0ODw',
        'cg-seq': seq,
        'cg-type': 'Patient',
        'cg-verb': verb,
        'cg-version': version,
      }
      return b64u(sign(null, Buffer.from(recordSigningInput('demo.fhir', id, headers, value)), signing))
    }
    const value = Buffer.from(`{"resourceType":"Patient","id":"${id}"}`)
    expect(signed('7', 'replace', '1795555555.000000000007.0000', value)).toBe(
      '9IeP88KI51yb8-jdxkkC66L3sn9J53mx4TvA5euAjYX1PDgGlKA-irESL8p2edhyoOhhN1_FxLfzFs53vpdFAA',
    )
    expect(signed('8', 'delete', '1795555555.000000000008.0000', null)).toBe(
      'nidqTEjML6dZJygQ3rn9WCrZtpJP9SrVP0EDT3895d0K5hCmDgbcXEI1dyu6GgDvrhNZ7AQ4x0FnBlqUfrSkAw',
    )
  })

  it('V7 tokens of a primitive, the root and a contained resource', () => {
    expect(token('Patient', 'birthDate', '{"v":"1974-12-25"}')).toBe(
      'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToKD3_pM4ZVUariNVfy61LReTCyl2JMvC4Gpl-LVSHyVmffjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkHN6SZZhbMwj4If3mlMJfC0',
    )
    expect(token('Patient', '$', '{"m":{"language":"de"},"id":"12345"}')).toBe(
      'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINMDC-CmZh2l_EqOPXWwym5O9WoEvF2aRzLmQ2WCjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkPc2rP10pCZHoafecu6xjb0',
    )
    expect(token('Observation', 'contained[0].name[0]', '{"m":{"family":"D"}}')).toBe(
      'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3-wINkDCO6_flj6_DSOJG2yl2JMvC4Gpl-LVSHyVmffjwJzHX-8JOgpWqPZZztmaELwOl5hfit-hFClkCduCJh3ZZWXIVCt9Fqe_v4',
    )
  })
})

describe('the format', () => {
  it('base32 as in RFC 4648 section 10', () => {
    const words = {
      '': '',
      f: 'my',
      fo: 'mzxq',
      foo: 'mzxw6',
      foob: 'mzxw6yq',
      fooba: 'mzxw6ytb',
      foobar: 'mzxw6ytboi',
    }
    for (const [plain, coded] of Object.entries(words)) expect(base32(Buffer.from(plain))).toBe(coded)
  })

  it('counts UTF-8 bytes when joining', () => {
    expect(lp('Mü', 7, '')).toBe('3:Mü|1:7|0:')
  })

  it('pads to 64 up to 1,024 bytes and to 256 above', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), text => {
        const length = Buffer.byteLength(text)
        const step = length <= 1024 ? 64 : 256
        const made = pad64(text)
        expect(Buffer.byteLength(made) % step).toBe(0)
        expect(Buffer.byteLength(made) - length).toBeLessThan(step)
        expect(made.startsWith(text)).toBe(true)
      }),
    )
  })

  it('a padded blob gives its bytes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), bytes => {
        expect(unpadBlob(padBlob(bytes))).toEqual(Buffer.from(bytes))
      }),
    )
    expect(unpadBlob(Buffer.from([0, 0, 0, 9, 1]))).toBeNull()
  })

  it('no token opens with any one bit flipped, nor shortened', () => {
    const aad = tokenAad('north-clinic', 'Patient', id, 'name[0]', kidOf(dek))
    const sealed = aeadSeal(dek, pad64('{"m":{"family":"Müller"}}'), aad, nonce)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const bent = Buffer.from(sealed)
      bent[bit >> 3]! ^= 1 << (bit & 7)
      expect(aeadOpen(dek, bent, aad)).toBeNull()
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(aeadOpen(dek, sealed.subarray(0, length), aad)).toBeNull()
    }
  })

  it('a record signature covers every header but cg-sig itself, in any order', () => {
    const headers = { b: '2', a: '1', 'cg-sig': 'x' }
    const input = recordSigningInput('t', 'k', headers, null)
    expect(recordSigningInput('t', 'k', { a: '1', b: '2' }, null)).toBe(input)
    expect(recordSigningInput('t', 'k', { a: '1', b: '3' }, null)).not.toBe(input)
    const signature = sign(null, Buffer.from(input), signing)
    expect(verify(null, Buffer.from(input), createPublicKey(signing), signature)).toBe(true)
  })
})
