import type { VisitDecision } from '../authorize-visit.js'
import type { NoProcess } from '../process-finder.js'
import type { RefusedVisit } from '../visit.js'
import type { ErrorReport } from './error-page.js'

// The sentences. API codes: publisher-api 1.9.

export const NO_CONTENT: ErrorReport = {
  status: 404,
  apiCode: 4,
  title: 'There is nothing here',
  message: 'No content has this address. It may have been deleted, or the address may be mistyped.',
}

export const NOT_DEPLOYED: ErrorReport = {
  status: 404,
  apiCode: 4,
  title: 'Nothing has been published here yet',
  message: 'This content exists, but no bundle of it has been deployed. Publish it, then reload this page.',
}

export const NO_SUCH_FILE: ErrorReport = {
  status: 404,
  apiCode: 4,
  title: 'There is no such page',
  message: 'This content has no file of that name.',
}

export const NOT_ALLOWED_METHOD: ErrorReport = {
  status: 405,
  apiCode: 2,
  title: 'This is a page to be read',
  message: 'Static content answers GET and HEAD only.',
}

export const SIGN_IN: ErrorReport = {
  status: 401,
  apiCode: 24,
  title: 'Please sign in',
  message: 'This content needs a visitor who is signed in, or an API key in "Authorization: Key …".',
}

export const BAD_KEY: ErrorReport = {
  status: 401,
  apiCode: 30,
  title: 'The API key is not valid',
  message: 'The specified API key is not valid. It may have been revoked, or belong to another server.',
}

export const FORBIDDEN: ErrorReport = {
  status: 403,
  apiCode: 19,
  title: 'You may not see this content',
  message: 'Your account has no permission to view this content. Ask its owner for access.',
}

export const FOREIGN_PAGE: ErrorReport = {
  status: 403,
  apiCode: 19,
  title: 'Not from this page',
  message: 'A WebSocket with a session may only be opened by a page of this server: the Origin header names another one.',
}

export const CONTROL_PLANE_AWAY: ErrorReport = {
  status: 503,
  apiCode: 1,
  title: 'One moment, please',
  message: 'The server is restarting. Content that you have open goes on; try again in a few seconds.',
}

export const BUSY: ErrorReport = {
  status: 503,
  apiCode: 1,
  title: 'Too many visitors at once',
  message: 'This content takes no more connections at the moment. Try again in a few seconds.',
}

export const REFUSED_CONNECTION: ErrorReport = {
  status: 502,
  apiCode: 1,
  title: 'The application does not answer',
  message: 'It was started, but takes no connections. Its log may say why.',
}

export const NO_ANSWER: ErrorReport = {
  status: 502,
  apiCode: 1,
  title: 'The application did not answer',
  message: 'It closed the connection without an answer; it may have ended while it worked on the request. Its log may say why.',
}

export const BAD_ANSWER: ErrorReport = {
  status: 502,
  apiCode: 1,
  title: 'The application answered with something that is not HTTP',
  message: 'Its answer cannot be understood in exactly one way and is not passed on. The server log names the reason.',
}

export const SILENT: ErrorReport = {
  status: 504,
  apiCode: 1,
  title: 'The application took too long',
  message: 'It sent nothing within the connection timeout of this content.',
}

export const NO_WEBSOCKET: ErrorReport = {
  status: 400,
  apiCode: 2,
  title: 'No WebSocket here',
  message: 'Nothing at this address speaks WebSocket.',
}

export const INTERNAL: ErrorReport = {
  status: 500,
  apiCode: 1,
  title: 'Something went wrong here',
  message: 'The gateway failed on this request; its log has the details.',
}

export function refusedVisitReport(refused: RefusedVisit): ErrorReport {
  return {
    status: refused.status,
    apiCode: 121,
    title: 'The request cannot be understood',
    message: `The request was refused: ${refused.reason}.`,
  }
}

export function denialReport(kind: Exclude<VisitDecision['kind'], 'allow'>): ErrorReport {
  switch (kind) {
    case 'sign_in':
      return SIGN_IN
    case 'bad_credential':
      return BAD_KEY
    case 'forbidden':
      return FORBIDDEN
    case 'not_found':
      return NO_CONTENT
    case 'unavailable':
      return CONTROL_PLANE_AWAY
  }
}

/** Why there is no process to answer (R-050; issue: the failing step is shown). */
export function noProcessReport(outcome: NoProcess, maySeeLog: boolean): ErrorReport {
  switch (outcome.kind) {
    case 'refused_connection':
      return REFUSED_CONNECTION
    case 'away':
      return CONTROL_PLANE_AWAY
    case 'full':
      return BUSY
    case 'timed_out':
      return {
        status: 504,
        apiCode: 1,
        title: 'The application could not be started in time',
        message: 'Nobody said in time whether it started. Try again; if it stays so, look at its jobs.',
      }
    case 'failed': {
      const { failure } = outcome
      if (failure.code === 'not_deployed') return NOT_DEPLOYED
      return {
        status: statusOf(failure.code, failure.retryLater),
        apiCode: 1,
        title: 'The application could not be started',
        message: failure.message === '' ? 'It could not be started.' : failure.message,
        start: {
          code: failure.code,
          failingStep: failure.failingStep,
          jobKey: failure.jobKey,
          steps: failure.journey,
          logTail: maySeeLog ? failure.logTail : [],
        },
      }
    }
  }
}

function statusOf(code: string, retryLater: boolean): number {
  if (code === 'init_timeout') return 504
  if (code === 'no_node' || retryLater) return 503
  return 502
}
