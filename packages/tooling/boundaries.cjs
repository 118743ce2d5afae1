// Who may import whom (docs/architecture/overview.md). Checked by dependency-cruiser in the test command; a planted violation in
// fixtures/ proves that the tool sees what it is to see.

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })
const APP_TEST = String.raw`\.test\.ts$`

module.exports = {
  forbidden: [
    forbid('no-cycles', 'modules form a tree, or nobody can read them one by one', {}, { circular: true }),
    forbid(
      'domain-is-pure',
      'the domain knows words, states and policies: no I/O, no framework, no time',
      { path: '(^|/)packages/domain/src/', pathNot: APP_TEST },
      { pathNot: '(^|/)packages/domain/src/|^(node:)?crypto$' }, // hashing is a pure function
    ),
    forbid(
      'sandbox-plan-is-pure',
      'what a sandbox contains is decided from facts; only the domain may help',
      { path: '(^|/)packages/sandbox-plan/src/', pathNot: APP_TEST },
      { pathNot: '(^|/)packages/(sandbox-plan/src|domain/)' },
    ),
    forbid(
      'apps-never-import-apps',
      'parts talk over the wire',
      { path: '(^|/)apps/([^/]+)/' },
      { path: '(^|/)apps/([^/]+)/', pathNot: '(^|/)apps/$2/' },
    ),
    forbid(
      'generated-code-behind-protocol',
      'only packages/protocol and the sides of the wire see generated messages',
      { path: '(^|/)(packages/(domain|sandbox-plan|api-contract|config)|apps/(dashboard|cli))/' },
      { path: '(^|/)packages/protocol/' },
    ),
    forbid(
      'nest-only-at-the-edge',
      'policies, use cases and stores work without a framework',
      {
        path: '(^|/)apps/[^/]+/src/',
        pathNot: String.raw`(\.controller|\.module|\.guard|\.filter|\.pipe)\.ts$|/http/|control-plane/src/main\.ts$|` + APP_TEST,
      },
      { path: '@nestjs/' },
    ),
    forbid(
      'no-stores-behind-the-gateway',
      'the gateway holds no database, no queue and no framework',
      { path: '(^|/)apps/gateway/src/' },
      { path: 'node_modules/(postgres|bullmq|ioredis|@nestjs)' },
    ),
    forbid(
      'root-parses-no-http-from-strangers',
      'the agent runs as root: no web server, no framework, no database',
      { path: '(^|/)apps/agent/src/' },
      { path: 'node_modules/(postgres|bullmq|ioredis|@nestjs|fastify)' },
    ),
    forbid(
      'sql-stays-below-the-edge',
      'controllers speak to use cases, not to the database',
      { path: String.raw`\.controller\.ts$` },
      { path: 'node_modules/postgres/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules|/dist/|/gen/' },
    exclude: { path: '(^|/)(dist|gen|fixtures)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
}
