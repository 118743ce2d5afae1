import { type Context, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'

const tracer = trace.getTracer('berth.agent')
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Context below which a process's steps are spans: that of whoever asked for it. Anything unreadable = a trace of its own. */
export function contextOf(traceparent: string): Context {
  const parts = TRACEPARENT.exec(traceparent)
  if (parts === null) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = '00'] = parts
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true })
}

/** Runs one step as a span. outcome says whether it failed: steps return their failures. */
export async function withSpan<T extends { readonly kind: string }>(
  name: string,
  parent: Context,
  processId: string,
  work: () => Promise<T>,
): Promise<T> {
  const span: Span = tracer.startSpan(`step ${name}`, { attributes: { 'berth.process_id': processId } }, parent)
  try {
    const outcome = await context.with(trace.setSpan(parent, span), work)
    if (outcome.kind !== 'done') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.kind })
    return outcome
  } catch (error) {
    span.recordException(error instanceof Error ? error : String(error))
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}
