// The samples as a person would start them: the same program on the same files under the same account, without Berth.
import { spawn } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, watch } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'

const INSTALLED = '/usr/lib/berth/current'
const READY_MS_MAX = 60_000

/** A copy of a sample's files that belongs to the account. */
export function copySample(sample, directory, account) {
  cpSync(join(INSTALLED, 'share/samples', sample), directory, { recursive: true })
  for (const path of ['.', ...readdirSync(directory)]) chownSync(join(directory, path), account.uid, account.gid)
}

/** argv for a sample; environment: directory of the restored Python environment. */
export function commandFor(sample, { appDir, socket, environment }) {
  if (sample === 'flask') {
    return [join(environment, 'bin/python'), join(INSTALLED, 'share/python/serve_wsgi.py'), '--app', 'app', '--socket', socket]
  }
  return ['R', '--no-save', '--no-restore', '--no-echo', '-f', join(INSTALLED, 'share/r/serve_shiny.R'), '--args', appDir, socket]
}

/** Starts it and waits until its socket is there. Returns the child; stop it with stopByHand. */
export async function startByHand(sample, { appDir, socketDir, environment, account }) {
  rmSync(socketDir, { recursive: true, force: true })
  mkdirSync(socketDir, { recursive: true, mode: 0o700 })
  chownSync(socketDir, account.uid, account.gid)
  const socket = join(socketDir, 's')
  const [program, ...args] = commandFor(sample, { appDir, socket, environment })
  const appears = socketAppears(socketDir, socket)
  const child = spawn(program, args, {
    cwd: appDir,
    uid: account.uid,
    gid: account.gid,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: appDir, TMPDIR: '/tmp', LANG: 'C.UTF-8', LOGNAME: account.name },
    stdio: 'ignore',
  })
  await appears
  return { child, socket }
}

export async function stopByHand({ child }, signal) {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await gone
}

/** Milliseconds from now to the first byte of an answer below 500 over a Unix socket. A socket that is bound but does not listen yet refuses: again. */
export async function firstByteMs(socketPath, path = '/') {
  const begin = performance.now()
  for (;;) {
    try {
      await askFirstByte(socketPath, path)
      return performance.now() - begin
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || performance.now() - begin > READY_MS_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

function askFirstByte(socketPath, path) {
  return new Promise((resolve, reject) => {
    const get = request({ socketPath, path, headers: { host: 'by-hand' } }, (response) => {
      response.once('data', () => {
        resolve()
        response.destroy()
      })
      if (response.statusCode >= 500) reject(new Error(`answered ${response.statusCode}`))
    })
    get.on('error', reject)
    get.end()
  })
}

function socketAppears(directory, socket) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(new Error(`${socket} did not appear`)), READY_MS_MAX)
    const watcher = watch(directory, () => existsSync(socket) && finish())
    const finish = (error) => {
      clearTimeout(timer)
      watcher.close()
      error === undefined ? resolve() : reject(error)
    }
  })
}
