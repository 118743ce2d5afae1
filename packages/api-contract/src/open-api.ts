import { z } from 'zod'
import { ENDPOINTS, type Endpoint } from './endpoints.js'
import { errorBody } from './error-body.js'

/** The OpenAPI 3.1 document of everything in ENDPOINTS. serverUrl: where clients reach this server. */
export function openApiDocument(facts: { readonly version: string; readonly serverUrl: string }): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of ENDPOINTS) {
    const path = endpoint.path.replaceAll(/:([a-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Berth', version: facts.version, description: 'Publishing and running content.' },
    servers: [{ url: facts.serverUrl }],
    security: [{ apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'Authorization', description: 'Key, a space, and an API key' },
      },
      schemas: { Error: schema(errorBody, 'output') },
    },
  }
}

function operation(endpoint: Endpoint): object {
  const names = [...endpoint.path.matchAll(/:([a-z]+)/g)].map((match) => match[1] as string)
  const query = endpoint.query === undefined ? [] : Object.keys(endpoint.query.shape)
  return {
    summary: endpoint.summary,
    tags: [endpoint.tag],
    ...(endpoint.isPublic === true ? { security: [] } : {}),
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...query.map((name) => ({ name, in: 'query', required: false, schema: { type: 'string' } })),
    ],
    ...(endpoint.request === undefined ? {} : { requestBody: requestBody(endpoint.request) }),
    responses: {
      [endpoint.status]: {
        description: endpoint.status === 204 ? 'Done' : 'The answer',
        ...(endpoint.response === undefined ? {} : { content: content(endpoint.response, 'output') }),
      },
      default: {
        description: 'What went wrong',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function requestBody(request: NonNullable<Endpoint['request']>): object {
  return { content: content(request, 'input') }
}

function content(shape: z.ZodType | string, io: 'input' | 'output'): object {
  if (typeof shape === 'string')
    return { [shape]: { schema: shape.startsWith('text/') ? { type: 'string' } : { type: 'string', format: 'binary' } } }
  return { 'application/json': { schema: schema(shape, io) } }
}

function schema(shape: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(shape, { io, unrepresentable: 'any' }) as Record<string, unknown>
  return rest
}
