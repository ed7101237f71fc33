/** Files that can be read and are not what they seem. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { oddFiles } from '../../../../src/uplink/way/files.ts'

const dir = mkdtempSync(join(tmpdir(), 'files-'))

function file(content: string): string {
  const path = join(dir, 'file')
  writeFileSync(path, content)
  return path
}

const [first = '', second = ''] = rootCertificates
const broken = second.replace(/^M/m, 'N')

test.each([
  ['whole', `${first}\n${second}\n`, []],
  ['with words between', `# first\n${first}\n# second\n${second}\n`, []],
  [
    'with a later one that is broken',
    `${first}\n${broken}\n${second}\n`,
    ['certificate 2 of 3 cannot be read and does not count'],
  ],
  [
    'with a later one that is cut off',
    `${first}\n${second.slice(0, 200)}`,
    ['certificate 2 of 2 cannot be read and does not count'],
  ],
])('a bundle of authorities %s', (_, content, notes) => {
  for (const odd of [
    oddFiles({ tls: { ca: file(content) } }),
    oddFiles({ sasl: { mechanism: 'oauthbearer', tokenCa: file(content) } }),
  ]) {
    expect(odd.map(({ note }) => note)).toEqual(notes)
  }
})

test.each([
  ['as it should be', 'sesame\n', []],
  ['that ends as on Windows', 'sesame\r\n', []],
  ['with a byte order mark', '\ufeffsesame', ['begins with a byte order mark, which counts as part of the secret']],
  ['with a second line', 'sesame\nopen\n', ['has more than one line; all of them count as the secret']],
  ['with an empty second line', 'sesame\n\n', ['has more than one line; all of them count as the secret']],
  ['with a space at its end', 'sesame \n', ['begins or ends with a space, which counts as part of the secret']],
])('a secret %s', (_, content, notes) => {
  const passwordFile = file(content)
  const odd = oddFiles({
    sasl: { mechanism: 'plain', username: 'gw', passwordFile },
    proxy: { url: 'http://p:1', username: 'gw', passwordFile },
  })
  expect(odd.map(({ at, note }) => `${at} ${note}`)).toEqual(
    ['sasl', 'proxy'].flatMap(group => notes.map(note => `${group}.passwordFile ${note}`)),
  )
  expect(JSON.stringify(odd)).not.toContain('sesame')
})
