// Generates packages/protocol/src/gen from proto/, or, with --check, fails when that would change anything.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '..', '..', '..')
const committed = join(root, 'packages/protocol/src/gen')
const require = createRequire(join(root, 'package.json'))
const options =
  'outputServices=grpc-js,esModuleInterop=true,importSuffix=.js,oneof=unions-value,forceLong=bigint,' +
  'stringEnums=false,useReadonlyTypes=true,env=node,removeEnumPrefix=true,outputPartialMethods=true,useExactTypes=false'

const fresh = mkdtempSync(join(tmpdir(), 'berth-proto-'))
const filesBelow = (dir) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort()

try {
  const protoRoot = join(root, 'proto')
  const protos = filesBelow(protoRoot).filter((file) => file.endsWith('.proto'))
  execFileSync(
    join(dirname(require.resolve('protoc/package.json')), 'protoc.cjs'),
    [
      `--plugin=protoc-gen-ts_proto=${join(root, 'node_modules/.bin/protoc-gen-ts_proto')}`,
      `--ts_proto_out=${fresh}`,
      `--ts_proto_opt=${options}`,
      `--proto_path=${protoRoot}`,
      ...protos,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (process.argv.includes('--check')) {
    const same =
      existsSync(committed) &&
      filesBelow(fresh).join() === filesBelow(committed).join() &&
      filesBelow(fresh).every((file) => readFileSync(join(fresh, file)).equals(readFileSync(join(committed, file))))
    if (!same) {
      console.error('packages/protocol/src/gen is not what proto/ generates: run `pnpm proto` and commit the result')
      process.exitCode = 1
    }
  } else {
    rmSync(committed, { recursive: true, force: true })
    mkdirSync(committed, { recursive: true })
    cpSync(fresh, committed, { recursive: true })
  }
} finally {
  rmSync(fresh, { recursive: true, force: true })
}
