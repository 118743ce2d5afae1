import { AppError } from '@berth/domain/app-error.js'
import { PASSWORD_BYTES_MAX } from './limits.js'

/** From the terminal without echo, typed twice; or one line from stdin. */
export async function askPassword(prompt: string, fromStdin: boolean): Promise<string> {
  if (fromStdin) return readLine()
  if (!process.stdin.isTTY) throw new AppError('invalid', 'there is no terminal to ask for the password on: use --password-stdin')
  const first = await typeSecret(`${prompt}: `)
  const second = await typeSecret('Once more: ')
  if (first !== second) throw new AppError('invalid', 'the two passwords differ')
  return first
}

async function readLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string
    if (text.includes('\n') || text.length > PASSWORD_BYTES_MAX) break
  }
  const line = text.split('\n')[0]?.replace(/\r$/, '') ?? ''
  if (line === '') throw new AppError('invalid', 'no password came on stdin')
  return line
}

async function typeSecret(prompt: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = ''
      const onData = (chunk: string): void => {
        for (const char of chunk) {
          if (char === '\r' || char === '\n') {
            stdin.off('data', onData)
            resolve(typed)
            return
          }
          if (char === '\u0003' || char === '\u0004') {
            stdin.off('data', onData)
            reject(new AppError('invalid', 'given up'))
            return
          }
          typed = char === '\u007f' || char === '\b' ? [...typed].slice(0, -1).join('') : typed + char
        }
      }
      stdin.on('data', onData)
    })
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}
