/** Loaded before the command: a clock that is as many milliseconds ahead as the file named by CLOCK_FILE says. */
import { readFileSync } from 'node:fs'

const file = process.env.CLOCK_FILE
const now = Date.now
if (file !== undefined) Date.now = () => now() + Number(readFileSync(file, 'utf8'))
