/** A child process that writes numbered rows through the file uplink until it is killed; prints the last settled number. */
import { machine } from '../../../src/environment.ts'
import { silent } from '../../../src/log.ts'
import { fileUplink } from '../../../src/uplink/file.ts'
import { nowhere, rows } from './rows.ts'

const [dir = '', from = '1'] = process.argv.slice(2)
const uplink = fileUplink({ name: 'out', dir }, { environment: machine, log: silent })
await uplink.connect(nowhere)
for (let seq = Number(from); ; seq += 20) {
  await uplink.send(rows(seq, seq + 19, { value: JSON.stringify({ seq, text: 'x'.repeat(3000) }) }))
  process.stdout.write(`${seq + 19}\n`)
}
